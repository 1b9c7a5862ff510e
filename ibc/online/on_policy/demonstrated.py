"""What a run on policy makes of demonstrations beside its reward: starts, and measures."""

import glob

from absl import logging

from ibc.data import pairs
from ibc.environments import bodies, tasks
from ibc.online import run_config
from ibc.online.on_policy import copies, motions, options, starts


def dataset(config: run_config.OnlineConfig) -> str:
    """Returns where a run's demonstrations are, by default its task's or those of its state."""
    task = tasks.get_task(tasks.gym_name(config.task))
    return config.dataset_path or tasks.get_task(task.states_of or task.name).dataset_glob()


def begun(config: run_config.OnlineConfig, ppo: options.Ppo) -> copies.Begun | None:
    """Returns what has episodes begin in demonstrations; None where they begin as the task's do.

    Raises:
      ValueError, FileNotFoundError: The task is no body of MuJoCo, or there are no demonstrations
        of it.
    """
    share = options.STARTS[ppo.state_init]
    if not share:
        return None
    bodies.load(config.task)
    return starts.begun_in(pairs.read(dataset(config)).episodes(), config.task, share)


def measured(config: run_config.OnlineConfig, repeat: int) -> motions.Motions | None:
    """Returns what measures a run's motions; None without a body or without demonstrations.

    What is unusable at the default place, where nobody has named it, only leaves measures out.

    Args:
      config: Task and demonstrations.
      repeat: Steps for which an action is held.

    Raises:
      ValueError, FileNotFoundError: Demonstrations were given, but are unusable.
    """
    place = dataset(config)
    if not bodies.is_known(tasks.gym_name(config.task)):
        return None
    if config.dataset_path is None and not glob.glob(place):
        return None
    body = bodies.load(config.task)
    try:
        return motions.Motions(body, pairs.read(place), repeat)
    except (ValueError, FileNotFoundError) as error:
        if config.dataset_path is not None:
            raise
        logging.warning("Motions are not compared with demonstrations: %s", error)
        return None
