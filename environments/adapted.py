"""Environments that were made for something else, as training and recording want them."""

import warnings
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

_WRAP = "; register it with a wrapper around it that changes this (see gymnasium.wrappers)"


class AdaptedEnv(gymnasium.Wrapper):
    """Numbers are observed as float32, images as they are; actions are a vector within bounds."""

    def __init__(self, env: gymnasium.Env, task: str):
        """Wraps an environment.

        Args:
          env: Any environment with a Box, or a Dict of Box spaces, as observation, and a Box of
            real numbers as action.
          task: Its name, for messages.

        Raises:
          ValueError: It has other spaces.
        """
        super().__init__(env)
        self.observation_space = _observed(env.observation_space, task)
        self._actions = env.action_space
        if not isinstance(self._actions, spaces.Box) or self._actions.dtype.kind != "f":
            raise ValueError(
                f"task {task} has actions {self._actions}, but only a Box of real numbers can be "
                f"learned{_WRAP}."
            )
        bounds = (np.float32(self._actions.low), np.float32(self._actions.high))
        self.action_space = spaces.Box(*map(np.ravel, bounds), dtype=np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        """Starts an episode; see `gymnasium.Env`."""
        observation, info = self.env.reset(seed=seed, options=options)
        return _as_observed(observation, self.observation_space), info

    def restore(self, observation: Any) -> Any:
        """Goes to a recorded start, in environments that can; see `contract.Offer`."""
        restored = self.env.unwrapped.restore(observation)
        return _as_observed(restored, self.observation_space)

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict]:
        """Makes a step with an action [action_size], clipped to its bounds; see `gymnasium.Env`."""
        box = self._actions
        wanted = np.reshape(np.asarray(action, box.dtype), box.shape)
        observation, reward, terminated, truncated, info = self.env.step(
            np.clip(wanted, box.low, box.high)
        )
        observation = _as_observed(observation, self.observation_space)
        return observation, float(reward), bool(terminated), bool(truncated), info


def make(env_id: str, task: str) -> gymnasium.Env:
    """Makes a registered environment, without its step limit, and adapts it.

    Raises:
      ValueError: It cannot be made, or it has spaces that nothing here can learn.
      ImportError: A simulator is not installed.
    """
    try:
        entry_point = gymnasium.spec(env_id).entry_point
        if isinstance(entry_point, str):
            entry_point = gymnasium.envs.registration.load_env_creator(entry_point)
        modes = getattr(entry_point, "metadata", {}).get("render_modes", ())
        with warnings.catch_warnings():
            # The versions that recordings were made with are older than the latest.
            warnings.filterwarnings("ignore", message=".*is out of date")
            env = gymnasium.make(
                env_id,
                disable_env_checker=True,
                max_episode_steps=-1,
                **({"render_mode": "rgb_array"} if "rgb_array" in modes else {}),
            )
    except gymnasium.error.DependencyNotInstalled as error:
        raise ImportError(f"task {task}: {error}") from error
    except gymnasium.error.Error as error:
        raise ValueError(f"task {task} cannot be made: {error}") from error
    return AdaptedEnv(env, task)


def _observed(space: gymnasium.Space, task: str) -> gymnasium.Space:
    """Returns the space of what is observed where the environment has `space`."""
    parts = space.items() if isinstance(space, spaces.Dict) else [("", space)]
    for key, part in parts:
        if not isinstance(part, spaces.Box):
            name = f"the observation '{key}'" if key else "observations"
            raise ValueError(
                f"task {task} has {name} of type {type(part).__name__}, but only a Box, or a Dict "
                f"of Box spaces, can be learned from{_WRAP}."
            )
    if isinstance(space, spaces.Dict):
        return spaces.Dict({key: _observed(part, task) for key, part in parts})
    if _is_image(space):
        return space
    low, high = (np.atleast_1d(np.float32(bound)) for bound in (space.low, space.high))
    return spaces.Box(low, high, dtype=np.float32)


def _as_observed(observation: Any, space: gymnasium.Space) -> Any:
    if isinstance(space, spaces.Dict):
        return {key: _as_observed(observation[key], part) for key, part in space.items()}
    return np.reshape(np.asarray(observation, space.dtype), space.shape)


def _is_image(space: spaces.Box) -> bool:
    """Whether recordings hold values of this space as pictures."""
    return space.dtype == np.uint8 and len(space.shape) == 3 and space.shape[-1] == 3
