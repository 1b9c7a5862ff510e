"""Losses of soft actor-critic with importance weights and absorbing states.

Haarnoja et al., arXiv 1812.05905; absorbing states from Kostrikov et al., arXiv 1809.02925. `free`
is 1 where a state has an action and an entropy, and 0 in the absorbing state, which has neither.
"""

import tensorflow as tf


def soft_target(
    reward: tf.Tensor,
    discount: tf.Tensor,
    next_value: tf.Tensor,
    next_log_prob: tf.Tensor,
    alpha: tf.Tensor,
    next_free: tf.Tensor,
) -> tf.Tensor:
    """Returns y = r + γ(min q̄(s', ã') − free' · α · log π(ã'|s')), a constant.

    Args:
      reward: float32 [B].
      discount: float32 [B], γ, 0 where the episode terminated.
      next_value: float32 [B], the lower of the target critics at (s', ã').
      next_log_prob: float32 [B].
      alpha: Temperature, a scalar.
      next_free: float32 [B].
    """
    return tf.stop_gradient(reward + discount * (next_value - next_free * alpha * next_log_prob))


def critic_loss(
    values: tuple[tf.Tensor, tf.Tensor], target: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
    """Returns Σ over both critics of mean w(q − y)², a scalar.

    Args:
      values: q₁ and q₂ [B].
      target: y [B].
      weight: w [B].
    """
    return tf.add_n([tf.reduce_mean(weight * tf.square(q - target)) for q in values])


def actor_loss(
    log_prob: tf.Tensor,
    value: tf.Tensor,
    alpha: tf.Tensor,
    weight: tf.Tensor,
    free: tf.Tensor,
    value_free: tf.Tensor | float = 1.0,
) -> tf.Tensor:
    """Returns mean[w · free · α · log π(ã|s) − value_free · min q(s, ã)], a scalar.

    Importance weights stand before the entropy alone, as published.

    Args:
      log_prob: float32 [B].
      value: float32 [B], the lower critic's at actions that carry the actor's gradient.
      alpha: Temperature, a constant scalar.
      weight: float32 [B].
      free: float32 [B].
      value_free: float32 [B], where the value counts.
    """
    return tf.reduce_mean(weight * free * alpha * log_prob - value_free * value)


def temperature_loss(
    log_alpha: tf.Tensor,
    log_prob: tf.Tensor,
    target_entropy: float,
    weight: tf.Tensor,
    free: tf.Tensor,
) -> tf.Tensor:
    """Returns −mean[w · free · exp(log α) · (log π + H̄)], a scalar with a gradient for log α.

    Args:
      log_alpha: A scalar.
      log_prob: float32 [B], a constant here.
      target_entropy: H̄.
      weight: float32 [B].
      free: float32 [B].
    """
    excess = tf.stop_gradient(log_prob + target_entropy)
    return -tf.reduce_mean(weight * free * tf.exp(log_alpha) * excess)
