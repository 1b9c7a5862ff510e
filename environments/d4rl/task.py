"""The D4RL tasks: names, sizes, limits, reference scores and ids. Imports no simulator.

Fu et al., D4RL: Datasets for Deep Data-Driven Reinforcement Learning, 2020. A task's name is that
of a data set; the data sets of one family were recorded in the same environment.
"""

import dataclasses
import difflib
import functools
from collections.abc import Mapping, Sequence
from typing import Any

from ibc.environments import task

_PACKAGE = "ibc.environments.d4rl"
DESCRIBED = "https://github.com/Farama-Foundation/D4RL/wiki/Tasks"


@dataclasses.dataclass(frozen=True)
class Family:
    """An environment that one or more data sets were recorded in."""

    data_sets: tuple[str, ...]
    """Names of the data sets, which are the names of tasks and of Gymnasium ids."""
    entry_point: str
    """'module:class' of the environment."""
    observation_size: int
    """Numbers in an observation."""
    action_size: int
    """Numbers in an action."""
    max_episode_steps: int
    """Limit of the episode length."""
    random_return: float
    """D4RL's average return of random actions."""
    expert_return: float
    """D4RL's average return of its expert."""
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    """Arguments of the environment's constructor."""
    rewards_accumulate: bool = False
    """Whether recorded rewards may count all that was done so far, not what the step added."""

    def normalized_return(self, episode_return: float) -> float:
        """Returns 0 for the random return, 100 for the expert's, and so on linearly."""
        span = self.expert_return - self.random_return
        return 100 * (episode_return - self.random_return) / span


def _adroit(name: str, observation_size: int, action_size: int, steps: int, *returns) -> Family:
    entry_point = f"{_PACKAGE}.adroit:{name.capitalize()}Env"
    return Family(
        (f"{name}-human-v0",), entry_point, observation_size, action_size, steps, *returns
    )


def _kitchen(data_sets: Sequence[str], elements: Sequence[str]) -> Family:
    names = tuple(f"kitchen-{name}-v0" for name in data_sets)
    arguments = {"elements": tuple(elements)}
    return Family(names, f"{_PACKAGE}.kitchen:KitchenEnv", 60, 9, 280, 0.0, 4.0, arguments, True)


def _locomotion(body: str, observation_size: int, action_size: int, *returns) -> Family:
    data_sets = ("expert", "medium-expert", "medium-replay", "medium")
    return Family(
        tuple(f"{body.lower()}-{name}-v0" for name in data_sets),
        f"{_PACKAGE}.locomotion:{body}Env",
        observation_size,
        action_size,
        1000,
        *returns,
    )


def _antmaze(size: str) -> Family:
    names = tuple(f"antmaze-{size}-{name}-v0" for name in ("diverse", "play"))
    return Family(
        names, f"{_PACKAGE}.antmaze:AntMazeEnv", 29, 8, 1000, 0.0, 1.0, {"maze_size": size}
    )


DOOR = _adroit("door", 39, 28, 200, -56.512833, 2880.5693087298737)
HAMMER = _adroit("hammer", 46, 26, 200, -274.856578, 12794.134825156867)
PEN = _adroit("pen", 45, 24, 100, 96.262799, 3076.8331017826877)
RELOCATE = _adroit("relocate", 39, 30, 200, -6.425911, 4233.877797728884)
KITCHEN = _kitchen(
    ("complete", "partial"), ("microwave", "kettle", "light switch", "slide cabinet")
)
KITCHEN_MIXED = _kitchen(("mixed",), ("microwave", "kettle", "bottom burner", "light switch"))
HALFCHEETAH = _locomotion("HalfCheetah", 17, 6, -280.178953, 12135.0)
HOPPER = _locomotion("Hopper", 11, 3, -20.272305, 3234.3)
WALKER2D = _locomotion("Walker2d", 17, 6, 1.629008, 4592.3)
ANTMAZE_MEDIUM = _antmaze("medium")
ANTMAZE_LARGE = _antmaze("large")

FAMILIES = (
    PEN, HAMMER, DOOR, RELOCATE,
    KITCHEN, KITCHEN_MIXED,
    HALFCHEETAH, HOPPER, WALKER2D,
    ANTMAZE_MEDIUM, ANTMAZE_LARGE,
)  # fmt: skip

FAMILY_OF = {name: family for family in FAMILIES for name in family.data_sets}


def get_family(name: str) -> Family:
    """Returns the environment of a D4RL task.

    Raises:
      ValueError: There is no such task; the message names the nearest and lists all.
    """
    if name in FAMILY_OF:
        return FAMILY_OF[name]
    near = difflib.get_close_matches(name.lower(), FAMILY_OF, n=3)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise ValueError(f"unknown D4RL task '{name}'; {hint}available: {', '.join(FAMILY_OF)}.")


@functools.cache
def register() -> None:
    """Registers the environments with Gymnasium under the names of their data sets, once."""
    import gymnasium

    for name, family in FAMILY_OF.items():
        gymnasium.register(
            id=name,
            entry_point=family.entry_point,
            max_episode_steps=family.max_episode_steps,
            kwargs=dict(family.arguments),
        )


TASKS = tuple(
    task.Task(
        name=name,
        env_id=name,
        register=register,
        config_families=("d4rl",),
        metrics_module=f"{_PACKAGE}.d4rl_metrics",
        data_source=f"HDF5 file, described at {DESCRIBED}",
    )
    for name in FAMILY_OF
)
