"""Metrics that read one number from an environment at the end of each episode."""

import operator
from collections.abc import Callable, Sequence

import gin
import gymnasium
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.metrics import py_metrics
from tf_agents.trajectories import time_step, trajectory


class EpisodeEndMetric(py_metrics.StreamingMetric):
    """Average over episodes of a number the environment has when an episode ends.

    It is an observer of trajectory frames. At the frame that leads to the last step the
    environment has not been reset yet, so what is read belongs to the episode that ends.
    """

    def __init__(
        self,
        env: gymnasium.Env | Sequence[gymnasium.Env],
        read: Callable[[gymnasium.Env], float],
        name: str,
        buffer_size: int = 10,
        batch_size: int | None = None,
    ):
        """Creates the metric.

        Args:
          env: The environment, or one for each row of batched trajectories.
          read: Returns the number, given an environment.
          name: Name under which the metric is reported.
          buffer_size: Number of latest episodes to average over.
          batch_size: Accepted as by TF-Agents' metrics; the environments decide.
        """
        self._environments = env if isinstance(env, Sequence) else [env]
        self._read = read
        super().__init__(name, buffer_size, batch_size)

    def call(self, trajectory: trajectory.Trajectory) -> None:
        """Reads the environments whose frame leads to a last step."""
        # Called for every frame, so the costly batching of the base class is left out.
        ends = np.equal(trajectory.next_step_type, time_step.StepType.LAST)
        if not ends.any():
            return
        if ends.size != len(self._environments):
            raise ValueError(
                f"{self.name} reads {len(self._environments)} environment(s), "
                f"but was given frames of {ends.size}."
            )
        for row in np.flatnonzero(ends):
            self.add_to_buffer([float(self._read(self._environments[row]))])

    def _batched_call(self, trajectory: trajectory.Trajectory) -> None:
        self.call(trajectory)

    def _reset(self, batch_size: int) -> None:
        """Nothing is kept from frame to frame."""


class AttributeMetric(EpisodeEndMetric):
    """Average over episodes of an attribute of the environment, under the class's name."""

    attribute: str
    """Attribute that is read."""

    def __init__(
        self,
        env: gymnasium.Env | Sequence[gymnasium.Env],
        name: str | None = None,
        buffer_size: int = 10,
        batch_size: int | None = None,
    ):
        """Creates the metric; see `EpisodeEndMetric`."""
        read = operator.attrgetter(self.attribute)
        super().__init__(env, read, name or type(self).__name__, buffer_size, batch_size)


@gin.configurable
class AverageSuccessMetric(AttributeMetric):
    """Share of episodes that ended in success."""

    attribute = "succeeded"


class ToldSuccess(EpisodeEndMetric):
    """Share of episodes that ended in success, of an environment that may or may not tell it.

    An environment that tells only when there was one had none in its other episodes.
    """

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        read: Callable[[py_environment.PyEnvironment], bool | None],
        buffer_size: int = 10,
    ):
        """Creates the metric; `read` returns None where success is not told."""
        super().__init__(env, self._read_told, AverageSuccessMetric.__name__, buffer_size)
        self._read_or_none = read
        self.is_told = False

    def _read_told(self, env: py_environment.PyEnvironment) -> float:
        value = self._read_or_none(env)
        self.is_told |= value is not None
        return float(value or False)


@gin.configurable
class AverageFinalGoalDistance(AttributeMetric):
    """Average distance (m) to the goal at the end of the episode."""

    attribute = "goal_distance"
