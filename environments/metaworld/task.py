"""Tasks of Meta-World: names, ids, lengths. Imports no simulator.

Yu et al., Meta-World: A Benchmark and Evaluation for Multi-Task and Meta Reinforcement Learning,
2019, in its third version.
"""

import functools

from ibc.environments import task

MAX_EPISODE_STEPS = 500
"""Control steps of an episode."""
VIDEO_STEPS = 50
"""Actions in a video."""
ACTION_REPEAT = 2
"""Control steps for which an action is held in a video."""
_PACKAGE = "ibc.environments.metaworld"
_NAMES = (
    "BUTTON_PRESS",
    "BUTTON_PRESS_TOPDOWN",
    "DRAWER_CLOSE",
    "DOOR_OPEN",
    "PLATE_SLIDE",
    "WINDOW_CLOSE",
    "PICK_PLACE",
    "PEG_INSERT_SIDE",
)


def _stem(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_"))


@functools.cache
def register() -> None:
    """Registers the tasks with Gymnasium, observed as numbers and as pictures, once."""
    import gymnasium

    for name in _NAMES:
        for kind, use_image_obs in (("", False), ("Rgb", True)):
            gymnasium.register(
                id=f"{_stem(name)}{kind}-v0",
                entry_point=f"{_PACKAGE}.metaworld_env:MetaWorldEnv",
                max_episode_steps=MAX_EPISODE_STEPS,
                kwargs={
                    "task": f"{name.lower().replace('_', '-')}-v3",
                    "use_image_obs": use_image_obs,
                },
            )


TASKS = tuple(
    task.Task(
        name=name,
        env_id=f"{_stem(name)}-v0",
        image_env_id=f"{_stem(name)}Rgb-v0",
        register=register,
        oracles={"metaworld_script": f"{_PACKAGE}.scripted_oracle:ScriptedOracle"},
        config_families=("d4rl", "pushing_states", "particle"),
        video_steps=VIDEO_STEPS,
        action_repeat=ACTION_REPEAT,
    )
    for name in _NAMES
)
