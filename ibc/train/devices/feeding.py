"""How batches come to a GPU: gathered in its memory, or copied there before they are needed."""

import tensorflow as tf

from ibc.data.windows import dataset
from ibc.utils import gpu

MOST_BYTES = 1 << 30
"""Data up to this size are held in a GPU's memory, too: the smallest in use have several times
that."""

_READY = 2


def held_on_gpu(
    windows: dataset.WindowDataset, strategy: tf.distribute.Strategy
) -> dataset.WindowDataset | None:
    """Returns windows whose batches one GPU gathers by itself, None where it cannot.

    Args:
      windows: what is trained on.
      strategy: several devices get their shares from the processor.
    """
    device = _the_only_gpu(strategy)
    if device is None or windows.has_images or windows.is_streamed:
        return None
    return windows.on_device(device) if windows.held_bytes <= MOST_BYTES else None


def prefetched(batches: tf.data.Dataset, strategy: tf.distribute.Strategy) -> tf.data.Dataset:
    """Returns batches that are in the memory of the GPU before they are asked for, if there is one.

    Where several devices share a batch, the strategy does so.
    """
    device = _the_only_gpu(strategy)
    if device is None:
        return batches
    return batches.apply(tf.data.experimental.prefetch_to_device(device, _READY))


def _the_only_gpu(strategy: tf.distribute.Strategy) -> str | None:
    return gpu.device() if strategy is tf.distribute.get_strategy() else None
