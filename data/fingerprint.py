"""Tells data sets apart, to notice that a run goes on with other data."""

import zlib

import tensorflow as tf

from ibc.data import dataset as dataset_lib


def fingerprint(dataset: dataset_lib.WindowDataset) -> str:
    """Returns a short text that is another one for other data, wherever its files are.

    Looks at all numbers and encoded images, in their order.

    Args:
      dataset: training data; whether it is normalized makes no difference.
    """
    frames = dataset.frames
    checksum = 0
    for values in tf.nest.flatten((frames.step_type, frames.observation, frames.action)):
        values = values.numpy()
        is_encoded = values.dtype == object
        for part in values.flat if is_encoded else [values.tobytes()]:
            checksum = zlib.crc32(part, checksum)
    return f"{dataset.num_windows} windows with checksum {checksum:08x}"
