"""Energy network over images."""

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import energy_network
from ibc.networks.encoders import image_prepro, window_encoder
from ibc.networks.layers import dense_resnet_value, flatten, split_score

_VALUE_NETWORKS = {"DenseResnetValue": dense_resnet_value.DenseResnetValue}


@gin.configurable
class PixelEBM(energy_network.EnergyNetwork):
    """E(o, a): an image encoder, then a value network on [encoded image, action].

    Only the observation's image is looked at. The value network's first product is split: its
    image rows are multiplied once per observation, its action rows once per action, which equals
    multiplying the concatenation.
    """

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        encoder_network: str = "ConvMaxpoolEncoder",
        value_network: str = "DenseResnetValue",
        target_height: int = 90,
        target_width: int = 120,
        name: str = "PixelEBM",
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs of one observation window, with one image [T, H, W, C].
          action_spec: Spec [A] of one flat normalized action.
          encoder_network: 'ConvMaxpoolEncoder' or 'SpatialAttentionEncoder'.
          value_network: 'DenseResnetValue'.
          target_height: Rows that images are resized to.
          target_width: Columns that images are resized to.
          name: Name of the network.

        Raises:
          ValueError: A name is unknown, a size is not positive, or there is not one image.
        """
        super().__init__(image_prepro.normalized_spec(obs_spec), action_spec, name)
        if value_network not in _VALUE_NETWORKS:
            raise ValueError(
                f"PixelEBM.value_network must be one of {sorted(_VALUE_NETWORKS)}, but is "
                f"{value_network!r}."
            )
        self._encoder = window_encoder.WindowEncoder(
            obs_spec, encoder_network, target_height, target_width
        )
        self._value = _VALUE_NETWORKS[value_network]()

    def build(self, input_shape) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        obs_spec, action_spec = self.input_tensor_spec
        features = self._encoder(flatten.zeros(obs_spec))
        self._value(tf.concat([features, flatten.zeros(action_spec)], axis=-1))
        super().build(input_shape)

    def encode(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Encodes images and multiplies by the first layer's image rows: [B, width]."""
        return self._value.first_layer.head(self._encoder(observation), training)

    def score(self, encoding: tf.Tensor, actions: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Scores actions [B, N, A] under encodings [B, width]; returns [B, N]."""
        return split_score.split_score(
            self._value.first_layer,
            lambda hidden: self._value.after_first(hidden, training),
            encoding,
            actions,
            training,
        )
