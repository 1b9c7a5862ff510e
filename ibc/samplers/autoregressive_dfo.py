"""Derivative-free optimization, one action dimension at a time (paper, appendix B.2)."""

import dataclasses
from collections.abc import Callable

import gin
import tensorflow as tf

from ibc.samplers import action_space, dfo, draws, sampler
from ibc.utils import keys


@gin.configurable("autoregressive_dfo")
@dataclasses.dataclass(frozen=True)
class AutoregressiveDFO(dfo.DFO):
    """Concentrates samples where the scores are high, dimension by dimension.

    In all iterations but the last, for j = 0 … A − 1: scores the dimensions up to j by energy j,
    resamples these dimensions together by softmax(scores / temperature), adds Gaussian noise to
    dimension j alone and clips it; after the last dimension halves the noise. The last iteration
    only scores, so that every sample keeps its own logit. There are K = `num_iterations`.
    """

    NAME = "autoregressive_dfo"

    def __call__(
        self,
        score_fn: Callable[[int, tf.Tensor], tf.Tensor],
        starts: tf.Tensor,
        space: action_space.ActionSpace,
        key: keys.Key,
    ) -> sampler.Samples:
        """Samples as `sampler.Sampler` does, by one score function per dimension.

        Args:
          score_fn: Maps j and the dimensions up to j of actions, [B, N, j + 1], to scores [B, N].
          starts: float32 [B, N, A].
          space: Space of the actions.
          key: What the noise follows from.

        Returns:
          Actions; their scores by the last dimension's energy / temperature; and as chain a list
          of float32 [B, K, N, j + 1], one for each j: the samples' dimensions up to j where they
          are to be scored by the energy of dimension j, in every iteration.
        """
        size, std = starts.shape[-1], self.iteration_std
        columns = tf.unstack(starts, axis=-1)
        visited = [[] for _ in columns]
        own_keys = iter(key.split(2 * self.num_iterations * size))
        for _ in range(self.num_iterations - 1):
            for j in range(size):
                known = tf.stack(columns[: j + 1], axis=-1)
                visited[j].append(known)
                logits = score_fn(j, known) / self.temperature
                kept = dfo.resampled(known, logits, next(own_keys))
                columns[: j + 1] = tf.unstack(kept, axis=-1)
                noise = std * draws.normal_like(columns[j], next(own_keys))
                columns[j] = tf.clip_by_value(
                    columns[j] + noise, space.minimum[j], space.maximum[j]
                )
            std /= 2
        actions = tf.stack(columns, axis=-1)
        for j in range(size):
            visited[j].append(actions[..., : j + 1])
        logits = score_fn(size - 1, actions) / self.temperature
        return sampler.Samples(actions, logits, [tf.stack(v, axis=1) for v in visited])
