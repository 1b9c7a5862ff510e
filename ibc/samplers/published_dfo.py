"""Derivative-free inference of Diffusion Policy's implicit policies (arXiv 2303.04137), two ways.

Both resample with small noise that does not decay. They differ in what they clip, and in the sample
they act by.
"""

import dataclasses

import gin
import tensorflow as tf

from ibc.samplers import action_space, dfo, draws, sampler
from ibc.utils import keys, parameters


@dataclasses.dataclass(frozen=True)
class PublishedDFO:
    """What both have in common.

    Raises:
      ValueError: A number is out of its range.
    """

    num_iterations: int = 5
    """I, at least 1."""
    iteration_std: float = 0.03
    """Standard deviation of the noise, in normalized actions, the same in every iteration."""

    NAME = ""
    """What gin calls the sampler."""

    def __post_init__(self):
        parameters.check_whole(self.NAME, num_iterations=self.num_iterations)
        parameters.check_not_negative(self.NAME, iteration_std=self.iteration_std)

    def _moved(self, actions: tf.Tensor, logits: tf.Tensor, key: keys.Key) -> tf.Tensor:
        """Resamples actions [B, N, A] by softmax(logits) [B, N], and adds noise."""
        for_choice, for_noise = key.split(2)
        actions = dfo.resampled(actions, logits, for_choice)
        return actions + self.iteration_std * draws.normal_like(actions, for_noise)


@gin.configurable("andy_dfo")
@dataclasses.dataclass(frozen=True)
class AndyDFO(PublishedDFO):
    """Scores I times and acts by one sample, drawn by the last scores.

    After each scoring but the last: resamples with replacement by softmax(scores) and adds Gaussian
    noise. Nothing is clipped, so samples may leave the bounds.
    """

    NAME = "andy_dfo"

    def __call__(
        self,
        score_fn: sampler.ScoreFn,
        starts: tf.Tensor,
        space: action_space.ActionSpace,
        key: keys.Key,
    ) -> sampler.Samples:
        """See `sampler.Sampler`; the logits are the last scores."""
        for_last, *own_keys = key.split(self.num_iterations)
        actions, logits = starts, score_fn(starts)
        for own_key in own_keys:
            actions = self._moved(actions, logits, own_key)
            logits = score_fn(actions)
        return sampler.Samples(actions, logits, chosen=draws.indices(logits, 1, for_last)[:, 0])


@gin.configurable("kevin_dfo")
@dataclasses.dataclass(frozen=True)
class KevinDFO(PublishedDFO):
    """Improves samples I times and acts by the one that then scores highest.

    In each iteration: scores, resamples with replacement by softmax(scores), adds Gaussian noise
    and clips to the bounds. One more scoring gives the logits.
    """

    NAME = "kevin_dfo"

    def __call__(
        self,
        score_fn: sampler.ScoreFn,
        starts: tf.Tensor,
        space: action_space.ActionSpace,
        key: keys.Key,
    ) -> sampler.Samples:
        """See `sampler.Sampler`; the logits are the last scores."""
        actions, logits = starts, score_fn(starts)
        for own_key in key.split(self.num_iterations):
            actions = space.clip(self._moved(actions, logits, own_key))
            logits = score_fn(actions)
        return sampler.Samples(actions, logits, chosen=tf.argmax(logits, -1, tf.int32))


VARIANTS = {"ibc": dfo.IterativeDFO, "andy": AndyDFO, "kevin": KevinDFO}
"""Name of a way of derivative-free inference → the sampler's class."""


def check_variant(name: object) -> None:
    """Raises ValueError unless there is a variant of the name."""
    if name not in VARIANTS:
        raise ValueError(f"IbcPolicy.dfo_variant is {name!r}; choose one of {', '.join(VARIANTS)}.")
