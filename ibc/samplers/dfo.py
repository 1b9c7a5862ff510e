"""Derivative-free optimization of actions under an energy network (paper, algorithm 1)."""

from collections.abc import Callable

import gin
import tensorflow as tf

from ibc.samplers import draws


@gin.configurable(denylist=["score_fn", "action_samples", "min_actions", "max_actions", "seed"])
def iterative_dfo(
    score_fn: Callable[[tf.Tensor], tf.Tensor],
    action_samples: tf.Tensor,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
    temperature: float = 1.0,
    num_iterations: int = 3,
    iteration_std: float = 0.33,
    faithful: bool = False,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Concentrates samples where the scores are high.

    Scores the samples, then `num_iterations` − 1 times: resamples them by softmax(scores /
    temperature), adds Gaussian noise, clips to the bounds, scores, and halves the noise.

    Args:
      score_fn: Maps actions [B, N, A] to scores [B, N], higher is better.
      action_samples: float32 [B, N, A], usually uniform within the bounds.
      min_actions: float32 [A], normalized.
      max_actions: float32 [A], normalized.
      seed: Integer tensor [2] or [B, 2].
      temperature: Divides the scores.
      num_iterations: Number of scorings, at least 1.
      iteration_std: Standard deviation of the first noise, in normalized actions.
      faithful: Resamples once more after the last scoring, but returns the logits from before
        it, as the published code does: logit i then does not belong to sample i.

    Returns:
      Samples float32 [B, N, A] and their logits float32 [B, N].

    Raises:
      ValueError: `num_iterations` is below 1.
    """
    if num_iterations < 1:
        raise ValueError(f"iterative_dfo.num_iterations must be at least 1, is {num_iterations}.")
    seeds = draws.split(seed, 2 * num_iterations)
    logits = score_fn(action_samples) / temperature
    for iteration in range(1, num_iterations):
        action_samples = _resample(action_samples, logits, seeds[2 * iteration])
        noise = draws.normal_like(action_samples, seeds[2 * iteration + 1])
        action_samples = tf.clip_by_value(
            action_samples + iteration_std * noise, min_actions, max_actions
        )
        logits = score_fn(action_samples) / temperature
        iteration_std /= 2
    if faithful:
        action_samples = _resample(action_samples, logits, seeds[0])
    return action_samples, logits


def _resample(actions: tf.Tensor, logits: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    chosen = draws.indices(logits, actions.shape[1], seed)
    return tf.gather(actions, chosen, batch_dims=1)
