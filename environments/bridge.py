"""The bridge between TF-Agents environments and the Gymnasium environments inside them."""

from typing import Any

import gymnasium
from tf_agents.environments import gymnasium_wrapper, py_environment
from tf_agents.trajectories import time_step


class SeededGymnasiumWrapper(gymnasium_wrapper.GymnasiumWrapper):
    """TF-Agents' wrapper, with seeds and attributes that reach the environment.

    `seed(n)` means that the next reset is Gymnasium's `reset(seed=n)`; TF-Agents' own
    version replaces a generator that environments with a RandomState never look at.
    """

    def __init__(self, env: gymnasium.Env, discount: float = 1.0, auto_reset: bool = True):
        """Wraps `env`; see `GymnasiumWrapper`."""
        super().__init__(env, discount, auto_reset)
        self._next_seed = None

    def __getattr__(self, name: str) -> Any:
        """Forwards to the environment, through whatever Gymnasium wrappers are in between."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'.")
        return self._gym_env.get_wrapper_attr(name)

    def seed(self, seed: int) -> int:
        """Sets the seed of the next reset."""
        self._next_seed = int(seed)
        return self._next_seed

    def _reset(self) -> time_step.TimeStep:
        seed, self._next_seed = self._next_seed, None
        observation, self._info = self._gym_env.reset(seed=seed)
        self._terminated = False
        self._truncated = False
        return time_step.restart(observation)


def gym_env(env: py_environment.PyEnvironment) -> gymnasium.Env:
    """Returns the innermost Gymnasium environment of a TF-Agents environment.

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
    return inner.gym.unwrapped
