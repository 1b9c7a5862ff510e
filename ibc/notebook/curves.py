"""What a run has measured over its steps, from the event files that it writes for TensorBoard.

They hold what came before an interruption, too.
"""

import os
import pathlib
import typing
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

if typing.TYPE_CHECKING:
    from tensorboard.compat.proto import event_pb2


class Curve(NamedTuple):
    """A number over the steps of a training: `plt.plot(*curve)`."""

    steps: np.ndarray
    """int64 [n], ascending."""
    values: np.ndarray
    """float64 [n]."""


def read(folder: str | os.PathLike) -> dict[str, Curve]:
    """Reads the scalars of a folder's event files: tag → curve; of equal steps the latest one.

    Nothing where there is no folder. What a damaged file holds after the damage is left out.
    """
    import tensorflow as tf

    found: dict[str, dict[int, float]] = {}
    for events in _files(folder):
        for event in events:
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name in ("", "scalars"):
                    number = tf.make_ndarray(value.tensor)
                    if number.ndim == 0:
                        found.setdefault(value.tag, {})[event.step] = float(number)
    return {tag: _curve(values) for tag, values in found.items()}


def working_seconds(folder: str | os.PathLike) -> float:
    """Returns how long the processes that wrote a folder's event files wrote them, together."""
    times = ([event.wall_time for event in events] for events in _files(folder))
    return float(sum(max(each) - min(each) for each in times if each))


def _files(folder: str | os.PathLike) -> Iterator[Iterator["event_pb2.Event"]]:
    """Yields the events of each event file, in the order of their names: that of time."""
    import tensorflow as tf
    from tensorboard.compat.proto import event_pb2

    for file in sorted(pathlib.Path(folder).glob("events.out.tfevents.*")):
        records = tf.data.TFRecordDataset(str(file)).ignore_errors()
        yield (event_pb2.Event.FromString(record.numpy()) for record in records)


def _curve(values: dict[int, float]) -> Curve:
    steps = sorted(values)
    return Curve(np.array(steps, np.int64), np.array([values[step] for step in steps], np.float64))


NONE = Curve(np.zeros(0, np.int64), np.zeros(0))
"""Where nothing was measured."""
