"""The critic of SAC: two networks, of which the lower value counts."""

import tensorflow as tf

from ibc.networks.layers import perceptron


class TwinCritic(tf.Module):
    """q₁(s, a) and q₂(s, a), two perceptrons of [s, a] (Fujimoto et al., arXiv 1802.09477)."""

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        seed: int | None = None,
        name: str = "critic",
        **options,
    ):
        """Creates the variables.

        Args:
          observation_size: O.
          action_size: A.
          seed: Seed of the first network's kernels; the second's are others.
          name: Name of the variables.
          **options: As for `Perceptron`.
        """
        super().__init__(name=name)
        seeds = (None, None) if seed is None else (2 * seed, 2 * seed + 1)
        self.networks = [
            perceptron.Perceptron(
                observation_size + action_size, 1, seed=seed, name=f"{name}_{number}", **options
            )
            for number, seed in enumerate(seeds, start=1)
        ]

    @property
    def weights(self) -> list[tf.Variable]:
        """What is trained, of the first and then of the second network."""
        return [variable for network in self.networks for variable in network.weights]

    def __call__(self, observation: tf.Tensor, action: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns both values, [B] each, of observations [B, O] and actions [B, A]."""
        inputs = tf.concat([observation, action], axis=-1)
        first, second = (tf.squeeze(network(inputs), -1) for network in self.networks)
        return first, second

    def lower(self, observation: tf.Tensor, action: tf.Tensor) -> tf.Tensor:
        """Returns min(q₁, q₂) [B]."""
        return tf.minimum(*self(observation, action))
