"""A normal distribution over actions and a value, from observations: what PPO trains."""

import itertools
from collections.abc import Sequence

import tensorflow as tf

from ibc.networks.layers import perceptron

_FIRST_ACTIONS = 0.01


class DenseLayers(tf.Module):
    """Dense layers with ReLU between them; kernels orthogonal, biases 0."""

    def __init__(
        self,
        sizes: Sequence[int],
        last_gain: float = 1.0,
        is_trunk: bool = False,
        seed: int = 0,
        name: str = "dense_layers",
    ):
        """Creates the variables.

        Args:
          sizes: Of inputs, hidden layers and outputs.
          last_gain: Of the last kernel.
          is_trunk: Whether the last layer has a ReLU too.
          seed: Of the kernels.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self._is_trunk = is_trunk
        count = len(sizes) - 1
        seeds = tf.random.split(tf.constant([seed, 1]), count)
        gains = [2**0.5] * (count - 1) + [2**0.5 if is_trunk else last_gain]
        shapes = list(itertools.pairwise(sizes))
        self.kernels = [
            tf.Variable(perceptron.orthogonal(shape, gain, seeds[k]), name=f"kernel_{k}")
            for k, (shape, gain) in enumerate(zip(shapes, gains, strict=True))
        ]
        self.biases = [
            tf.Variable(tf.zeros([columns]), name=f"bias_{k}")
            for k, (_, columns) in enumerate(shapes)
        ]

    @property
    def weights(self) -> list[tf.Variable]:
        """Kernel and bias of each layer in turn."""
        return [v for pair in zip(self.kernels, self.biases, strict=True) for v in pair]

    def __call__(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns outputs [B, outputs] of inputs [B, inputs]."""
        last = len(self.kernels) - 1
        for layer, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True)):
            inputs = tf.matmul(inputs, kernel) + bias
            if layer < last or self._is_trunk:
                inputs = tf.nn.relu(inputs)
        return inputs


class ActorCritic(tf.Module):
    """μ(s) and V(s), of networks of their own or of one trunk, and log σ."""

    def __init__(
        self,
        observation_size: int,
        action_size: int,
        hidden: Sequence[int],
        log_std: float = -3.0,
        learns_std: bool = False,
        shared: bool = False,
        seed: int = 0,
        name: str = "actor_critic",
    ):
        """Creates the variables.

        Args:
          observation_size: O.
          action_size: A.
          hidden: Units of the hidden layers.
          log_std: log σ at first.
          learns_std: Whether it is trained.
          shared: Whether actor and critic share the hidden layers.
          seed: Of the kernels.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.trunk = None
        before = [observation_size, *hidden]
        if shared:
            self.trunk = DenseLayers(before, is_trunk=True, seed=seed, name="trunk")
            before = before[-1:]
        self.actor = DenseLayers([*before, action_size], _FIRST_ACTIONS, seed=seed + 1)
        self.critic = DenseLayers([*before, 1], seed=seed + 2)
        self.log_std = tf.Variable(tf.fill([action_size], log_std), learns_std, name="log_std")

    @property
    def weights(self) -> list[tf.Variable]:
        """What is trained."""
        parts = [part for part in (self.trunk, self.actor, self.critic) if part is not None]
        found = [weight for part in parts for weight in part.weights]
        return [*found, self.log_std] if self.log_std.trainable else found

    def __call__(self, observation: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns μ [B, A] and V [B] of standardised observations [B, O]."""
        seen = observation if self.trunk is None else self.trunk(observation)
        return self.actor(seen), tf.squeeze(self.critic(seen), -1)
