"""Batches on their way to training: whose turn it is, decoded images, how many are made ahead."""

import math
from typing import Any

import tensorflow as tf

from ibc.data.records import specs

# A batch of images takes hundreds of megabytes, and its images are decoded in parallel already.
_IMAGE_BATCHES_AT_ONCE = 2
_IMAGE_BATCHES_READY = 1
# Batches of numbers under a limit of memory; otherwise TensorFlow adjusts it.
_BATCHES_AT_ONCE = 2
_BATCHES_READY = 8
_IMAGES_AT_ONCE = 32

MOST_IMAGE_BATCHES = _IMAGE_BATCHES_AT_ONCE + _IMAGE_BATCHES_READY
"""Batches of images that are in memory besides those in use, at most."""


def shuffled(
    step: tf.Tensor, within_batch: tf.Tensor, batch_size: int, num_windows: int, seed: int
) -> tf.Tensor:
    """Returns window numbers of one step's batch when every epoch has its own random order.

    A pure function of (seed, step). What does not fill a batch at an epoch's end is left out of it.

    Args:
      step: int64 scalar, the number of the step.
      within_batch: int64 [n], which rows of the batch.
      batch_size: windows per batch, at most `num_windows`.
      num_windows: how many there are.
      seed: decides the order.

    Returns:
      int64 [n] in [0, num_windows).
    """
    batches = num_windows // batch_size
    epoch_seed = tf.random.experimental.stateless_fold_in(
        tf.constant([seed, 0], tf.int64), step // batches
    )
    return tf.random.experimental.index_shuffle(
        step % batches * batch_size + within_batch, epoch_seed, num_windows - 1
    )


def as_written() -> tf.data.Options:
    """Has a pipeline run as it is written: one that is optimized holds a copy of all columns."""
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False
    return options


def decoded(values: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    """Decodes the images [B, T] of one leaf; numbers and what is decoded stay as they are."""
    if not specs.is_image(spec) or values.dtype == tf.uint8:
        return values
    images = tf.map_fn(
        lambda encoded: decode_image(encoded, spec),
        tf.reshape(values, [-1]),
        fn_output_signature=tf.TensorSpec(spec.shape, tf.uint8),
        parallel_iterations=_IMAGES_AT_ONCE,
    )
    return tf.reshape(images, [*values.shape, *spec.shape])


def decode_image(encoded: tf.Tensor, spec: tf.TensorSpec) -> tf.Tensor:
    """Decodes one JPEG or PNG into uint8 [height, width, channels] of the given spec."""
    return tf.ensure_shape(tf.io.decode_jpeg(encoded, channels=spec.shape[-1]), spec.shape)


def ahead_within(
    limit_mb: float | None,
    held_bytes: int,
    batch_bytes: int,
    in_use: int,
    has_images: bool,
    name: str,
) -> tuple[int, int]:
    """Returns how many batches are made at once and how many may wait, within a limit.

    Args:
      limit_mb: memory for what is held and for batches, in 10⁶ bytes; None for any.
      held_bytes: memory that the data takes without batches.
      batch_bytes: memory of a batch, or of a device's share.
      in_use: batches, or shares, that training uses at a time.
      has_images: whether batches have images.
      name: of the data, for the message.

    Raises:
      ValueError: there is no room for a batch besides those in use.
    """
    most = (_BATCHES_AT_ONCE, _BATCHES_READY)
    if has_images:
        most = (_IMAGE_BATCHES_AT_ONCE, _IMAGE_BATCHES_READY)
    if limit_mb is None:
        return most if has_images else (tf.data.AUTOTUNE, tf.data.AUTOTUNE)
    batches = (int(1e6 * limit_mb) - held_bytes) // batch_bytes - in_use
    if batches < 1:
        used = in_use * batch_bytes
        least = math.ceil((held_bytes + used + batch_bytes) / 1e6)
        raise ValueError(
            f"train_eval.memory_limit_mb is {limit_mb:g}, but {name} needs {least}: "
            f"{held_bytes / 1e6:.3g} to know its frames, {used / 1e6:.3g} for the batch in use and "
            f"{batch_bytes / 1e6:.3g} for the next; raise it, or choose a smaller "
            "train_eval.batch_size."
        )
    at_once = min(most[0], max(1, batches // 2))
    return at_once, min(most[1], batches - at_once)


def window_bytes(observation_spec: Any, action_spec: Any, sequence_length: int) -> int:
    """Returns the memory of a window in a batch; images are there decoded and normalized."""
    leaves = tf.nest.flatten((observation_spec, action_spec))
    sizes = [leaf.shape.num_elements() * (5 if specs.is_image(leaf) else 4) for leaf in leaves]
    return sequence_length * sum(sizes)
