"""The particle tasks, of two goals and of one, and their ids."""

import functools

from ibc.environments import task

ENV_ID = "Particle-v0"
REACH_ENV_ID = "ParticleReach-v0"
REACH_STEPS = 15
"""Length of an episode with one goal."""
_PACKAGE = "ibc.environments.particle"


@functools.cache
def register() -> None:
    """Registers the particle environments with Gymnasium, once."""
    import gymnasium

    gymnasium.register(id=ENV_ID, entry_point=f"{_PACKAGE}.particle:ParticleEnv")
    gymnasium.register(
        id=REACH_ENV_ID,
        entry_point=f"{_PACKAGE}.particle_reach:ParticleReachEnv",
        max_episode_steps=REACH_STEPS,
    )


TASKS = (
    task.Task(
        name="PARTICLE",
        env_id=ENV_ID,
        register=register,
        oracles={"particle_green_then_blue": f"{_PACKAGE}.particle_oracles:ParticleOracle"},
        config_families=("particle",),
        video_seed=42,  # goals far apart
        metrics_module=f"{_PACKAGE}.particle_metrics",
    ),
    task.Task(
        name="PARTICLE_REACH",
        env_id=REACH_ENV_ID,
        register=register,
        oracles={"particle_reach": f"{_PACKAGE}.reach_policies:ReachOracle"},
        baselines={
            f"particle_{name}": f"{_PACKAGE}.reach_policies:{name.capitalize()}"
            for name in ("noisy", "slow", "still", "elsewhere", "late")
        },
        config_families=("particle", "pushing_states", "d4rl"),
    ),
)
