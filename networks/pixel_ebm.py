"""Energy networks over images."""

import gin
import tensorflow as tf
from tf_agents.typing import types

from ibc.networks import energy_network, registry
from ibc.networks.encoders import image_window
from ibc.networks.layers import dense, dense_stack, dropout, resnet
from ibc.utils import parameters


@registry.register
@gin.configurable
class PixelEBM(energy_network.EncodedEnergyNetwork):
    """−E(o, a): an image encoder, then a value network on [encoded image, action].

    Only the observation's image is looked at.
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
        if value_network not in _VALUE_NETWORKS:
            raise ValueError(
                f"PixelEBM.value_network must be one of {sorted(_VALUE_NETWORKS)}, but is "
                f"{value_network!r}."
            )
        super().__init__(
            image_window.normalized_spec(obs_spec),
            action_spec,
            encoder=image_window.WindowEncoder(
                "PixelEBM", obs_spec, encoder_network, target_height, target_width
            ),
            stack=_VALUE_NETWORKS[value_network](),
            last=None,
            name=name,
        )
        # Where checkpoints have the stack.
        self._value = self._stack


@gin.configurable
class DenseResnetValue(dense_stack.DenseStack):
    """dense(width), residual bottlenecks, dense(1).

    A bottleneck is relu, dense(width / 4), relu, dense(width / 4), relu, dense(width), +
    identity. Variables are in the order of the computation.
    """

    def __init__(self, width: int = 512, num_blocks: int = 2, **kwargs):
        """Creates the layers.

        Args:
          width: Units of the first layer and between bottlenecks, at least 4.
          num_blocks: Number of bottlenecks, 0 or more.
          **kwargs: Passed to `DenseStack`.

        Raises:
          ValueError: A number is out of range.
        """
        parameters.check_whole("DenseResnetValue", least=4, width=width)
        parameters.check_whole("DenseResnetValue", least=0, num_blocks=num_blocks)
        super().__init__([width], **kwargs)
        self._projection = self._dense(width)
        self._blocks = [
            [self._hidden_dense(units) for units in (width // 4, width // 4, width)]
            for _ in range(num_blocks)
        ]
        self._value = self._dense(1)

    @property
    def first_layer(self) -> dense.Dense:
        """The linear projection to the width."""
        return self._projection

    def _after_first(self, hidden: tf.Tensor, training: dropout.Training) -> tf.Tensor:
        del training
        if not self._blocks:
            return self._value(hidden)
        *blocks, last_block = self._blocks
        for block in blocks:
            hidden = hidden + _bottleneck(block, hidden)
        *layers, last = last_block
        inner = tf.nn.relu(_bottleneck(layers, hidden))
        # Nothing but the sum stands between the last two layers.
        return last.merged_with(self._value, hidden, inner)


def _bottleneck(layers: list[dense.Dense], inputs: tf.Tensor) -> tf.Tensor:
    """Applies relu, then a layer, for each of the layers, to a residual sum."""
    first, *others = layers
    hidden = first(resnet.relu(inputs))
    for layer in others:
        hidden = layer(tf.nn.relu(hidden))
    return hidden


_VALUE_NETWORKS = {"DenseResnetValue": DenseResnetValue}
