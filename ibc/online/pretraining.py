"""Training on expert data alone, before anything is collected."""

import math
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import tensorflow as tf

from ibc.utils import keys, transitions

_STEPS_PER_CALL = 100

Train = Callable[[transitions.Transitions, keys.Key], Mapping[str, tf.Tensor]]
"""Makes a step on a batch and returns scalars, as `LearnedReward.pretrain`."""


def train(
    step: Train,
    expert: transitions.Transitions,
    iterations: int,
    batch_size: int,
    seed: int,
    first: int = 0,
) -> Iterator[tuple[int, dict[str, float]]]:
    """Trains on shuffled epochs, of which the last part that fills no batch is left out.

    What is drawn follows from the seed and the number of the step, so that training can go on where
    it was.

    Args:
      step: What is done in a step; compiled.
      expert: N transitions.
      iterations: Number of steps.
      batch_size: B.
      seed: Of batches and keys.
      first: The first step to do, from 0.

    Yields:
      Now and then, and at the end, how many steps are done, and scalars averaged since before.

    Raises:
      ValueError: There are fewer transitions than a batch needs.
    """
    count = len(expert.step)
    if iterations and batch_size > count:
        raise ValueError(
            f"training.batch_size = {batch_size}, but the expert data has {count} transitions: "
            "give a smaller batch, more trajectories or a smaller imitation.subsample."
        )
    rows = transitions.Transitions(*map(tf.constant, expert))
    base = tf.constant(np.random.default_rng(seed).integers(2**31, size=2), tf.int32)

    @tf.autograph.experimental.do_not_convert
    def one(indices: tf.Tensor, number: tf.Tensor) -> dict[str, tf.Tensor]:
        batch = transitions.Transitions(*(tf.gather(field, indices) for field in rows))
        return dict(step(batch, keys.Key(tf.random.fold_in(base, number))))

    @tf.function(reduce_retracing=True)
    def several(indices: tf.Tensor, start: tf.Tensor) -> dict[str, tf.Tensor]:
        told = one(indices[0], start)
        for i in tf.range(1, tf.shape(indices)[0]):
            more = one(indices[i], start + i)
            told = {name: told[name] + more[name] for name in told}
        return told

    while first < iterations:
        last = min(iterations, first - first % _STEPS_PER_CALL + _STEPS_PER_CALL)
        indices = [_batch(count, batch_size, seed, number) for number in range(first, last)]
        told = several(tf.constant(np.stack(indices), tf.int32), tf.constant(first))
        yield last, {name: float(value) / (last - first) for name, value in told.items()}
        first = last


def check_finite(told: Mapping[str, float], name: str, step: int) -> None:
    """Checks what `train` yields.

    Args:
      told: Scalars.
      name: What is trained, such as 'Reward'.
      step: How many steps are done.

    Raises:
      FloatingPointError: One is infinite or NaN; the message names it, the step and the model.
    """
    for scalar, value in told.items():
        if not math.isfinite(value):
            raise FloatingPointError(
                f"{name}: {scalar} is {value} at step {step} of training on expert data: give a "
                "smaller learning rate."
            )


def _batch(count: int, batch_size: int, seed: int, number: int) -> np.ndarray:
    """Returns which rows are in a batch."""
    epoch, place = divmod(number, count // batch_size)
    order = np.random.default_rng([seed, epoch]).permutation(count)
    return order[place * batch_size : (place + 1) * batch_size]
