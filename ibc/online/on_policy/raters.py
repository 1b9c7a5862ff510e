"""What rates the rollouts of NEAR, AMP and PPO, made of a run's options."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ibc.data import pairs as pairs_lib
from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import demonstrated
from ibc.online.on_policy import loop as loop_lib
from ibc.online.on_policy import options as options_lib
from ibc.rewards import amp, annealers, composition, near


class NearRater(tf.Module):
    """Rewards of an energy, annealed with the rollouts."""

    def __init__(self, reward: near.NearReward, is_absorbing: bool):
        """Wraps the reward; says whether only the goal ends what is to come."""
        super().__init__(name="near_rater")
        self.reward, self._is_absorbing = reward, is_absorbing

    def rate(
        self, rollout: loop_lib.Collected, frame: int
    ) -> tuple[np.ndarray, Mapping[str, float]]:
        """See `loop.Rater`."""
        rated = self.reward.rollout(rollout.pairs, rollout.reward, rollout.reached, frame)
        return rated.combined, {
            "minibatch_energy": float(rated.energy.mean()),
            "minibatch_energy_reward": float(rated.learned.mean()),
            "minibatch_shaped_task_reward": float(rollout.reward.mean()),
            "ncsn_perturbation_level": float(self.reward.level),
        }

    def terminations(self, rollout: loop_lib.Collected) -> np.ndarray:
        """See `loop.Rater`."""
        return rollout.reached if self._is_absorbing else rollout.terminated


class AmpRater(tf.Module):
    """Rewards of a discriminator that is trained by the agent's optimizer."""

    def __init__(self, reward: amp.AmpReward):
        """Wraps the reward."""
        super().__init__(name="amp_rater")
        self.reward = reward

    def rate(
        self, rollout: loop_lib.Collected, frame: int
    ) -> tuple[np.ndarray, Mapping[str, float]]:
        """See `loop.Rater`; draws what the update to come is to learn from."""
        del frame
        pairs = rollout.pairs
        rated = self.reward.rollout(pairs, rollout.reward)
        self.reward.begin_update(pairs.reshape(-1, pairs.shape[-1]))
        return rated.combined, {
            "minibatch_disc_reward": float(rated.learned.mean()),
            "minibatch_shaped_task_reward": float(rollout.reward.mean()),
        }

    def terminations(self, rollout: loop_lib.Collected) -> np.ndarray:
        """See `loop.Rater`."""
        return rollout.terminated


def demonstrations(
    config: run_config.OnlineConfig, chosen: options_lib.Options, observation_size: int
) -> pairs_lib.Pairs:
    """Loads pairs of a run's demonstrations.

    Raises:
      ValueError, FileNotFoundError: They are unusable, or another task's.
    """
    dataset = demonstrated.dataset(config)
    pairs = pairs_lib.load(dataset, pairs_lib.PairOptions(pair_stride=chosen.amp.pair_stride))
    if pairs.state_size != observation_size:
        raise ValueError(
            f"{dataset} has states of {pairs.state_size} numbers, but task {config.task} observes "
            f"{observation_size}: give online_train_eval.dataset_path."
        )
    return pairs


def _amp_rater(
    config: run_config.OnlineConfig, chosen: options_lib.Options, copies: copies_lib.Copies
) -> AmpRater:
    pairs = demonstrations(config, chosen, copies.observation_size)
    ppo = chosen.ppo
    steps = ppo.num_envs * ppo.horizon // ppo.minibatch_size
    discriminator = chosen.amp.discriminator(copies.observation_size, config.seed)
    return AmpRater(
        amp.AmpReward(discriminator, pairs.train, chosen.amp, steps, config.seed),
    )


def make(
    config: run_config.OnlineConfig, chosen: options_lib.Options, copies: copies_lib.Copies
) -> loop_lib.Rater:
    """Returns what rates the rollouts of a run.

    Args:
      config: Whose algorithm decides.
      chosen: The other options.
      copies: What is acted in.

    Raises:
      ValueError, FileNotFoundError: An option, the energy or the demonstrations are unusable.
    """
    if config.algorithm == "PPO":
        return loop_lib.TaskRewards()
    if config.algorithm == "AMP":
        return _amp_rater(config, chosen, copies)
    reward = chosen.reward
    energy = load_energy(config, reward, copies.observation_size)
    annealer = annealers.make(
        reward.annealing, energy.num_levels, reward.sigma_level, config.steps, reward.progress
    )
    is_absorbing = reward.terminal == "absorbing"
    return NearRater(
        near.NearReward(
            energy,
            annealer,
            reward.transform,
            reward.task_reward_w,
            reward.energy_reward_w,
            chosen.ppo.gamma if is_absorbing else None,
        ),
        is_absorbing,
    )


def load_energy(
    config: run_config.OnlineConfig, reward: options_lib.Reward, observation_size: int
) -> near.Energy:
    """Loads the energy that a run is to climb, or the sum of several.

    Args:
      config: Whose task and seed name the folder where none is given.
      reward: May give one or several, and weights.
      observation_size: O.

    Raises:
      FileNotFoundError: There is none; the message has the command that trains it.
      ValueError: One is another task's, or they cannot be added up.
    """
    task = config.task.rpartition(":")[2].replace("/", "_")
    given = reward.eb_model_checkpoint or f"runs/ncsn/{task}/seed{config.seed}"
    folders = [given] if isinstance(given, str) else list(given)
    energies = []
    for folder in folders:
        energies.append(pair_energy.load(folder))
        _check_fits(energies[-1], folder, config.task, observation_size)
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


def _mean_of(energy: pair_energy.PairEnergy, folder: str) -> float:
    if composition.MEAN not in energy.description:
        raise ValueError(
            f"the energy in {folder} does not tell its mean over its demonstrations, which is "
            "needed to add several up: run the `ibc/train_ncsn.py` that made it once more."
        )
    return energy.description[composition.MEAN]


def _check_fits(energy: pair_energy.PairEnergy, folder: str, task: str, size: int) -> None:
    """Refuses an energy of another task."""
    of_task = energy.description.get("task")
    if of_task != task or energy.architecture.observation_size != size:
        raise ValueError(
            f"the energy in {folder} is of task {of_task} with "
            f"{energy.architecture.observation_size} numbers observed, but task {task} observes "
            f"{size}: give reward.eb_model_checkpoint, or train one with `python "
            f"ibc/train_ncsn.py --task={task}`."
        )
