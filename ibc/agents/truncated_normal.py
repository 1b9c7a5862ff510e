"""Exploration noise of DrQ-v2 (arXiv 2107.09645): a normal distribution, cut off at ±1.

Its density is the plain normal's: what is cut off is not accounted for.
"""

import math

import tensorflow as tf

_LARGEST_ACTION = 1 - 1e-6


def sample(
    mean: tf.Tensor, std: tf.Tensor | float, noise: tf.Tensor, clip: float | None = None
) -> tf.Tensor:
    """Returns mean + clip(std · noise, ±clip), cut off at ±(1 − 1e-6).

    The cut's gradient is the identity, so that a mean beyond the bounds finds back.

    Args:
      mean: [B, A].
      std: Standard deviation, a scalar or [B, A].
      noise: Standard normal numbers [B, A].
      clip: Largest deviation from the mean; None for no limit.
    """
    deviation = std * noise
    if clip is not None:
        deviation = tf.clip_by_value(deviation, -clip, clip)
    action = mean + deviation
    cut = tf.clip_by_value(action, -_LARGEST_ACTION, _LARGEST_ACTION)
    return action + tf.stop_gradient(cut - action)


def log_prob(mean: tf.Tensor, std: tf.Tensor | float, action: tf.Tensor) -> tf.Tensor:
    """Returns log N(action; mean, std²) of each dimension, [B, A]."""
    std = tf.convert_to_tensor(std, mean.dtype)
    standard = (action - mean) / std
    return -0.5 * tf.square(standard) - tf.math.log(std) - 0.5 * math.log(2 * math.pi)


def entropy(std: tf.Tensor | float) -> tf.Tensor:
    """Returns the entropy ½ + ½ log 2π + log std of each dimension, of std's shape."""
    return 0.5 + 0.5 * math.log(2 * math.pi) + tf.math.log(std)
