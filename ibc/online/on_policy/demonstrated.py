"""What a run on policy makes of demonstrations beside its reward: starts, and measures."""

import dataclasses
import glob

from absl import logging

from ibc.data import pairs
from ibc.environments import bodies, tasks
from ibc.online import run_config
from ibc.online.on_policy import copies, options, starts
from ibc.online.on_policy import motions as motions_lib


@dataclasses.dataclass(frozen=True)
class Demonstrated:
    """What was made of them."""

    begun: copies.Begun | None = None
    """Has episodes begin in demonstrations; None where they begin as the task's do."""
    motions: motions_lib.Motions | None = None
    """Measures a run's motions; None without a body or without demonstrations."""


def dataset(config: run_config.OnlineConfig) -> str:
    """Returns where a run's demonstrations are, by default its task's or those of its state."""
    return config.dataset_path or tasks.states_glob(config.task)


def load(config: run_config.OnlineConfig, ppo: options.Ppo) -> Demonstrated:
    """Reads a run's demonstrations once, and makes of them what it asks for.

    What is unusable at the default place, where nobody has named it, only leaves measures out.

    Args:
      config: Task and demonstrations.
      ppo: How many episodes begin in demonstrations, and for how long an action is held.

    Raises:
      ValueError, FileNotFoundError: Demonstrations were given, or are begun in, but are unusable;
        or episodes are to begin in them, and the task is no body of MuJoCo.
    """
    share, place = options.STARTS[ppo.state_init], dataset(config)
    if not share and not bodies.is_known(tasks.gym_name(config.task)):
        return Demonstrated()
    is_needed = bool(share) or config.dataset_path is not None
    if not is_needed and not glob.glob(place):
        return Demonstrated()
    body = bodies.load(config.task)
    try:
        recording = pairs.read(place)
        measuring = motions_lib.Motions(body, recording, ppo.action_repeat)
    except (ValueError, FileNotFoundError) as error:
        if is_needed:
            raise
        logging.warning("Motions are not compared with demonstrations: %s", error)
        return Demonstrated()
    begun = starts.begun_in(recording.episodes(), config.task, share) if share else None
    return Demonstrated(begun, measuring)
