"""Loads D4RL environments for TF-Agents, by the names of their data sets."""

from tf_agents.environments import py_environment

from ibc.environments import suite
from ibc.environments.d4rl import d4rl_tasks


def load_d4rl(
    env_name: str, history_length: int | None = None, max_episode_steps: int | None = None
) -> py_environment.PyEnvironment:
    """Loads the environment of a D4RL data set.

    Args:
      env_name: Name such as 'door-human-v0', a key of `d4rl_tasks.TASKS`.
      history_length: If given, observations are [history_length, observation_size].
      max_episode_steps: Limit of the episode length; None means D4RL's, 0 none.

    Returns:
      An unbatched environment with float32 observations and actions, each one tensor.

    Raises:
      ValueError: There is no such environment.
      ImportError: The simulators are not installed.
    """
    d4rl_tasks.get_family(env_name)
    return suite.load(env_name, history_length, max_episode_steps=max_episode_steps)
