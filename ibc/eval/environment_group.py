"""Environments side by side, each playing one episode at a time and measuring it."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.metrics import py_metrics
from tf_agents.trajectories import time_step, trajectory

from ibc.environments import suite


@dataclasses.dataclass(frozen=True)
class Assignment:
    """The episode that an environment is to play."""

    seed: int
    """Environment seed."""
    picture: str | os.PathLike | None = None
    """File for a picture of the episode once it has ended, if one is wanted."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """An episode that has ended."""

    seed: int
    """Environment seed."""
    metrics: dict[str, float]
    """Metric → value of this episode."""
    episode: Any = None
    """What the task's pictures are drawn from, if a picture was asked for."""


class EnvironmentGroup(Protocol):
    """Environments with the indices 0 … num_envs − 1."""

    num_envs: int

    def start(self, assignments: Mapping[int, Assignment]) -> dict[int, time_step.TimeStep]:
        """Starts an episode in each of the given environments; returns first time steps."""

    def step(
        self, actions: Mapping[int, Any]
    ) -> dict[int, tuple[time_step.TimeStep, Outcome | None]]:
        """Makes one step in each of the given environments.

        Args:
          actions: environment's index → action.

        Returns:
          Environment's index → time step, and the outcome if it is the episode's last one.
        """

    def close(self) -> None:
        """Releases environments and processes."""


class LocalGroup:
    """An `EnvironmentGroup` in this process."""

    def __init__(self, environments: Sequence[py_environment.PyEnvironment]):
        """Creates a group of unbatched environments of one task."""
        self.num_envs = len(environments)
        self._environments = environments
        self._metrics = [_episode_metrics(environment) for environment in environments]
        self._assignments: dict[int, Assignment] = {}
        self._time_steps: dict[int, time_step.TimeStep] = {}

    def start(self, assignments: Mapping[int, Assignment]) -> dict[int, time_step.TimeStep]:
        """See `EnvironmentGroup`."""
        for index, assignment in assignments.items():
            for metric in self._metrics[index]:
                metric.reset()
            self._environments[index].seed(assignment.seed)
            self._time_steps[index] = self._environments[index].reset()
        self._assignments.update(assignments)
        return {index: self._time_steps[index] for index in assignments}

    def step(
        self, actions: Mapping[int, Any]
    ) -> dict[int, tuple[time_step.TimeStep, Outcome | None]]:
        """See `EnvironmentGroup`."""
        return {index: self._step(index, action) for index, action in actions.items()}

    def close(self) -> None:
        """See `EnvironmentGroup`."""
        for environment in self._environments:
            environment.close()

    def _step(self, index: int, action: Any) -> tuple[time_step.TimeStep, Outcome | None]:
        following = self._environments[index].step(action)
        frame = _what_metrics_see(self._time_steps[index], following)
        for metric in self._metrics[index]:
            metric(frame)
        self._time_steps[index] = following
        return following, self._outcome(index) if following.is_last() else None

    def _outcome(self, index: int) -> Outcome:
        assignment = self._assignments[index]
        metrics = {m.name: float(np.asarray(m.result())) for m in self._metrics[index]}
        if assignment.picture is None:
            return Outcome(assignment.seed, metrics)
        inner = suite.gym_env(self._environments[index])
        inner.save_episode_picture(assignment.picture)
        return Outcome(assignment.seed, metrics, inner.episode)


def _episode_metrics(environment: py_environment.PyEnvironment) -> list:
    """Returns metrics of a task that look at one episode."""
    return [
        py_metrics.AverageReturnMetric(buffer_size=1),
        py_metrics.AverageEpisodeLengthMetric(buffer_size=1),
        *suite.task_metrics(environment, num_episodes=1),
    ]


def _what_metrics_see(
    before: time_step.TimeStep, after: time_step.TimeStep
) -> trajectory.Trajectory:
    """Returns a step's frame with a leading [1], without observation and action."""
    return trajectory.Trajectory(
        step_type=np.reshape(before.step_type, (1,)),
        observation=(),
        action=(),
        policy_info=(),
        next_step_type=np.reshape(after.step_type, (1,)),
        reward=np.reshape(after.reward, (1,)),
        discount=np.reshape(after.discount, (1,)),
    )
