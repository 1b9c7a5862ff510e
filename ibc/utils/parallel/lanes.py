"""Lanes: parts of a computation that run side by side, one on each core.

TensorFlow spreads each operation over all cores, so that after every product and every activation
one core waits for the other. Where a process sets its operations to one thread each, and splits
its work into as many parts as there are cores, cores wait for each other once per training step.
"""

import contextlib
import contextvars
import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import tensorflow as tf

from ibc.utils import child_process

_THREADS_VARIABLE = "TF_NUM_INTRAOP_THREADS"
_Parts = TypeVar("_Parts")

_of_process = 1
_count: contextvars.ContextVar[int | None] = contextvars.ContextVar("ibc_lanes", default=None)


def set_up() -> None:
    """Gives every operation of this process one thread, and the process a lane for each core.

    Without effect where there is a GPU, where TF_NUM_INTRAOP_THREADS says how many threads an
    operation shall have, and where TensorFlow has computed something before.
    """
    global _of_process
    if tf.config.list_physical_devices("GPU") or _THREADS_VARIABLE in os.environ:
        return
    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
    except RuntimeError:
        return
    _of_process = child_process.num_cores()


def count() -> int:
    """Returns how many parts to split work into: 1 without `set_up`, and inside a lane."""
    of_context = _count.get()
    return _of_process if of_context is None else of_context


@contextlib.contextmanager
def limited_to(number: int) -> Iterator[None]:
    """Makes `count` return `number` inside; 1 builds what is to run in a single lane."""
    token = _count.set(number)
    try:
        yield
    finally:
        _count.reset(token)


def side_by_side(fn: Callable[..., _Parts], *tensors: tf.Tensor, axis: int) -> _Parts:
    """Applies a function to parts of tensors, each in a lane of its own.

    Args:
      fn: Maps tensors to a nest of tensors; what it gives for a position along `axis` follows
        from the arguments' values at that position alone.
      *tensors: Tensors of one static size along `axis`; they are split there.
      axis: Which axis; results have it too.

    Returns:
      What `fn(*tensors)` returns.
    """
    size = tensors[0].shape[axis]
    parts = min(count(), size or 1)
    if parts == 1:
        return fn(*tensors)
    sizes = [size // parts + (index < size % parts) for index in range(parts)]
    split = (tf.split(tensor, sizes, axis) for tensor in tensors)
    with limited_to(1):
        of_parts = [fn(*part) for part in zip(*split, strict=True)]
    return tf.nest.map_structure(lambda *results: tf.concat(results, axis), *of_parts)
