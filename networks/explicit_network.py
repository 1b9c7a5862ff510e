"""Explicit networks: from an observation to its action, or to the distribution of its action."""

import abc
from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tensorflow_probability as tfp
from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks import mixture
from ibc.networks.encoders import flat
from ibc.networks.layers import dense, dense_stack, dropout


class ExplicitNetwork(network.Network, abc.ABC):
    """An encoder, hidden layers, then a head whose output is trained."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        encoder: Callable[..., tf.Tensor],
        stack: dense_stack.DenseStack,
        head: tf.keras.layers.Layer,
        name: str,
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs of one normalized observation window, [T, ...] each.
          encoder: See `encoders.flat`.
          stack: Hidden layers.
          head: Maps their outputs [B, width] to what is trained.
          name: Name of the network.
        """
        super().__init__(input_tensor_spec=obs_spec, state_spec=(), name=name)
        # These attributes' names are those of checkpoints.
        self._encoder = encoder
        self._stack = stack
        self._head = head

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        self._trained(flat.zeros(self.input_tensor_spec))
        super().build(input_shape)

    def call(
        self,
        observation: types.NestedTensor,
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: dropout.Training = False,
    ) -> tuple[Any, tuple]:
        """Predicts actions, or their distributions.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          step_type: Not used.
          network_state: Passed through.
          training: See `dropout.Training`.

        Returns:
          What the network predicts and the network state. In training it is of normalized actions
          [B, A], otherwise of actions in the environment's units.
        """
        del step_type
        if training:
            return self._trained(observation, training), network_state
        return self._acted_by(observation), network_state

    @abc.abstractmethod
    def _acted_by(self, observation: types.NestedTensor) -> Any:
        """Predicts in the environment's units."""

    def _trained(self, observation: types.NestedTensor, training: dropout.Training = False) -> Any:
        return self._head(self._features(observation, training))

    def _features(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        return self._stack(self._encoder(observation, training=training), training=training)


class RegressionNetwork(ExplicitNetwork):
    """π(o): an encoder, hidden layers, then a linear layer to the action."""

    head = "regression"

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        encoder: Callable[..., tf.Tensor],
        stack: dense_stack.DenseStack,
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None,
        name: str,
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: As in `ExplicitNetwork`.
          action_spec: Spec of one action; it is predicted flat, as [A].
          encoder: As in `ExplicitNetwork`.
          stack: As in `ExplicitNetwork`.
          act_denorm_layer: Maps normalized actions [B, A] to the environment's.
          name: Name of the network.
        """
        head = dense.linear(flat.flat_size(action_spec))
        super().__init__(obs_spec, encoder, stack, head, name)
        self._act_denorm_layer = act_denorm_layer

    def regress(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Predicts normalized actions, in training and in validation.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          training: See `dropout.Training`.

        Returns:
          float32 [B, A].
        """
        return self._trained(observation, training)

    def _acted_by(self, observation: types.NestedTensor) -> tf.Tensor:
        action = self.regress(observation)
        return action if self._act_denorm_layer is None else self._act_denorm_layer(action)


class MixtureNetwork(ExplicitNetwork):
    """p(a | o): an encoder, hidden layers, then a mixture of normal distributions.

    The head is a `MixtureDensityLayer`. To act, mixtures are at the test temperature and with the
    test variance exponent.
    """

    head = "mixture"
    _head: mixture.MixtureDensityLayer

    def mixture(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tfp.distributions.MixtureSameFamily:
        """Predicts the distribution of normalized actions, in training and in validation.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          training: See `dropout.Training`.

        Returns:
          Mixture with batch shape [B] and event shape [A], at the training temperature.
        """
        return self._trained(observation, training)

    def _acted_by(self, observation: types.NestedTensor) -> tfp.distributions.MixtureSameFamily:
        return self._head.denormalized(self._features(observation))
