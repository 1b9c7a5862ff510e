"""Rewards of a state where more is observed: a goal, say, that is for the policy alone."""

import tensorflow as tf

from ibc.networks import pair_energy


def leading(pairs: tf.Tensor, size: int) -> tf.Tensor:
    """Returns pairs of states [..., 2·S] of pairs of observations that begin with them.

    Args:
      pairs: [o, o'], [..., 2·O].
      size: S, at most O.
    """
    observed = pairs.shape[-1] // 2
    if observed == size:
        return pairs
    return tf.concat([pairs[..., :size], pairs[..., observed : observed + size]], -1)


class StateEnergy(tf.Module):
    """An energy of the first numbers of what is observed."""

    def __init__(self, energy: pair_energy.PairEnergy):
        """Wraps an energy of S numbers."""
        super().__init__(name="state_energy")
        self.energy, self.description = energy, energy.description
        self.num_levels, self._size = energy.num_levels, energy.architecture.observation_size

    def inputs(self, pairs: tf.Tensor) -> tf.Tensor:
        """Returns what the network sees of raw pairs of observations, float32 [..., 2·S]."""
        return self.energy.inputs(leading(pairs, self._size))

    def of_inputs(self, inputs: tf.Tensor, level: tf.Tensor | int) -> tf.Tensor:
        """Returns energies [B] of standardised inputs [B, 2·S] at one level."""
        return self.energy.of_inputs(inputs, level)

    def __call__(self, pairs: tf.Tensor, level: tf.Tensor | int) -> tf.Tensor:
        """Returns energies [...] of raw pairs of observations [..., 2·O], O at least S."""
        return self.energy(leading(pairs, self._size), level)
