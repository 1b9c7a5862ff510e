"""The actor of SAC and BC: a normal distribution, squashed into (−1, 1) by tanh."""

import math

import tensorflow as tf

from ibc.networks.layers import perceptron

_LOG_STD_BOUNDS = (-20.0, 2.0)
_LARGEST_ACTION = 1 - 1e-6
"""Recorded actions at ±1 have no finite position before tanh."""


class TanhGaussian(perceptron.Perceptron):
    """π(a|s) = tanh of N(μ(s), σ(s)²), independent in each dimension.

    The network gives [μ, log σ]; log σ is clipped to [−20, 2].
    """

    def __init__(self, observation_size: int, action_size: int, name: str = "actor", **options):
        """Creates the variables.

        Args:
          observation_size: O.
          action_size: A.
          name: Name of the variables.
          **options: As for `Perceptron`.
        """
        super().__init__(observation_size, 2 * action_size, name=name, **options)

    def moments(
        self, observation: tf.Tensor, masks: list[tf.Tensor] | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns mean and standard deviation before tanh, [B, A] each.

        Args:
          observation: float32 [B, O].
          masks: As for `Perceptron`.
        """
        mean, log_std = tf.split(self(observation, masks), 2, axis=-1)
        return mean, tf.exp(tf.clip_by_value(log_std, *_LOG_STD_BOUNDS))


def sample(mean: tf.Tensor, std: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Turns standard normal noise into actions.

    Args:
      mean: float32 [B, A].
      std: float32 [B, A].
      noise: float32 [B, A].

    Returns:
      Actions tanh(mean + std · noise) [B, A], and their log π [B].
    """
    position = mean + std * noise
    log_normal = -0.5 * tf.square(noise) - tf.math.log(std) - 0.5 * math.log(2 * math.pi)
    log_prob = tf.reduce_sum(log_normal - _log_slope(position), axis=-1)
    return tf.tanh(position), log_prob


def log_prob(mean: tf.Tensor, std: tf.Tensor, action: tf.Tensor) -> tf.Tensor:
    """Returns log π [B] of actions [B, A] that were not drawn here.

    Actions are clamped to ±(1 − 1e-6).
    """
    action = tf.clip_by_value(action, -_LARGEST_ACTION, _LARGEST_ACTION)
    position = tf.atanh(action)
    return sample(mean, std, (position - mean) / std)[1]


def _log_slope(position: tf.Tensor) -> tf.Tensor:
    """Returns log(1 − tanh²), without the cancellation far from 0."""
    return 2 * (math.log(2) - position - tf.math.softplus(-2 * position))
