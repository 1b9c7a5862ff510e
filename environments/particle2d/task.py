"""The task of a particle on a plane that has to reach the centre: id, limit, oracle.

Diwan et al., Noise-conditioned Energy-based Annealed Rewards (NEAR), 2025.
"""

import functools

from ibc.environments import task

MAX_EPISODE_STEPS = 150
_PACKAGE = "ibc.environments.particle2d"


@functools.cache
def register() -> None:
    """Registers the particle with Gymnasium, one at a time and many at once."""
    import gymnasium

    gymnasium.register(
        id="ParticleGoal-v0",
        entry_point=f"{_PACKAGE}.particle_goal:ParticleGoalEnv",
        vector_entry_point=f"{_PACKAGE}.particle_vector:ParticleGoalVectorEnv",
        max_episode_steps=MAX_EPISODE_STEPS,
    )


TASKS = (
    task.Task(
        name="PARTICLE_GOAL",
        env_id="ParticleGoal-v0",
        register=register,
        oracles={"particle_straight": f"{_PACKAGE}.straight_oracle:StraightOracle"},
        config_families=("particle", "pushing_states", "d4rl"),
    ),
)
