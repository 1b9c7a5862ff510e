"""Derivative-free optimization of actions under an energy network (paper, algorithm 1)."""

import dataclasses

import gin
import tensorflow as tf

from ibc.samplers import action_space, draws, sampler
from ibc.utils import keys, parameters


@dataclasses.dataclass(frozen=True)
class DFO:
    """What the derivative-free samplers have in common.

    Raises:
      ValueError: A number is out of its range.
    """

    temperature: float = 1.0
    """Divides the scores."""
    num_iterations: int = 3
    """Number of scorings, at least 1."""
    iteration_std: float = 0.33
    """Standard deviation of the first noise, in normalized actions."""

    NAME = ""
    """What gin calls the sampler."""

    def __post_init__(self):
        parameters.check_whole(self.NAME, num_iterations=self.num_iterations)
        parameters.check_positive(self.NAME, temperature=self.temperature)
        parameters.check_not_negative(self.NAME, iteration_std=self.iteration_std)


@gin.configurable("iterative_dfo")
@dataclasses.dataclass(frozen=True)
class IterativeDFO(DFO):
    """Concentrates samples where the scores are high.

    Scores the samples, then `num_iterations` − 1 times: resamples them by softmax(scores /
    temperature), adds Gaussian noise, clips to the bounds, scores, and halves the noise.
    """

    faithful: bool = False
    """Resamples once more after the last scoring, but returns the logits from before it, as the
    published code does: logit i then does not belong to sample i."""
    average: bool = False
    """Puts the mean of all samples, weighted by softmax(logits), in the most probable one's place,
    so that greedy policies act by it. When the noise is small at last, the samples surround one
    mode, whose mean is steadier than the best of them."""

    NAME = "iterative_dfo"

    def __post_init__(self):
        super().__post_init__()
        if self.faithful and self.average:
            raise ValueError(
                "iterative_dfo.average needs logits that belong to the samples, but with "
                "iterative_dfo.faithful = True they do not: set one of them to False."
            )

    def __call__(
        self,
        score_fn: sampler.ScoreFn,
        starts: tf.Tensor,
        space: action_space.ActionSpace,
        key: keys.Key,
    ) -> sampler.Samples:
        """See `sampler.Sampler`; logits are scores / temperature."""
        own_keys = key.split(2 * self.num_iterations)
        actions, std = starts, self.iteration_std
        logits = score_fn(actions) / self.temperature
        for iteration in range(1, self.num_iterations):
            for_choice, for_noise = own_keys[2 * iteration : 2 * iteration + 2]
            actions = resampled(actions, logits, for_choice)
            actions = space.clip(actions + std * draws.normal_like(actions, for_noise))
            logits = score_fn(actions) / self.temperature
            std /= 2
        if self.faithful:
            actions = resampled(actions, logits, own_keys[0])
        if self.average:
            actions = _best_averaged(actions, logits)
        return sampler.Samples(actions, logits)


def _best_averaged(actions: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """Puts the mean of actions [B, N, A] by softmax(logits) [B, N] in the place of the best."""
    mean = tf.einsum("bn,bna->ba", tf.nn.softmax(logits), actions)[:, tf.newaxis]
    is_best = (
        tf.range(tf.shape(logits)[1])
        == tf.argmax(logits, axis=1, output_type=tf.int32)[:, tf.newaxis]
    )
    return tf.where(is_best[..., tf.newaxis], mean, actions)


def resampled(actions: tf.Tensor, logits: tf.Tensor, key: keys.Key) -> tf.Tensor:
    """Draws as many actions [B, N, A] with replacement, by softmax(logits) [B, N]."""
    chosen = draws.indices(logits, actions.shape[1], key)
    return tf.gather(actions, chosen, batch_dims=1)
