"""What tells pairs of neighbouring observations of demonstrations from an agent's (AMP)."""

from collections.abc import Sequence

import tensorflow as tf

from ibc.networks import actor_critic, pair_energy
from ibc.networks.layers import running_normalizer

_LARGEST_LAST = 1.0


class PairDiscriminator(tf.Module):
    """f(s, s'): form, running normalizer, dense layers with ReLU, one logit.

    Peng et al., arXiv 2104.02180, in the form of NEAR's experiments (arXiv 2501.14856).
    """

    def __init__(
        self,
        observation_size: int,
        hidden: Sequence[int] = (1024, 512),
        form: str = "difference",
        seed: int = 0,
        name: str = "pair_discriminator",
    ):
        """Creates the variables; the last kernel is drawn evenly from ±1.

        Args:
          observation_size: O.
          hidden: Units of the hidden layers, at least one.
          form: What is seen of a pair, see `pair_energy.pair_form`.
          seed: Of the kernels.
          name: Name of the variables.

        Raises:
          ValueError: The form is unknown.
        """
        super().__init__(name=name)
        pair_energy.pair_form(tf.zeros([1]), tf.zeros([1]), form)
        self._form, inputs = form, 2 * observation_size
        self.normalizer = running_normalizer.RunningNormalizer(inputs)
        self.trunk = actor_critic.DenseLayers([inputs, *hidden], is_trunk=True, seed=seed)
        self.last = actor_critic.DenseLayers([hidden[-1], 1], seed=seed + 1)
        (kernel,) = self.last.kernels
        kernel.assign(
            tf.random.stateless_uniform(
                kernel.shape, [seed, 2], minval=-_LARGEST_LAST, maxval=_LARGEST_LAST
            )
        )

    @property
    def weights(self) -> list[tf.Variable]:
        """What is trained."""
        return [*self.trunk.weights, *self.last.weights]

    @property
    def kernels(self) -> list[tf.Variable]:
        """What decays, the last layer's at the end."""
        return [*self.trunk.kernels, *self.last.kernels]

    def formed(self, pairs: tf.Tensor) -> tf.Tensor:
        """Returns what the normalizer is to see of raw pairs, float32 [..., 2·O]."""
        first, second = tf.split(tf.cast(pairs, tf.float32), 2, axis=-1)
        return pair_energy.pair_form(first, second, self._form)

    def inputs(self, pairs: tf.Tensor) -> tf.Tensor:
        """Returns what the network sees of raw pairs, float32 [..., 2·O]."""
        return self.normalizer(self.formed(pairs))

    def logits(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns logits [B] of standardised inputs [B, 2·O]."""
        return tf.squeeze(self.last(self.trunk(inputs)), -1)

    def __call__(self, pairs: tf.Tensor) -> tf.Tensor:
        """Returns logits [...] of raw pairs [..., 2·O]."""
        rows = tf.reshape(self.inputs(pairs), [-1, pairs.shape[-1]])
        return tf.reshape(self.logits(rows), tf.shape(pairs)[:-1])
