"""Regression network over images."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks.encoders import image_prepro, window_encoder
from ibc.networks.layers import dense, flatten, stacks


@gin.configurable
class ConvMLPMSE(network.Network):
    """π(o): an image encoder, hidden layers, then a linear layer to the action."""

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        width: int = 512,
        depth: int = 2,
        rate: float = 0.1,
        coord_conv: bool = True,
        target_height: int = 90,
        target_width: int = 120,
        layers: str = "MLPDropout",
        encoder_network: str = "ConvMaxpoolEncoder",
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        name: str = "ConvMLPMSE",
    ):
        """Creates the network; its variables come with `create_variables`.

        Only the observation's image is looked at.

        Args:
          obs_spec: Nest of specs of one observation window, with one image [T, H, W, C].
          action_spec: Spec of one action; it is predicted flat, as [A].
          width: Units per hidden layer.
          depth: Number of hidden layers.
          rate: Dropout rate.
          coord_conv: Whether the encoder also sees every pixel's position; the
            'SpatialAttentionEncoder' does anyway.
          target_height: Rows that images are resized to.
          target_width: Columns that images are resized to.
          layers: 'MLPDropout', 'ResNetOrig' or 'ResNetPreActivation'.
          encoder_network: 'ConvMaxpoolEncoder' or 'SpatialAttentionEncoder'.
          act_denorm_layer: Maps normalized actions [B, A] to the environment's.
          name: Name of the network.

        Raises:
          ValueError: A name is unknown, a size is not positive, the depth does not suit the
            layers, or there is not one image.
        """
        obs_spec = image_prepro.normalized_spec(obs_spec)
        super().__init__(input_tensor_spec=obs_spec, state_spec=(), name=name)
        self._encoder = window_encoder.WindowEncoder(
            obs_spec, encoder_network, target_height, target_width, coord_conv
        )
        self._stack = stacks.make_stack(layers, width, depth, rate)
        self._head = dense.Dense(
            flatten.flat_size(action_spec), kernel_initializer="normal", bias_initializer="normal"
        )
        self._act_denorm_layer = act_denorm_layer

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        self._head(self._features(flatten.zeros(self.input_tensor_spec)))
        super().build(input_shape)

    def regress(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Predicts normalized actions, in training and in validation.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          training: Whether this is part of a training step.

        Returns:
          float32 [B, A].
        """
        return self._head(self._features(observation, training))

    def call(
        self,
        observation: types.NestedTensor,
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: bool = False,
    ) -> tuple[tf.Tensor, tuple]:
        """Predicts actions.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
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

    def _features(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        return self._stack(self._encoder(observation), training=training)
