"""Derivatives of scores with respect to their actions, and their norms."""

from collections.abc import Callable

import tensorflow as tf

GRAD_NORMS = ("1", "2", "inf", None)


def check_grad_norm_type(grad_norm_type: str | None) -> None:
    """Raises ValueError unless `grad_norm_type` names a norm or is None."""
    if grad_norm_type not in GRAD_NORMS:
        raise ValueError(
            f"grad_norm_type must be '1', '2', 'inf' or None, but is {grad_norm_type!r}."
        )


def gradient_norm(gradient: tf.Tensor, grad_norm_type: str | None) -> tf.Tensor:
    """Norms of gradients over their last axis.

    Args:
      gradient: float32 [..., A].
      grad_norm_type: '1', '2', 'inf', or None for zeros.

    Returns:
      float32 [...].

    Raises:
      ValueError: The norm is unknown.
    """
    check_grad_norm_type(grad_norm_type)
    if grad_norm_type is None:
        return tf.zeros_like(gradient[..., 0])
    if grad_norm_type == "1":
        return tf.reduce_sum(tf.abs(gradient), axis=-1)
    if grad_norm_type == "inf":
        return tf.reduce_max(tf.abs(gradient), axis=-1)
    squared = tf.reduce_sum(tf.square(gradient), axis=-1)
    # The square root's own gradient is infinite at zero.
    positive = squared > 0
    return tf.where(positive, tf.sqrt(tf.where(positive, squared, 1.0)), 0.0)


def scores_and_gradients(
    score_fn: Callable[[tf.Tensor], tf.Tensor], actions: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores actions and differentiates each score by its own action.

    Under an outer tape both results carry gradients to the network's weights.

    Args:
      score_fn: Maps actions [B, N, A] to scores [B, N], each from its own action alone.
      actions: float32 [B, N, A].

    Returns:
      Scores float32 [B, N] and their derivatives float32 [B, N, A].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(actions)
        scores = score_fn(actions)
    return scores, tape.gradient(scores, actions)
