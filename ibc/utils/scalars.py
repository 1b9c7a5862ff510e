"""Scalars for TensorBoard, written outside compiled computations."""

from collections.abc import Collection, Mapping

import tensorflow as tf

from ibc.utils import tags


def write(
    writer: tf.summary.SummaryWriter,
    step: int,
    values: Mapping[str, float],
    prefix: str = "",
    repeated: Collection[str] = (),
) -> None:
    """Writes scalars under `prefix` + name and flushes, so that a dashboard shows them at once.

    Args:
      writer: where they go.
      step: training step that they belong to.
      values: name → value.
      prefix: what tags begin with.
      repeated: names of what other tags tell already. Scripts find them in the event file, but
        TensorBoard does not show them: it shows what is marked for one of its plugins.
    """
    with writer.as_default(step=step), tf.summary.record_if(True):
        for name, value in values.items():
            tag = prefix + name
            if name in repeated:
                tf.summary.write(tag, tf.constant(value, tf.float32))
            else:
                tf.summary.scalar(tag, value, description=tags.describe(tag))
    writer.flush()
