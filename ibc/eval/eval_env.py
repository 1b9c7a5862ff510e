"""Environments as evaluation wants them."""

from tf_agents.environments import py_environment

from ibc.environments import suite


def load(
    task: str,
    sequence_length: int,
    image_obs: bool = False,
    shared_memory: bool = False,
    goal_tolerance: float | None = None,
) -> py_environment.PyEnvironment:
    """Loads an environment whose observations are windows of the last frames.

    Args:
      task: name of the task.
      sequence_length: T, frames per observation; the first is repeated at an episode's start.
      image_obs: use the variant with images.
      shared_memory: use a PyBullet shared-memory server.
      goal_tolerance: distance (m) that counts as reached, for environments that have one.
    """
    environment = suite.load(
        task,
        history_length=sequence_length,
        use_image_obs=image_obs,
        shared_memory=shared_memory,
    )
    inner = suite.gym_env(environment)
    if goal_tolerance is not None and hasattr(inner, "set_goal_dist_tolerance"):
        inner.set_goal_dist_tolerance(goal_tolerance)
    return environment
