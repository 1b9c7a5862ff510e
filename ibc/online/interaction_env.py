"""A Gymnasium environment as learning by interaction sees it: vectors, actions of ±1, time-outs."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np

from ibc.environments import contract, suite, tasks


class Outcome(NamedTuple):
    """What a step brought."""

    observation: np.ndarray
    """float32 [O], what is seen now."""
    reward: float
    """The task's."""
    terminated: bool
    """Whether the episode has ended by itself."""
    timeout: bool
    """Whether its time is up; never both."""
    succeeded: bool | None = None
    """At the end of an episode, whether the task is solved; None where it does not tell."""

    @property
    def is_end(self) -> bool:
        """Whether the episode is over."""
        return self.terminated or self.timeout


class InteractionEnv:
    """Flattens observations, scales actions, and tells time-outs from terminations.

    An episode that reaches the limit has run out of time, even if the environment says then that it
    terminated: so do tasks of a fixed length.
    """

    def __init__(self, env: gymnasium.Env, step_limit: int | None, name: str):
        """Wraps an environment.

        Args:
          env: With a Box or a Dict of Box spaces of numbers as observation, and a Box with finite
            bounds as action. It does not end episodes by a limit of its own.
          step_limit: Steps after which time is up.
          name: Of the task, for messages.

        Raises:
          ValueError: It has other spaces, or no limit.
        """
        self._env, self._name = env, name
        if not step_limit:
            raise ValueError(
                f"task {name} has no limit of steps, but learning by interaction needs one: "
                "register it with max_episode_steps."
            )
        self.step_limit = step_limit
        box = env.action_space
        bounded = isinstance(box, gymnasium.spaces.Box) and box.dtype.kind == "f"
        if not bounded or not np.isfinite([box.low, box.high]).all():
            raise ValueError(
                f"task {name} has actions {box}, but learning by interaction needs a Box with "
                "finite bounds."
            )
        self.action_low, self.action_high = np.ravel(box.low), np.ravel(box.high)
        """float [A], the box."""
        space = env.observation_space
        parts = space.values() if isinstance(space, gymnasium.spaces.Dict) else [space]
        for part in parts:
            if not isinstance(part, gymnasium.spaces.Box) or len(part.shape) > 2:
                raise ValueError(
                    f"task {name} observes {part}, but learning by interaction takes vectors: "
                    "leave images out."
                )
        self.observation_size = sum(int(np.prod(part.shape)) for part in parts)
        """O, without an absorbing bit."""
        self._time = 0

    @property
    def action_size(self) -> int:
        """A."""
        return len(self.action_low)

    @property
    def gym(self) -> gymnasium.Env:
        """The environment inside."""
        return self._env

    def reset(self, seed: int) -> np.ndarray:
        """Begins the episode of a seed; returns what is seen, float32 [O]."""
        self._time = 0
        return _vector(self._env.reset(seed=seed)[0])

    def step(self, action: np.ndarray) -> Outcome:
        """Takes an action [A] within ±1."""
        share = (np.clip(action, -1, 1) + 1) / 2
        scaled = self.action_low + share * (self.action_high - self.action_low)
        box = self._env.action_space
        observation, reward, terminated, truncated, info = self._env.step(
            np.reshape(scaled.astype(box.dtype), box.shape)
        )
        self._time += 1
        timeout = self._time >= self.step_limit or truncated
        is_end = terminated or timeout
        return Outcome(
            _vector(observation),
            float(reward),
            bool(terminated and not timeout),
            bool(timeout),
            contract.told_success(self._env.unwrapped, info) if is_end else None,
        )


def load(task: str) -> InteractionEnv:
    """Loads the environment of a task.

    Args:
      task: 'ant', 'halfcheetah', 'hopper' or 'walker2d' for Gymnasium's fourth version of them, or
        any name that `tasks.get_task` knows.

    Raises:
      ValueError: Unknown task, or none that can be learned by interaction.
      ImportError: A simulator is not installed.
    """
    name = tasks.gym_name(task)
    description = tasks.get_task(name)
    description.register()
    env = suite.gymnasium_wrapper_of(suite.load(name, max_episode_steps=0)).gym
    limit = gymnasium.spec(description.environment_id()).max_episode_steps
    # A task of fixed length has no limit besides, but says how long it is.
    return InteractionEnv(env, limit or getattr(env.unwrapped, "n_steps", None), task)


def greedy_returns(
    envs: list[InteractionEnv],
    act: Callable[[np.ndarray], np.ndarray],
    episodes: int,
    seed: int = 0,
) -> np.ndarray:
    """Returns what whole episodes bring, [episodes]; see `play_greedily`."""
    return play_greedily(envs, act, episodes, seed)[0]


def play_greedily(
    envs: list[InteractionEnv],
    act: Callable[[np.ndarray], np.ndarray],
    episodes: int,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Plays whole episodes side by side, with one call of the policy per step.

    Args:
      envs: As many episodes at a time.
      act: From observations [N, O] to actions [N, A] within ±1; N is always `len(envs)`.
      episodes: How many; episode i begins with the seed `seed` + i.
      seed: Of the first.

    Returns:
      Returns [episodes], and whether each was solved at its end, [episodes], None where the task
      does not tell.
    """
    returns, solved = np.zeros(episodes), np.zeros(episodes)
    for first in range(0, episodes, len(envs)):
        running = list(range(min(len(envs), episodes - first)))
        seen = np.zeros([len(envs), envs[0].observation_size], np.float32)
        for row in running:
            seen[row] = envs[row].reset(seed + first + row)
        while running:
            actions = act(seen)
            for row in list(running):
                outcome = envs[row].step(actions[row])
                seen[row] = outcome.observation
                returns[first + row] += outcome.reward
                if outcome.is_end:
                    running.remove(row)
                    solved[first + row] = np.nan if outcome.succeeded is None else outcome.succeeded
    # Some tell it of episodes alone that are solved.
    return returns, None if np.isnan(solved).all() else np.nan_to_num(solved)


def _vector(observation: Any) -> np.ndarray:
    """Returns an observation as float32 [O], parts of a dict by sorted key."""
    if isinstance(observation, Mapping):
        parts = [np.ravel(observation[key]) for key in sorted(observation)]
        return np.concatenate(parts, dtype=np.float32)
    return np.ravel(observation).astype(np.float32)
