"""What the machine can do: the rate of matrix products, which bounds everything else."""

import time
from collections.abc import Callable

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import tensorflow as tf
from absl import flags

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


def matmul_flops(rows: int, width: int, dtype: tf.DType = tf.float32) -> float:
    """Returns multiplications and additions per second of [rows, width] @ [width, width]."""
    inputs = tf.cast(tf.random.normal([rows, width]), dtype)
    kernel = tf.cast(tf.random.normal([width, width]) / width**0.5, dtype)

    @tf.function
    def products() -> tf.Tensor:
        hidden = inputs
        for _ in range(_PRODUCTS):
            hidden = tf.matmul(hidden, kernel)
        return hidden

    return _PRODUCTS * 2 * rows * width**2 / best_seconds(lambda: products().numpy())
