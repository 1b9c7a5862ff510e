"""Where an episode comes from: the simulator of a run's task, or a recording."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import gin

from ibc.data.formats import convert
from ibc.deploy import load
from ibc.environments import tasks
from ibc.open_loop import choice, playing
from ibc.pictures import episode, looking
from ibc.runtime import description as description_lib
from ibc.runtime import policy as policy_lib
from ibc.train.run import run_folder

_FRAMES_PER_SECOND = 10.0


@dataclasses.dataclass(frozen=True)
class Source:
    """A policy, and an episode to look at it in."""

    policy: policy_lib.Policy
    """Has a landscape."""
    title: str
    """What pictures call the episode."""
    about: str
    """What is demonstrated in it, for people."""
    stem: str
    """What names of files begin with after what is drawn."""
    fps: float
    """Its steps per second."""
    moments: Callable[[], Iterator[episode.Moment]]
    """Plays it."""
    close: Callable[[], None] = lambda: None
    """Closes the simulator."""

    def at(self, step: int) -> episode.Moment:
        """Plays it up to the moment of a step, or the next one at which the policy looks.

        Raises:
          ValueError: The episode ends before.
        """
        last = 0
        for moment in self.moments():
            if moment.step >= step:
                return moment
            last = moment.step
        raise ValueError(f"--step={step} is after the episode, whose last step is {last}.")

    def __enter__(self) -> "Source":
        """Returns itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the simulator."""
        self.close()


def open_source(
    folder: pathlib.Path, task: str | None, dataset_path: str | None, number: int | None
) -> Source:
    """Finds what to look at.

    Args:
      folder: Of an exported policy, perhaps in a run.
      task: Whose simulator is taken; None takes the run's.
      dataset_path: Recordings to take instead; without a task, those of the run.
      number: Seed, or number of a recorded episode; None takes that of the task's videos, or the
        first episode that training held out.

    Raises:
      FileNotFoundError, ValueError, ImportError: There is nothing to look at, or the policy has no
        landscape or is of another robot; the message says what to give.
    """
    run = folder.parent.parent
    bound = run_folder.bound_values(run)
    named = task or (bound.get("task") or [None])[0]
    if number is None and dataset_path is None and named is not None:
        number = tasks.get_task(named).video_seed
    # With an episode's seed, a policy acts as in training's evaluation; older ones take none.
    has_seeds = (folder / description_lib.FILE).is_file()
    policy = load.load_policy(folder, (number or 0) if has_seeds else None)
    looking.check(policy.description)
    trained_on = choice.read_run(run)
    if dataset_path is None and named is None:
        dataset_path = trained_on.dataset_path
        if dataset_path is None:
            raise ValueError(
                f"{folder} tells neither a task nor what it was trained on: give --task, or "
                "--dataset_path with recordings."
            )
    if dataset_path is None:
        return _simulated(policy, named, bound, number)
    return _recorded(policy, dataset_path, trained_on, number)


def _recorded(
    policy: policy_lib.Policy, dataset_path: str, run: choice.Run, number: int | None
) -> Source:
    recording = convert.open_source(dataset_path)
    playing.check_fits(policy, recording)
    wanted = None if number is None else str(number)
    number = int(choice.choose(recording, dataset_path, wanted, run).numbers[0])
    return Source(
        policy,
        f"recorded episode {number}",
        f"the ring is what was done in {dataset_path}",
        f"episode_{number}",
        _FRAMES_PER_SECOND,
        lambda: episode.recorded(policy, recording, number),
    )


def _simulated(policy: policy_lib.Policy, name: str, bound: Mapping[str, Any], seed: int) -> Source:
    task = tasks.get_task(name)
    task.import_configurables()
    _bind(bound)
    simulator = episode.open_simulator(
        policy.description,
        name,
        seed,
        bound.get("train_eval.image_obs", False),
        bound.get("train_eval.goal_tolerance"),
    )
    demonstrates = simulator.oracle is not None
    return Source(
        policy,
        f"{name}, seed {seed}",
        "the ring is what the oracle would do" if demonstrates else "nothing is demonstrated",
        f"seed_{seed}",
        simulator.fps,
        lambda: episode.simulated(policy, simulator, seed),
        simulator.environment.close,
    )


def _bind(bound: Mapping[str, Any]) -> None:
    """Binds a run's parameters that gin knows here, those of its environment, unless they are."""
    with gin.unlock_config():
        for name, value in bound.items():
            with contextlib.suppress(ValueError):
                if "." in name and not _is_bound(name):
                    gin.bind_parameter(name, value)


def _is_bound(name: str) -> bool:
    try:
        gin.query_parameter(name)
    except ValueError:
        return False
    return True
