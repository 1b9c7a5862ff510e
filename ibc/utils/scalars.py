"""Scalars for TensorBoard, written outside compiled computations."""

from collections.abc import Mapping

import tensorflow as tf


def write(
    writer: tf.summary.SummaryWriter, step: int, values: Mapping[str, float], prefix: str = ""
) -> None:
    """Writes scalars under `prefix` + name and flushes, so that a dashboard shows them at once."""
    with writer.as_default(step=step), tf.summary.record_if(True):
        for name, value in values.items():
            tf.summary.scalar(prefix + name, value)
    writer.flush()
