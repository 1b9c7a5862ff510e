"""What the machine can do: the rate of matrix products, which bounds everything else.

A benchmark that imports this works as `train_eval.py` does, in one lane per core.
"""

import pathlib
import resource
import sys
import time
from collections.abc import Callable

from ibc.utils import startup

startup.import_tensorflow_quietly()

# What is measured works on random files that tests have, too.
sys.path.append(str(pathlib.Path(__file__).parent.parent))

# isort: split
import tensorflow as tf
from absl import flags

from ibc.utils import gpu
from ibc.utils.parallel import lanes

lanes.set_up()

ROWS = 4096 if gpu.device() is None else 65536
"""Rows that keep all of the device busy with products."""

QUICK = flags.DEFINE_bool("quick", False, "Measure for a moment only, to see that all runs.")

_PRODUCTS = 50


def best_seconds(fn: Callable[[], object], seconds: float = 3.0) -> float:
    """Returns the shortest time of a call among those that fit into about `seconds`.

    Other work on the machine only makes calls longer, so the shortest is nearest to the limit.
    """
    fn()
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        fn()
        times.append(time.perf_counter() - start)
    return min(times)


def matmul_flops(
    rows: int, width: int, dtype: tf.DType = tf.float32, seconds: float = 3.0
) -> float:
    """Returns multiplications and additions per second of [rows, width] @ [width, width].

    Every lane makes such products, one after the other, for about `seconds`.
    """
    kernel = _random([width, width], dtype) / width**0.5

    def products(hidden: tf.Tensor) -> tf.Tensor:
        for _ in range(_PRODUCTS):
            hidden = tf.matmul(hidden, kernel)
        return hidden[0, 0]

    taken = _seconds_in_lanes(products, [rows, width], dtype, seconds)
    return _PRODUCTS * 2 * rows * width**2 * lanes.count() / taken


def training_flops(rows: int, width: int, seconds: float = 3.0) -> float:
    """As `matmul_flops`, for the three products that training makes of each layer in float32.

    They are inputs @ kernel, and upstream gradients @ kernelᵀ and inputsᵀ @ upstream gradients.
    """
    kernel = _random([width, width], tf.float32) / width**0.5

    def products(hidden: tf.Tensor) -> tf.Tensor:
        to_kernel = tf.zeros([width, width])
        for _ in range(_PRODUCTS):
            outputs = tf.matmul(hidden, kernel)
            to_kernel += tf.matmul(hidden, outputs, transpose_a=True)
            hidden = tf.matmul(outputs, kernel, transpose_b=True)
        return hidden[0, 0] + to_kernel[0, 0]

    taken = _seconds_in_lanes(products, [rows, width], tf.float32, seconds)
    return 3 * _PRODUCTS * 2 * rows * width**2 * lanes.count() / taken


def peak_memory_mb() -> float:
    """Returns the most memory that this process has taken: on the GPU where there is one."""
    if gpu.device() is None:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return tf.config.experimental.get_memory_info("GPU:0")["peak"] / 1e6


def described(gflops: float) -> str:
    """Returns a rate in words."""
    if gflops >= 1e4:
        return f"{gflops / 1e3:7.2f} TFLOP/s"
    return f"{gflops:7.1f} GFLOP/s"


def _random(shape: list[int], dtype: tf.DType) -> tf.Tensor:
    return tf.cast(tf.random.normal(shape), dtype)


def _seconds_in_lanes(
    products: Callable[[tf.Tensor], tf.Tensor], shape: list[int], dtype: tf.DType, seconds: float
) -> float:
    """Measures how long the lanes take that each compute this of a tensor of their own."""
    of_lanes = [_random(shape, dtype) for _ in range(lanes.count())]

    @tf.function
    def in_lanes() -> list[tf.Tensor]:
        return [products(tensor) for tensor in of_lanes]

    return best_seconds(lambda: in_lanes()[0].numpy(), seconds)
