"""Derivative-free optimization, one action dimension at a time (paper, appendix B.2)."""

from collections.abc import Callable
from typing import NamedTuple

import gin
import tensorflow as tf

from ibc.samplers import draws


class AutoregressiveSamples(NamedTuple):
    """What `autoregressive_dfo` returns for K iterations.

    Attributes:
      actions: float32 [B, N, A].
      logits: float32 [B, N], their scores by the last dimension's energy / temperature.
      visited: One float32 [B, K, N, j + 1] per dimension j = 0 … A − 1: the samples' dimensions
        up to j where they are to be scored by the energy of dimension j, in every iteration.
    """

    actions: tf.Tensor
    logits: tf.Tensor
    visited: list[tf.Tensor]


@gin.configurable(denylist=["score_fn", "action_samples", "min_actions", "max_actions", "seed"])
def autoregressive_dfo(
    score_fn: Callable[[int, tf.Tensor], tf.Tensor],
    action_samples: tf.Tensor,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
    temperature: float = 1.0,
    num_iterations: int = 3,
    iteration_std: float = 0.33,
) -> AutoregressiveSamples:
    """Concentrates samples where the scores are high, dimension by dimension.

    In all iterations but the last, for j = 0 … A − 1: scores the dimensions up to j by energy j,
    resamples these dimensions together by softmax(scores / temperature), adds Gaussian noise to
    dimension j alone and clips it; after the last dimension halves the noise. The last iteration
    only scores, so that every sample keeps its own logit.

    Args:
      score_fn: Maps j and the dimensions up to j of actions, [B, N, j + 1], to scores [B, N].
      action_samples: float32 [B, N, A], usually uniform within the bounds.
      min_actions: float32 [A], normalized.
      max_actions: float32 [A], normalized.
      seed: Integer tensor [2] or [B, 2].
      temperature: Divides the scores.
      num_iterations: K, at least 1.
      iteration_std: Standard deviation of the first noise, in normalized actions.

    Returns:
      The samples, their logits, and what was visited on the way.

    Raises:
      ValueError: `num_iterations` is below 1.
    """
    if num_iterations < 1:
        raise ValueError(
            f"autoregressive_dfo.num_iterations must be at least 1, is {num_iterations}."
        )
    size = action_samples.shape[-1]
    columns = tf.unstack(action_samples, axis=-1)
    visited = [[] for _ in columns]
    seeds = draws.split(seed, 2 * num_iterations * size)
    for iteration in range(num_iterations - 1):
        for j in range(size):
            known = tf.stack(columns[: j + 1], axis=-1)
            visited[j].append(known)
            index = 2 * (iteration * size + j)
            logits = score_fn(j, known) / temperature
            chosen = draws.indices(logits, known.shape[1], seeds[index])
            columns[: j + 1] = tf.unstack(tf.gather(known, chosen, batch_dims=1), axis=-1)
            noise = iteration_std * draws.normal_like(columns[j], seeds[index + 1])
            columns[j] = tf.clip_by_value(columns[j] + noise, min_actions[j], max_actions[j])
        iteration_std /= 2
    actions = tf.stack(columns, axis=-1)
    for j in range(size):
        visited[j].append(actions[..., : j + 1])
    logits = score_fn(size - 1, actions) / temperature
    return AutoregressiveSamples(actions, logits, [tf.stack(v, axis=1) for v in visited])
