"""Tasks of DeepMind's control suite: names, ids, lengths, what is seen. Imports no simulator.

Tassa et al., dm_control: Software and Tasks for Continuous Control, 2020. REACHER_HARD and
REACHER_HARD2 look as in BootIfOL (arXiv 2302.06540): the floor is white, and on it, in the former,
five flat discs come and go from episode to episode.
"""

import functools
from collections.abc import Mapping
from typing import Any

from ibc.environments import task

MAX_EPISODE_STEPS = 1000
"""Control steps of an episode, in all tasks of the suite."""
VIDEO_STEPS = 60
"""Actions in a video."""
ACTION_REPEAT = 2
"""Control steps for which an action is held in a video."""
_PACKAGE = "ibc.environments.dm_control"
_SUITE, _REACHER = f"{_PACKAGE}.dm_control_env:DmControlEnv", f"{_PACKAGE}.reacher:ReacherEnv"
_ORACLES = {"reacher_oracle": f"{_PACKAGE}.reacher_oracle:ReacherOracle"}

# Name of a task and of its id → class, and what it is made with.
_KINDS: dict[str, tuple[str, Mapping[str, Any]]] = {
    "ReacherEasy": (_REACHER, {"task": "easy"}),
    "ReacherHard": (_REACHER, {"task": "hard", "white_floor": True, "discs": True}),
    "ReacherHard2": (_REACHER, {"task": "hard", "white_floor": True}),
    "FingerTurnEasy": (_SUITE, {"domain": "finger", "task": "turn_easy"}),
    "HopperStand": (_SUITE, {"domain": "hopper", "task": "stand"}),
    "WalkerRun": (_SUITE, {"domain": "walker", "task": "run"}),
    "CartpoleSwingup": (_SUITE, {"domain": "cartpole", "task": "swingup"}),
}


@functools.cache
def register() -> None:
    """Registers the tasks with Gymnasium, observed as numbers and as pictures, once."""
    import gymnasium

    for name, (entry_point, arguments) in _KINDS.items():
        for kind, use_image_obs in (("", False), ("Rgb", True)):
            gymnasium.register(
                id=f"{name}{kind}-v0",
                entry_point=entry_point,
                max_episode_steps=MAX_EPISODE_STEPS,
                kwargs={**arguments, "use_image_obs": use_image_obs},
            )


def _task(name: str) -> task.Task:
    capitals = "".join(f"_{letter}" if letter.isupper() else letter for letter in name)
    return task.Task(
        name=capitals.strip("_").upper(),
        env_id=f"{name}-v0",
        image_env_id=f"{name}Rgb-v0",
        register=register,
        oracles=_ORACLES if _KINDS[name][0] == _REACHER else {},
        config_families=("d4rl", "pushing_states", "particle"),
        data_source="recorded episodes",
        video_steps=VIDEO_STEPS,
        action_repeat=ACTION_REPEAT,
    )


TASKS = tuple(_task(name) for name in _KINDS)
