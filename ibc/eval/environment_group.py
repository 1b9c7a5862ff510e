"""Environments side by side, in waves that the policy acts for in turn."""

import abc
import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tf_agents.environments import py_environment
from tf_agents.trajectories import time_step as ts

from ibc.eval import measured_environment


@dataclasses.dataclass(frozen=True)
class Reply:
    """What has become of a wave's episodes."""

    wave: int
    """Index of the wave."""
    time_step: ts.TimeStep
    """Latest time steps [width, ...]; rows that have played no episode yet hold another's."""
    outcomes: dict[int, measured_environment.Outcome]
    """Row → outcome of the episode that has ended with this time step, by rows."""


class EnvironmentGroup(abc.ABC):
    """Environments, each a row of one of the waves.

    Starting episodes and making steps begins work, and `receive` waits for it: meanwhile the
    policy can act for another wave. A wave must be received before it is given more to do.
    """

    width: int
    """Rows of the time steps of any wave."""
    sizes: Sequence[int]
    """Number of each wave's environments, at most `width`; they are its first rows."""
    _at_work: Collection[int]
    """Waves that have not been received yet."""

    def start(self, wave: int, assignments: Mapping[int, measured_environment.Assignment]) -> None:
        """Starts an episode in each of the given rows."""
        self._work("start", wave, assignments)

    def step(self, wave: int, actions: Mapping[int, Any]) -> None:
        """Makes one step in each of the given rows, whose episodes must not have ended."""
        self._work("step", wave, actions)

    @abc.abstractmethod
    def receive(self) -> Reply:
        """Waits for the wave that has been at work for longest."""

    def discard(self) -> None:
        """Waits for all waves at work, which nobody wants to receive any more."""
        while self._at_work:
            self.receive()

    @abc.abstractmethod
    def close(self) -> None:
        """Releases environments and processes."""

    @abc.abstractmethod
    def _work(self, method: str, wave: int, arguments: Mapping[int, Any]) -> None:
        """Has environments 'start' or 'step' in some rows of a wave, row → argument."""


class LocalGroup(EnvironmentGroup):
    """A group in this process: one wave, whose work is done at once."""

    def __init__(self, environments: Sequence[py_environment.PyEnvironment]):
        """Creates a group of unbatched environments of one task."""
        self.width = len(environments)
        self.sizes = [self.width]
        self._environments = [measured_environment.MeasuredEnvironment(e) for e in environments]
        self._wave = Wave(0, self.width)
        self._at_work = set()

    def receive(self) -> Reply:
        """See `EnvironmentGroup`."""
        self._at_work.clear()
        return self._wave.reply()

    def close(self) -> None:
        """See `EnvironmentGroup`."""
        for environment in self._environments:
            environment.close()

    def _work(self, method: str, wave: int, arguments: Mapping[int, Any]) -> None:
        self._wave.update(arguments, *call(self._environments, method, arguments))
        self._at_work.add(wave)


class Wave:
    """What has become of a wave's episodes, as far as it is known."""

    def __init__(self, index: int, width: int):
        """Creates a wave without episodes."""
        self._index, self._width = index, width
        self._latest: ts.TimeStep | None = None
        self._outcomes: dict[int, measured_environment.Outcome] = {}

    def update(
        self,
        rows: Iterable[int],
        time_steps: ts.TimeStep,
        outcomes: Iterable[measured_environment.Outcome | None],
    ) -> None:
        """Replaces n rows by time steps [n, ...]; adds the outcomes of those that ended."""
        rows = list(rows)
        if self._latest is None:
            self._latest = tf.nest.map_structure(
                lambda values: np.repeat(values[:1], self._width, axis=0), time_steps
            )
        pairs = zip(tf.nest.flatten(self._latest), tf.nest.flatten(time_steps), strict=True)
        for latest, values in pairs:
            latest[rows] = values
        ended = zip(rows, outcomes, strict=True)
        self._outcomes.update({row: outcome for row, outcome in ended if outcome is not None})

    def reply(self) -> Reply:
        """Returns a copy of all rows, and the outcomes since the last time."""
        outcomes, self._outcomes = dict(sorted(self._outcomes.items())), {}
        return Reply(self._index, tf.nest.map_structure(np.copy, self._latest), outcomes)


def call(
    environments: Sequence[measured_environment.MeasuredEnvironment],
    method: str,
    arguments: Mapping[int, Any],
) -> tuple[ts.TimeStep, list[measured_environment.Outcome | None]]:
    """Starts episodes in some environments, or makes steps.

    Args:
      environments: environments of one task.
      method: 'start' or 'step'.
      arguments: index of each of n environments → assignment or action.

    Returns:
      Time steps [n, ...] and the n outcomes, None unless an episode has ended.
    """
    outcomes = [getattr(environments[i], method)(value) for i, value in arguments.items()]
    time_steps = [environments[i].time_step for i in arguments]
    return tf.nest.map_structure(lambda *values: np.stack(values), *time_steps), outcomes
