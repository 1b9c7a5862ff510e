"""An environment that plays one episode at a time and measures it."""

import dataclasses
import os
from typing import Any

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.environments import contract, suite


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


class MeasuredEnvironment:
    """An unbatched environment with the metrics of the episode that it plays."""

    def __init__(self, environment: py_environment.PyEnvironment):
        """Wraps an environment."""
        self._environment = environment
        self._task_metrics = contract.make_metrics(environment, num_episodes=1)
        self.time_step: ts.TimeStep
        """The latest time step, once an episode has been started."""

    def start(self, assignment: Assignment) -> None:
        """Starts an episode."""
        for metric in self._task_metrics:
            metric.reset()
        self._assignment, self._length, self._return = assignment, 0, 0.0
        self._environment.seed(assignment.seed)
        self.time_step = self._environment.reset()

    def step(self, action: Any) -> Outcome | None:
        """Makes a step; returns the outcome if it is the episode's last one."""
        before, self.time_step = self.time_step, self._environment.step(action)
        self._length += 1
        self._return += float(self.time_step.reward)
        frame = _what_metrics_see(before, self.time_step)
        for metric in self._task_metrics:
            metric(frame)
        return self._outcome() if frame.next_step_type == ts.StepType.LAST else None

    def close(self) -> None:
        """Closes the environment."""
        self._environment.close()

    def _outcome(self) -> Outcome:
        seed, picture = self._assignment.seed, self._assignment.picture
        # In float32, as TF-Agents' metrics give them.
        values = {"AverageReturn": self._return, "AverageEpisodeLength": self._length}
        values.update(contract.results(self._task_metrics))
        metrics = {name: float(np.float32(value)) for name, value in values.items()}
        if picture is None:
            return Outcome(seed, metrics)
        inner = suite.gym_env(self._environment)
        inner.save_episode_picture(picture)
        return Outcome(seed, metrics, inner.episode)


def _what_metrics_see(before: ts.TimeStep, after: ts.TimeStep) -> trajectory.Trajectory:
    """Returns a step's frame with a leading [1], without observation and action."""
    values = (before.step_type, after.step_type, after.reward, after.discount)
    step_type, *following = (np.reshape(value, (1,)) for value in values)
    return trajectory.Trajectory(step_type, (), (), (), *following)


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
        task, history_length=sequence_length, use_image_obs=image_obs, shared_memory=shared_memory
    )
    if goal_tolerance is not None:
        contract.set_goal_tolerance(environment, goal_tolerance)
    return environment
