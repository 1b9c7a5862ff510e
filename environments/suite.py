"""Loads the tasks' environments for TF-Agents."""

import gymnasium
from tf_agents.environments import py_environment, wrappers
from tf_agents.metrics import py_metric

from ibc.environments import bridge, tasks

gym_env = bridge.gym_env


def load(
    task: str,
    history_length: int | None = None,
    use_image_obs: bool = False,
    shared_memory: bool = False,
    flatten: bool = False,
    max_episode_steps: int | None = None,
) -> py_environment.PyEnvironment:
    """Loads the environment of a task.

    `env.seed(n)` before a reset makes that reset Gymnasium's `reset(seed=n)`. The same n
    means the same episode whatever the wrappers are.

    Args:
      task: Name of the task, a key of `tasks.TASKS`.
      history_length: If given, observations are [history_length, ...]: the latest ones, the
        latest last, the first one repeated at the start of an episode.
      use_image_obs: Whether observations contain an image.
      shared_memory: Whether to connect to a PyBullet shared-memory server.
      flatten: Whether the observation's parts are concatenated to one vector (keys sorted).
      max_episode_steps: Limit of the episode length; None means the registered one, 0 none.

    Returns:
      An unbatched environment that resets itself when stepped after the last step.

    Raises:
      ValueError: Unknown task, or the task has no such variant.
    """
    description = tasks.get_task(task)
    env_id = description.environment_id(use_image_obs, shared_memory)
    description.register()
    if max_episode_steps is None:
        max_episode_steps = gymnasium.spec(env_id).max_episode_steps
    inner = gymnasium.make(
        env_id, render_mode="rgb_array", disable_env_checker=True, max_episode_steps=-1
    )
    env = bridge.SeededGymnasiumWrapper(inner)
    if max_episode_steps:
        env = wrappers.TimeLimit(env, max_episode_steps)
    if flatten:
        env = wrappers.FlattenObservationsWrapper(env)
    if history_length is not None:
        if history_length < 1:
            raise ValueError(f"history_length must be at least 1, got {history_length}.")
        env = wrappers.HistoryWrapper(env, history_length, tile_first_step_obs=True)
    return env


def task_metrics(
    env: py_environment.PyEnvironment, num_episodes: int
) -> list[py_metric.PyStepMetric]:
    """Returns the environment's own metrics over the last `num_episodes` episodes."""
    metrics, _ = gym_env(env).get_metrics(num_episodes)
    return metrics
