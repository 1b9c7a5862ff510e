"""Regression network over state observations."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks.layers import dense, flatten, stacks


@gin.configurable
class MLPMSE(network.Network):
    """π(o): hidden layers on the observation window, then a linear layer to the action."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        layers: str = "MLPDropout",
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        name: str = "MLPMSE",
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs [T, size] of one normalized observation window.
          action_spec: Spec of one action; it is predicted flat, as [A].
          width: Units per hidden layer.
          depth: Number of hidden layers.
          rate: Dropout rate.
          layers: 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation'.
          act_denorm_layer: Maps normalized actions [B, A] to the environment's.
          name: Name of the network.

        Raises:
          ValueError: A name is unknown, or the depth does not suit the layers.
        """
        super().__init__(input_tensor_spec=obs_spec, state_spec=(), name=name)
        self._stack = stacks.make_stack(layers, width, depth, rate)
        self._head = dense.Dense(
            flatten.flat_size(action_spec), kernel_initializer="normal", bias_initializer="normal"
        )
        self._act_denorm_layer = act_denorm_layer

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        self._head(self._stack(tf.zeros([1, flatten.flat_size(self.input_tensor_spec)])))
        super().build(input_shape)

    def regress(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Predicts normalized actions, in training and in validation.

        Args:
          observation: Nest of tensors [B, T, size], normalized.
          training: Whether this is part of a training step.

        Returns:
          float32 [B, A].
        """
        features = self._stack(flatten.flatten_window(observation), training=training)
        return self._head(features)

    def call(
        self,
        observation: types.NestedTensor,
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: bool = False,
    ) -> tuple[tf.Tensor, tuple]:
        """Predicts actions.

        Args:
          observation: Nest of tensors [B, T, size], normalized.
          step_type: Not used.
          network_state: Passed through.
          training: Whether this is part of a training step.

        Returns:
          float32 [B, A], normalized in training and in the environment's units otherwise, and
          the network state.
        """
        del step_type
        action = self.regress(observation, training)
        if not training and self._act_denorm_layer is not None:
            action = self._act_denorm_layer(action)
        return action, network_state
