"""Several energies as one: a weighted sum of what each makes of the same pairs."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.networks import pair_energy

Weighting = Callable[[tf.Tensor, tf.Tensor | int], tf.Tensor]
"""From raw pairs [..., 2·O] and the frame of the run to weights [..., n] or [n]."""
MEAN = "mean_energy"
"""Under which an energy's description has its mean at level 0 over its demonstrations."""
_SAMPLES = 4096


class Energy(Protocol):
    """What rates pairs."""

    num_levels: int
    """L."""

    def __call__(self, pairs: tf.Tensor, level: tf.Tensor | int) -> tf.Tensor:
        """Returns energies [...] of raw pairs [..., 2·O] at a level, higher nearer to data."""


@dataclasses.dataclass(frozen=True)
class Constant:
    """The same weights always."""

    weights: tuple[float, ...]
    """n of them; they should sum to 1."""

    def __post_init__(self):
        """Warns of a sum other than 1."""
        if not math.isclose(sum(self.weights), 1, abs_tol=1e-6):
            logging.warning(
                "The weights of composed energies sum to %g, not to 1.", sum(self.weights)
            )

    def __call__(self, pairs: tf.Tensor, frame: tf.Tensor | int) -> tf.Tensor:
        """See `Weighting`."""
        return tf.constant(self.weights, tf.float32)


@dataclasses.dataclass(frozen=True)
class ByDistance:
    """From `near` at a goal to `far` at a distance from it."""

    goal: tuple[float, ...]
    """A position, compared with the first entries of s'."""
    radius: float
    """Distance from which on weights are `far`."""
    near: tuple[float, ...]
    """n weights."""
    far: tuple[float, ...]
    """n weights."""

    def __call__(self, pairs: tf.Tensor, frame: tf.Tensor | int) -> tf.Tensor:
        """See `Weighting`."""
        size = pairs.shape[-1] // 2
        place = pairs[..., size : size + len(self.goal)]
        distance = tf.norm(place - tf.constant(self.goal, tf.float32), axis=-1, keepdims=True)
        share = tf.minimum(distance / self.radius, 1.0)
        return (1 - share) * tf.constant(self.near) + share * tf.constant(self.far)


@dataclasses.dataclass(frozen=True)
class BySchedule:
    """From `first` to `last`, evenly over a number of frames."""

    first: tuple[float, ...]
    """n weights."""
    last: tuple[float, ...]
    """n weights."""
    frames: int
    """After which weights are `last`."""

    def __call__(self, pairs: tf.Tensor, frame: tf.Tensor | int) -> tf.Tensor:
        """See `Weighting`."""
        share = tf.minimum(tf.cast(frame, tf.float32) / self.frames, 1.0)
        return (1 - share) * tf.constant(self.first) + share * tf.constant(self.last)


class ComposedEnergy(tf.Module):
    """e = Σ w_k · scale_k · e_k(pairs, level), each with its own form, normalizer and mask."""

    def __init__(
        self,
        energies: Sequence[Energy],
        scales: Sequence[float],
        weighting: Weighting,
        name: str = "composed_energy",
    ):
        """Composes energies.

        Args:
          energies: n of them, with the same number of levels.
          scales: What makes them comparable, see `scales`.
          weighting: Their weights.
          name: Name of the variables.

        Raises:
          ValueError: Their levels or numbers differ.
        """
        super().__init__(name=name)
        levels = sorted({energy.num_levels for energy in energies})
        if len(levels) != 1:
            raise ValueError(f"composed energies must have the same levels, but L is {levels}.")
        if len(scales) != len(energies):
            raise ValueError(f"there are {len(energies)} energies, but {len(scales)} scales.")
        self.energies, self.num_levels = list(energies), levels[0]
        self.scales, self.weighting = tuple(scales), weighting
        self.frame = tf.Variable(0.0, trainable=False, name="frame")

    def __call__(self, pairs: tf.Tensor, level: tf.Tensor | int) -> tf.Tensor:
        """Returns energies [...] of raw pairs [..., 2·O], weighted as at `frame`."""
        weights = self.weighting(pairs, self.frame)
        if weights.shape[-1] != len(self.energies):
            raise ValueError(
                f"there are {len(self.energies)} energies, but {weights.shape[-1]} weights: give "
                "one for each."
            )
        each = [
            scale * energy(pairs, level)
            for scale, energy in zip(self.scales, self.energies, strict=True)
        ]
        return tf.reduce_sum(weights * tf.stack(each, -1), -1)


def scales(
    energies: Sequence[pair_energy.PairEnergy],
    samples: Sequence[np.ndarray],
    published: bool = False,
) -> list[float]:
    """Returns mean e₁/mean e_k at level 0, over each energy's own demonstrations.

    Args:
      energies: n of them.
      samples: Raw pairs [N, 2·O] for each; the first 4096 count.
      published: Whether the networks are shown pairs that are not standardised.

    Raises:
      ValueError: An energy's mean is 0, or the numbers of energies and samples differ.
    """
    each = zip(energies, samples, strict=True)
    return relative([mean_energy(energy, pairs, published) for energy, pairs in each])


def mean_energy(
    energy: pair_energy.PairEnergy, pairs: np.ndarray, published: bool = False
) -> float:
    """Returns an energy's mean at level 0 over raw pairs [N, 2·O]; see `scales`."""
    pairs = tf.constant(pairs[:_SAMPLES], tf.float32)
    found = energy.of_inputs(pairs, 0) if published else energy(pairs, 0)
    return float(tf.reduce_mean(found))


def relative(means: Sequence[float]) -> list[float]:
    """Returns the scales of energies by their means over demonstrations, see `scales`.

    Raises:
      ValueError: A mean is 0, or they have different signs: an energy would count upside down.
    """
    if 0 in means or min(means) < 0 < max(means):
        shown = ", ".join(f"{mean:.3g}" for mean in means)
        raise ValueError(
            f"the energies' means over their demonstrations are {shown}, which must be above 0 or "
            "below 0 all together: train them longer, or give one energy."
        )
    return [means[0] / mean for mean in means]
