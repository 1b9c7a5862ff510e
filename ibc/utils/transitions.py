"""Transitions: steps of interaction as a replay holds them, rewards rate them and agents learn."""

from typing import NamedTuple

import tensorflow as tf


class Transitions(NamedTuple):
    """B steps (s, a, r, s') side by side; every field has one row for each.

    With absorbing states the last component of an observation says whether it is the absorbing
    one. Which rows are about it is told here, so that nothing else needs to know how that is
    encoded.
    """

    observation: tf.Tensor
    """float32 [B, O], s."""
    action: tf.Tensor
    """float32 [B, A], within ±1."""
    reward: tf.Tensor
    """float32 [B], the task's, or what a learned reward put in its place."""
    next_observation: tf.Tensor
    """float32 [B, O], s'."""
    discount: tf.Tensor
    """float32 [B]: 0 where the episode terminated, else 1, also where its time was up."""
    timeout: tf.Tensor
    """float32 [B]: 1 where the episode ended because its time was up."""
    weight: tf.Tensor
    """float32 [B], importance in losses."""
    absorbing: tf.Tensor
    """float32 [B]: 1 where s is the absorbing state."""
    next_absorbing: tf.Tensor
    """float32 [B]: 1 where s' is the absorbing state."""
    step: tf.Tensor
    """float32 [B]: the step of interaction at which it was collected, from 1."""
    time: tf.Tensor
    """float32 [B]: the step within its episode, from 0."""


def mixture(first: Transitions, second: Transitions, share: tf.Tensor) -> Transitions:
    """Mixes two batches row by row in all fields: share · first + (1 − share) · second.

    Args:
      first: B transitions.
      second: B transitions.
      share: float32 [B], within [0, 1].
    """

    def mix(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        rows = tf.reshape(share, [-1] + [1] * (one.shape.rank - 1))
        return rows * one + (1 - rows) * other

    return Transitions(*(mix(*fields) for fields in zip(first, second, strict=True)))
