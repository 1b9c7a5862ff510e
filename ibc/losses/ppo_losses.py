"""Losses of proximal policy optimisation, and the advantages they are about.

Schulman et al., arXiv 1707.06347 and 1506.02438, in the form of rl_games, which NEAR and AMP use.
Time is the first axis, environments the second.
"""

import math

import numpy as np
import tensorflow as tf


def advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    next_values: np.ndarray,
    ends: np.ndarray,
    discount: float,
    lambda_: float,
) -> np.ndarray:
    """Returns generalised advantages [T, N], float32.

    Â_t = δ_t + γλ(1 − end_t)Â_{t+1}, δ_t = r_t + γV(s'_t) − V(s_t).

    Args:
      rewards: r [T, N].
      values: V(s) [T, N].
      next_values: V of the true next observation, 0 where the episode terminated [T, N].
      ends: Whether the episode ended after the step, terminated or out of time [T, N].
      discount: γ.
      lambda_: λ.
    """
    deltas = rewards + discount * next_values - values
    kept = discount * lambda_ * (1 - ends.astype(np.float32))
    found, following = np.zeros_like(deltas, np.float32), np.zeros(deltas.shape[1:], np.float32)
    for t in reversed(range(len(deltas))):
        following = found[t] = deltas[t] + kept[t] * following
    return found


def published_advantages(
    rewards: np.ndarray,
    values: np.ndarray,
    last_values: np.ndarray,
    ends: np.ndarray,
    discount: float,
    lambda_: float,
) -> np.ndarray:
    """Returns NEAR's advantages [T, N], which are cut a step early and leak over ends.

    Its ends are stored after a step and read as if before it, and a time limit counts as one.

    Args:
      rewards: As for `advantages`, as are values and ends.
      values: V(s) [T, N].
      last_values: V of what is seen after the last step [N].
      ends: [T, N].
      discount: γ.
      lambda_: λ.
    """
    shifted = np.concatenate([ends[1:], ends[-1:]]).astype(np.float32)
    following = np.concatenate([values[1:], last_values[np.newaxis]]) * (1 - shifted)
    return advantages(rewards, values, following, shifted, discount, lambda_)


def clipped_ratio(
    log_prob: tf.Tensor, old_log_prob: tf.Tensor, advantage: tf.Tensor, clip: float
) -> tf.Tensor:
    """Returns max(−Â ρ, −Â clip(ρ, 1 ± ε)) of each row, ρ = π/π_old.

    Args:
      log_prob: log π [B].
      old_log_prob: log π_old [B].
      advantage: Â [B].
      clip: ε.
    """
    ratio = tf.exp(log_prob - old_log_prob)
    bounded = tf.clip_by_value(ratio, 1 - clip, 1 + clip)
    return tf.maximum(-advantage * ratio, -advantage * bounded)


def value_errors(
    values: tf.Tensor, returns: tf.Tensor, old_values: tf.Tensor, clip: float | None = None
) -> tf.Tensor:
    """Returns (V − R)² of each row; with a clip the larger one of that and V near its old value.

    Args:
      values: V [B].
      returns: R [B].
      old_values: V before the update [B].
      clip: How far V may have gone from it; None for no such bound.
    """
    errors = tf.square(values - returns)
    if clip is None:
        return errors
    near = old_values + tf.clip_by_value(values - old_values, -clip, clip)
    return tf.maximum(errors, tf.square(near - returns))


def bound_excess(means: tf.Tensor, bound: float) -> tf.Tensor:
    """Returns Σ max(|μ| − bound, 0)² of each row [B] of means [B, A]."""
    return tf.reduce_sum(tf.square(tf.maximum(tf.abs(means) - bound, 0.0)), -1)


def log_prob(means: tf.Tensor, log_std: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
    """Returns log N(a; μ, σ²) [B], independent in each dimension.

    Args:
      means: μ [B, A].
      log_std: log σ [A] or [B, A].
      actions: a [B, A].
    """
    noise = (actions - means) / tf.exp(log_std)
    each = -0.5 * tf.square(noise) - log_std - 0.5 * math.log(2 * math.pi)
    return tf.reduce_sum(each, -1)


def entropy(log_std: tf.Tensor) -> tf.Tensor:
    """Returns the entropy of N(μ, σ²), a scalar, for log σ [A]."""
    return tf.reduce_sum(log_std + 0.5 * math.log(2 * math.pi * math.e))


def divergence(
    means: tf.Tensor, log_std: tf.Tensor, old_means: tf.Tensor, old_log_std: tf.Tensor
) -> tf.Tensor:
    """Returns the mean of KL(new ‖ old) over rows, as rl_games computes it.

    Args:
      means: μ [B, A].
      log_std: log σ [A].
      old_means: μ before the update [B, A].
      old_log_std: log σ before it [A].
    """
    ratio = old_log_std - log_std
    moved = tf.square(old_means - means) + tf.exp(2 * log_std)
    each = ratio + moved / (2 * (tf.exp(2 * old_log_std) + 1e-5)) - 0.5
    return tf.reduce_mean(tf.reduce_sum(each, -1))
