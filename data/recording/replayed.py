"""Recorded episodes played again: each starts, acts and ends as it was recorded."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment, wrappers
from tf_agents.policies import py_policy
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from ibc.data.inspection import replay
from ibc.data.records import shard_reader, shards, specs
from ibc.environments import contract, suite


@dataclasses.dataclass(frozen=True)
class Recording:
    """What is played of an episode."""

    start: Any
    """First observation, without images; the environment's `restore` knows what it needs of it."""
    actions: np.ndarray
    """What was done [n, ...]."""


class ReplayedEpisodes(wrappers.PyEnvironmentBaseWrapper):
    """An environment whose episodes start where recorded ones did, and end with their actions.

    `seed(n)` means that the next reset starts recording n; those past the last begin anew. Noise of
    sensors is seeded by n too. The environment's own ends of episodes hold.
    """

    def __init__(self, env: py_environment.PyEnvironment, recordings: Sequence[Recording]):
        """Wraps an environment that offers `restore`, see `contract.Offer`."""
        super().__init__(env)
        self._recordings = recordings
        self._next_number = 0
        self._actions: np.ndarray | None = None
        self._step_number = 0

    @property
    def recorded_action(self) -> np.ndarray:
        """What was done at this point; after the end, what was done last."""
        return self._actions[min(self._step_number, len(self._actions) - 1)]

    def seed(self, seed: int) -> int:
        """Chooses the recording that the next reset starts."""
        self._next_number = int(seed)
        return self._next_number

    def _reset(self) -> ts.TimeStep:
        recording = self._recordings[self._next_number % len(self._recordings)]
        self._env.seed(self._next_number)
        suite.gymnasium_wrapper_of(self._env).restore_next(recording.start)
        self._actions, self._step_number = recording.actions, 0
        return self._env.reset()

    def _step(self, action: np.ndarray) -> ts.TimeStep:
        if self._actions is None or self._current_time_step.is_last():
            return self.reset()
        time_step = self._env.step(action)
        self._step_number += 1
        if self._step_number == len(self._actions):
            time_step = time_step._replace(step_type=ts.StepType.LAST)
        return time_step


class ReplayPolicy(py_policy.PyPolicy):
    """Does what was done."""

    def __init__(self, env: ReplayedEpisodes):
        """Creates the policy for an environment of recordings."""
        super().__init__(env.time_step_spec(), env.action_spec())
        self._env = env

    def _action(
        self, time_step: ts.TimeStep, policy_state: Any = (), seed: Any = None
    ) -> policy_step.PolicyStep:
        return policy_step.PolicyStep(self._env.recorded_action, policy_state)


def load(
    path: str, env: py_environment.PyEnvironment, task: str, num_episodes: int
) -> ReplayedEpisodes:
    """Returns an environment of the episodes of record files.

    Args:
      path: Record file or glob, or several separated by commas.
      env: Environment of the task, as `suite.load` returns it.
      task: Name of the task, for messages.
      num_episodes: How many episodes there have to be.

    Raises:
      FileNotFoundError, ValueError: Record files are missing, damaged or of too few episodes, their
        actions are not the task's, or the task has no way back to a recorded state.
    """
    contract.required(env, "restore", task)
    try:
        paths = shards.find_shards(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(f"--replay_path={path}: {error}") from error
    expected = tensor_spec.from_spec(env.action_spec())
    recordings = []
    for shard in shards.read_shards(paths):
        misfits = specs.differences(shard.spec.action, expected, "action")
        if misfits:
            raise ValueError(
                f"{shard.path} was not recorded for task {task}: {'; '.join(misfits)}; give other "
                "record files as --replay_path."
            )
        observation = _latest_numbers(shard, env)
        for steps in replay.episodes(shard.frames):
            start = tf.nest.map_structure(lambda values, at=steps.start: values[at], observation)
            recordings.append(Recording(start, shard.frames.action[steps][:-1]))
    if num_episodes > len(recordings):
        raise ValueError(
            f"--replay_path={path} holds {len(recordings)} episodes, but {num_episodes} are asked "
            "for; give a lower --num_episodes or --first_seed."
        )
    return ReplayedEpisodes(env, recordings)


def _latest_numbers(shard: shard_reader.Shard, env: py_environment.PyEnvironment) -> Any:
    """Returns what was observed, without images; of stacked observations the latest ones."""
    spaces, stored = shard.spec.observation, shard.frames.observation
    expected = suite.gymnasium_wrapper_of(env).observation_spec()
    if not isinstance(spaces, Mapping):
        return stored[:, -1] if spaces.shape.rank > 1 else stored
    numbers = {key: stored[key] for key, spec in spaces.items() if not specs.is_image(spec)}
    is_stacked = any(
        spaces[key].shape.rank > len(expected[key].shape) for key in expected if key in numbers
    )
    return {key: values[:, -1] for key, values in numbers.items()} if is_stacked else numbers
