"""Starting to sample an action from the one before it."""

import math
import numbers

import tensorflow as tf

from ibc.samplers import draws


def check(fraction: float, std: float) -> None:
    """Checks `IbcPolicy.warm_start_fraction` and `.warm_start_std`.

    Raises:
      ValueError: The fraction is not in [0, 1], or the standard deviation not positive.
    """
    if not (isinstance(fraction, numbers.Real) and 0 <= fraction <= 1):
        raise ValueError(f"IbcPolicy.warm_start_fraction must be in [0, 1], got {fraction!r}.")
    if not (isinstance(std, numbers.Real) and 0 < std < math.inf):
        raise ValueError(f"IbcPolicy.warm_start_std must be a positive number, got {std!r}.")


def near_previous(
    uniform: tf.Tensor,
    previous: tf.Tensor,
    is_first: tf.Tensor,
    fraction: float,
    std: float,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
) -> tf.Tensor:
    """Replaces some of the samples by ones around the previous action.

    Args:
      uniform: float32 [B, N, A], drawn with `seed`.
      previous: float32 [B, A], the previous normalized action.
      is_first: bool [B], rows that have no previous action; they stay as they are.
      fraction: Share of the N samples to replace, rounded, but at least one.
      std: Standard deviation of the Gaussian around the previous action, normalized.
      min_actions: float32 [A], normalized.
      max_actions: float32 [A], normalized.
      seed: Integer tensor [2] or [B, 2].

    Returns:
      float32 [B, N, A] within the bounds, the replaced samples first.
    """
    count = max(1, round(fraction * uniform.shape[1]))
    replaced, kept = uniform[:, :count], uniform[:, count:]
    noise = draws.normal_like(replaced, draws.split(seed, 1)[0])
    near = tf.clip_by_value(previous[:, tf.newaxis] + std * noise, min_actions, max_actions)
    near = tf.where(is_first[:, tf.newaxis, tf.newaxis], replaced, near)
    return tf.concat([near, kept], axis=1)
