"""Regression networks: an observation's action, the explicit policy of the paper."""

from collections.abc import Callable

import tensorflow as tf
from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks.encoders import flat
from ibc.networks.layers import dense, dense_stack, dropout


class RegressionNetwork(network.Network):
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
          obs_spec: Nest of specs of one normalized observation window, [T, ...] each.
          action_spec: Spec of one action; it is predicted flat, as [A].
          encoder: See `encoders.flat`.
          stack: Hidden layers.
          act_denorm_layer: Maps normalized actions [B, A] to the environment's.
          name: Name of the network.
        """
        super().__init__(input_tensor_spec=obs_spec, state_spec=(), name=name)
        self._encoder = encoder
        self._stack = stack
        self._head = dense.Dense(
            flat.flat_size(action_spec), kernel_initializer="normal", bias_initializer="normal"
        )
        self._act_denorm_layer = act_denorm_layer

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        self.regress(flat.zeros(self.input_tensor_spec))
        super().build(input_shape)

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
        features = self._encoder(observation, training=training)
        return self._head(self._stack(features, training=training))

    def call(
        self,
        observation: types.NestedTensor,
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: dropout.Training = False,
    ) -> tuple[tf.Tensor, tuple]:
        """Predicts actions.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          step_type: Not used.
          network_state: Passed through.
          training: See `dropout.Training`.

        Returns:
          float32 [B, A], normalized in training and in the environment's units otherwise, and
          the network state.
        """
        del step_type
        action = self.regress(observation, training)
        if not training and self._act_denorm_layer is not None:
            action = self._act_denorm_layer(action)
        return action, network_state
