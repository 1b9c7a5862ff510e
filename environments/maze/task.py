"""The maze tasks: ids, limits, policies.

Diwan et al., Noise-conditioned Energy-based Annealed Rewards (NEAR): A Generative Framework for
Imitation Learning from Observation, 2025.
"""

import functools

from ibc.environments import task

MAX_EPISODE_STEPS = 650
_PACKAGE = "ibc.environments.maze"
_IDS = {"Maze-v0": {}, "MazeGoal-v0": {"goal": "random", "distance_reward": 1.0}}
_ORACLES = {"maze_corridor": f"{_PACKAGE}.maze_oracles:CorridorOracle"}
_BASELINES = {"shortcut": f"{_PACKAGE}.maze_oracles:ShortcutPolicy"}


@functools.cache
def register() -> None:
    """Registers both mazes with Gymnasium, one at a time and many at once."""
    import gymnasium

    for env_id, arguments in _IDS.items():
        gymnasium.register(
            id=env_id,
            entry_point=f"{_PACKAGE}.maze:MazeEnv",
            vector_entry_point=f"{_PACKAGE}.maze_vector:MazeVectorEnv",
            max_episode_steps=MAX_EPISODE_STEPS,
            kwargs=arguments,
        )


def _task(
    name: str, env_id: str, baselines: dict[str, str], states_of: str | None = None
) -> task.Task:
    return task.Task(
        name=name,
        env_id=env_id,
        register=register,
        oracles=_ORACLES,
        baselines=baselines,
        config_families=("particle", "pushing_states", "d4rl"),
        metrics_module=f"{_PACKAGE}.maze_metrics",
        states_of=states_of,
    )


TASKS = (_task("MAZE", "Maze-v0", _BASELINES), _task("MAZE_GOAL", "MazeGoal-v0", {}, "MAZE"))
