"""Mixture density network over state observations."""

from collections.abc import Callable

import gin
import tensorflow as tf
import tensorflow_probability as tfp
from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks.layers import flatten, mdn, stacks


@gin.configurable
class MLPMDN(network.Network):
    """p(a | o): hidden layers on the observation window, then a mixture of normal distributions."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        layers: str = "MLPDropout",
        num_components: int = 1,
        training_temperature: float = 2.5,
        test_temperature: float = 2.5,
        test_variance_exponent: float = 1.0,
        act_denorm_layer: Callable[..., tf.Tensor] | None = None,
        name: str = "MLPMDN",
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs [T, size] of one normalized observation window.
          action_spec: Spec of one action; its distribution is that of the flat action [A].
          width: Units per hidden layer.
          depth: Number of hidden layers.
          rate: Dropout rate.
          layers: 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation'.
          num_components: K, normal distributions in the mixture.
          training_temperature: As in `mdn.MixtureDensityLayer`.
          test_temperature: As in `mdn.MixtureDensityLayer`.
          test_variance_exponent: As in `mdn.MixtureDensityLayer`.
          act_denorm_layer: As in `mdn.MixtureDensityLayer`.
          name: Name of the network.

        Raises:
          ValueError: A name is unknown, the depth does not suit the layers, or a parameter of the
            mixture is out of range.
        """
        super().__init__(input_tensor_spec=obs_spec, state_spec=(), name=name)
        self._stack = stacks.make_stack(layers, width, depth, rate)
        self._head = mdn.MixtureDensityLayer(
            flatten.flat_size(action_spec),
            num_components,
            training_temperature,
            test_temperature,
            test_variance_exponent,
            act_denorm_layer,
        )

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        self._head(self._stack(tf.zeros([1, flatten.flat_size(self.input_tensor_spec)])))
        super().build(input_shape)

    def mixture(
        self, observation: types.NestedTensor, training: bool = False
    ) -> tfp.distributions.MixtureSameFamily:
        """Predicts the distribution of normalized actions, in training and in validation.

        Args:
          observation: Nest of tensors [B, T, size], normalized.
          training: Whether this is part of a training step.

        Returns:
          Mixture with batch shape [B] and event shape [A], at the training temperature.
        """
        return self._head(self._features(observation, training))

    def call(
        self,
        observation: types.NestedTensor,
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: bool = False,
    ) -> tuple[tfp.distributions.MixtureSameFamily, tuple]:
        """Predicts distributions of actions.

        Args:
          observation: Nest of tensors [B, T, size], normalized.
          step_type: Not used.
          network_state: Passed through.
          training: Whether this is part of a training step.

        Returns:
          Mixture with batch shape [B] and event shape [A] and the network state. In training it is
          that of normalized actions; otherwise of actions in the environment's units, at the test
          temperature and with the test variance exponent.
        """
        del step_type
        if training:
            return self.mixture(observation, training=True), network_state
        return self._head.denormalized(self._features(observation)), network_state

    def _features(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        return self._stack(flatten.flatten_window(observation), training=training)
