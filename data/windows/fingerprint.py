"""Tells data sets apart, to notice that a run goes on with other data."""

import zlib

import numpy as np
import tensorflow as tf

from ibc.data.windows import columns
from ibc.data.windows import dataset as dataset_lib


def fingerprint(dataset: dataset_lib.WindowDataset) -> str:
    """Returns a short text that is another one for other data, wherever its files are.

    Looks at all numbers and encoded images, in their order.

    Args:
      dataset: training data; whether it is normalized makes no difference.
    """
    frames = dataset.frames
    checksum = zlib.crc32(np.asarray(frames.step_type).tobytes())
    for column in tf.nest.flatten((frames.observation, frames.action)):
        for part in columns.in_bytes(column):
            checksum = zlib.crc32(part, checksum)
    return f"{dataset.num_windows} windows with checksum {checksum:08x}"
