"""Starting to sample an action from the one before it."""

import dataclasses
import math
import numbers

import tensorflow as tf

from ibc.samplers import action_space, draws
from ibc.utils import keys


@dataclasses.dataclass(frozen=True)
class WarmStart:
    """Replaces some of the starts by ones around the previous action.

    Raises:
      ValueError: The fraction is not in [0, 1], or the standard deviation not positive.
    """

    fraction: float
    """Share of the N starts to replace, rounded, but at least one; 0 replaces none."""
    std: float
    """Standard deviation of the Gaussian around the previous action, normalized."""

    def __post_init__(self):
        if not (isinstance(self.fraction, numbers.Real) and 0 <= self.fraction <= 1):
            raise ValueError(
                f"IbcPolicy.warm_start_fraction must be in [0, 1], got {self.fraction!r}."
            )
        if not (isinstance(self.std, numbers.Real) and 0 < self.std < math.inf):
            raise ValueError(
                f"IbcPolicy.warm_start_std must be a positive number, got {self.std!r}."
            )

    def __bool__(self) -> bool:
        """Whether anything is replaced."""
        return self.fraction > 0

    def near_previous(
        self,
        uniform: tf.Tensor,
        previous: tf.Tensor,
        is_first: tf.Tensor,
        space: action_space.ActionSpace,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns starts of which the first ones are near the previous action.

        Args:
          uniform: float32 [B, N, A], drawn with `key`.
          previous: float32 [B, A], the previous normalized action.
          is_first: bool [B], rows that have no previous action; they stay as they are.
          space: Space of the actions.
          key: What the noise follows from.

        Returns:
          float32 [B, N, A] within the bounds, the replaced samples first.
        """
        count = max(1, round(self.fraction * uniform.shape[1]))
        replaced, kept = uniform[:, :count], uniform[:, count:]
        noise = draws.normal_like(replaced, key.split(1)[0])
        near = space.clip(previous[:, tf.newaxis] + self.std * noise)
        near = tf.where(is_first[:, tf.newaxis, tf.newaxis], replaced, near)
        return tf.concat([near, kept], axis=1)
