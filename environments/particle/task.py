"""The particle task, and its id."""

import functools

from ibc.environments import task

ENV_ID = "Particle-v0"
_PACKAGE = "ibc.environments.particle"


@functools.cache
def register() -> None:
    """Registers the particle environment with Gymnasium, once."""
    import gymnasium

    gymnasium.register(id=ENV_ID, entry_point=f"{_PACKAGE}.particle:ParticleEnv")


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
)
