"""Loads the tasks' environments for TF-Agents, and finds the Gymnasium environments in them."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import gymnasium
from tf_agents.environments import gymnasium_wrapper, py_environment, wrappers
from tf_agents.trajectories import time_step

from ibc.environments import adapted, tasks


@dataclasses.dataclass
class Played:
    """How an episode stands."""

    seed: int | None = None
    """It began with; None if it was not told one."""
    steps: int = 0
    """Made so far."""
    total_reward: float = 0.0
    """Of these steps."""


class SeededGymnasiumWrapper(gymnasium_wrapper.GymnasiumWrapper):
    """TF-Agents' wrapper, with seeds and attributes that reach the environment.

    `seed(n)` means that the next reset is Gymnasium's `reset(seed=n)`; TF-Agents' own
    version replaces a generator that environments with a RandomState never look at.
    """

    def __init__(self, env: gymnasium.Env, discount: float = 1.0, auto_reset: bool = True):
        """Wraps `env`; see `GymnasiumWrapper`."""
        super().__init__(env, discount, auto_reset)
        self._next_seed: int | None = None
        self._next_start: Any = None
        self.played = Played()
        """The present episode."""

    def __getattr__(self, name: str) -> Any:
        """Forwards to the environment, through whatever Gymnasium wrappers are in between."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'.")
        return self._gym_env.get_wrapper_attr(name)

    def seed(self, seed: int) -> int:
        """Sets the seed of the next reset."""
        self._next_seed = int(seed)
        return self._next_seed

    def restore_next(self, observation: Any) -> None:
        """Has the next reset start where an episode with this first observation started.

        The environment must offer a `restore`, see `contract.Offer`.
        """
        self._next_start = observation

    def _reset(self) -> time_step.TimeStep:
        seed, self._next_seed = self._next_seed, None
        self.played = Played(seed)
        observation, self._info = self._gym_env.reset(seed=seed)
        start, self._next_start = self._next_start, None
        if start is not None:
            observation = self._gym_env.get_wrapper_attr("restore")(start)
        self._terminated = False
        self._truncated = False
        return time_step.restart(observation)

    def _step(self, action: Any) -> time_step.TimeStep:
        made = super()._step(action)
        self.played.steps += 1
        self.played.total_reward += float(made.reward)
        return made


def gym_env(env: py_environment.PyEnvironment) -> gymnasium.Env:
    """Returns the innermost Gymnasium environment of a TF-Agents environment.

    Raises:
      ValueError: There is none, or it lives in another process.
    """
    return gymnasium_wrapper_of(env).gym.unwrapped


def gymnasium_wrapper_of(env: py_environment.PyEnvironment) -> gymnasium_wrapper.GymnasiumWrapper:
    """Returns the innermost of TF-Agents' wrappers; it knows the latest step's info.

    Raises:
      ValueError: There is none, or it lives in another process.
    """
    inner = env
    while not isinstance(inner, gymnasium_wrapper.GymnasiumWrapper):
        if not hasattr(type(inner), "wrapped_env"):
            raise ValueError(
                f"{type(env).__name__} holds no Gymnasium environment in this process."
            )
        inner = inner.wrapped_env()
    return inner


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
      task: Name of the task, see `tasks.get_task`.
      history_length: If given, observations are [history_length, ...]: the latest ones, the
        latest last, the first one repeated at the start of an episode.
      use_image_obs: Whether observations contain an image.
      shared_memory: Whether to connect to a PyBullet shared-memory server.
      flatten: Whether the observation's parts are concatenated to one vector (keys sorted).
      max_episode_steps: Limit of the episode length; None means the registered one, 0 none.

    Returns:
      An unbatched environment that resets itself when stepped after the last step.

    Raises:
      ValueError: Unknown task, or it has no such variant, or spaces that cannot be learned.
      ImportError: A simulator is not installed.
    """
    description = tasks.get_task(task)
    env_id = description.environment_id(use_image_obs, shared_memory)
    description.register()
    if max_episode_steps is None:
        max_episode_steps = gymnasium.spec(env_id).max_episode_steps
    if description.is_foreign:
        inner = adapted.make(env_id, task)
    else:
        inner = gymnasium.make(
            env_id, render_mode="rgb_array", disable_env_checker=True, max_episode_steps=-1
        )
    env = SeededGymnasiumWrapper(inner)
    if max_episode_steps:
        env = wrappers.TimeLimit(env, max_episode_steps)
    if flatten and isinstance(env.observation_spec(), Mapping):
        env = wrappers.FlattenObservationsWrapper(env)
    if history_length is not None:
        if history_length < 1:
            raise ValueError(f"history_length must be at least 1, got {history_length}.")
        env = wrappers.HistoryWrapper(env, history_length, tile_first_step_obs=True)
    return env
