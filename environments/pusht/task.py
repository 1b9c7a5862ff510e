"""The Push-T task: ids, step limit, policies. Imports no simulator.

Chi et al., Diffusion Policy: Visuomotor Policy Learning via Action Diffusion, 2023, and Florence et
al., Implicit Behavioral Cloning, 2021. The environment is that of the package gym-pusht.
"""

import functools

from ibc.environments import task

MAX_EPISODE_STEPS = 300
MAX_STATE_EPISODE_STEPS = 150
_PACKAGE = "ibc.environments.pusht"
_IDS = {"PushT-v0": {}, "PushTRgb-v0": {"observation": "image"}}


@functools.cache
def register() -> None:
    """Registers the variants with key-points, with images and of states with Gymnasium, once."""
    import gymnasium

    for env_id, arguments in _IDS.items():
        gymnasium.register(
            id=env_id,
            entry_point=f"{_PACKAGE}.pusht:PushTEnv",
            max_episode_steps=MAX_EPISODE_STEPS,
            kwargs=arguments,
        )
    gymnasium.register(
        id="PushTState-v0",
        entry_point=f"{_PACKAGE}.state_reward:PushTStateEnv",
        max_episode_steps=MAX_STATE_EPISODE_STEPS,
    )


TASKS = (
    task.Task(
        name="PUSHT",
        env_id="PushT-v0",
        image_env_id="PushTRgb-v0",
        register=register,
        baselines={"stay": f"{_PACKAGE}.stay_policy:StayPolicy"},
        config_families=("pusht",),
        metrics_module=f"{_PACKAGE}.pusht_metrics",
        data_source="pusht_demos.npz or Push-T zarr",
    ),
    task.Task(
        name="PUSHT_STATE",
        env_id="PushTState-v0",
        register=register,
        baselines={"stay": f"{_PACKAGE}.stay_policy:StayPolicy"},
        config_families=("pushing_states", "d4rl", "particle"),
        metrics_module=f"{_PACKAGE}.pusht_metrics",
        data_source="pusht_demos.npz or Push-T zarr",
    ),
)
