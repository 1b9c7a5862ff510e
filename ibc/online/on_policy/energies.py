"""The energy that a run climbs: one, or the sum of several; of all that is observed, or a state."""

from ibc.environments import tasks
from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import copies
from ibc.online.on_policy import options as options_lib
from ibc.rewards import composition, state_pairs


def load(
    config: run_config.OnlineConfig, reward: options_lib.Reward, observation_size: int
) -> composition.Energy:
    """Loads the energy that a run is to climb, or the sum of several.

    Args:
      config: Whose task and seed name the folder where none is given.
      reward: May give one or several, and weights.
      observation_size: O.

    Raises:
      FileNotFoundError: There is none; the message has the command that trains it.
      ValueError: One is another task's, or they cannot be added up.
    """
    task = _states_of(config.task) or config.task.rpartition(":")[2].replace("/", "_")
    given = reward.eb_model_checkpoint or f"runs/ncsn/{task}/seed{config.seed}"
    folders = [given] if isinstance(given, str) else list(given)
    energies = [_energy_of(folder, config.task, observation_size) for folder in folders]
    if len(energies) == 1 and reward.energy_weights is None:
        return energies[0]
    weights = reward.energy_weights or (1 / len(energies),) * len(energies)
    if len(weights) != len(energies):
        raise ValueError(
            f"reward.energy_weights has {len(weights)} weights, but reward.eb_model_checkpoint "
            f"{len(energies)} energies: give one for each."
        )
    means = [_mean_of(energy, name) for energy, name in zip(energies, folders, strict=True)]
    return composition.ComposedEnergy(
        energies, composition.relative(means), composition.Constant(weights)
    )


def _states_of(task: str) -> str | None:
    return tasks.get_task(tasks.gym_name(task)).states_of


def is_state_of(task: str, size: int, observation_size: int) -> bool:
    """Whether a state of some numbers is what a task observes, or what that begins with."""
    return size == observation_size or _is_beginning(task, size)


def _is_beginning(task: str, size: int) -> bool:
    """Whether the task whose state this one's observations begin with observes some numbers."""
    state = _states_of(task)
    return state is not None and size == copies.load(state, 1).observation_size


def _energy_of(
    folder: str, task: str, observation_size: int
) -> pair_energy.PairEnergy | state_pairs.StateEnergy:
    """Loads an energy of what a task observes, or of the state that this begins with."""
    energy = pair_energy.load(folder)
    size, of_task = energy.architecture.observation_size, energy.description.get("task")
    of_known = tasks.gym_name(of_task or "")
    is_own = of_known == tasks.gym_name(task) and size == observation_size
    is_state = of_known in (tasks.gym_name(task), _states_of(task)) and _is_beginning(task, size)
    if not is_own and not is_state:
        raise ValueError(
            f"the energy in {folder} is of task {of_task} with {size} numbers observed, but task "
            f"{task} observes {observation_size}: give reward.eb_model_checkpoint, or train one "
            f"with `python ibc/train_ncsn.py --task={_states_of(task) or task}`."
        )
    return state_pairs.StateEnergy(energy) if is_state else energy


def _mean_of(energy: pair_energy.PairEnergy | state_pairs.StateEnergy, folder: str) -> float:
    if composition.MEAN not in energy.description:
        raise ValueError(
            f"the energy in {folder} does not tell its mean over its demonstrations, which is "
            "needed to add several up: run the `ibc/train_ncsn.py` that made it once more."
        )
    return energy.description[composition.MEAN]
