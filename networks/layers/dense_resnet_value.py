"""A residual network from features to one value."""

import gin
import tensorflow as tf

from ibc.networks.layers import dense, dense_stack, residual_activation


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
        for name, value, least in (("width", width, 4), ("num_blocks", num_blocks, 0)):
            if not isinstance(value, int) or value < least:
                raise ValueError(
                    f"DenseResnetValue.{name} is {value!r}; it must be a whole number of at "
                    f"least {least}."
                )
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

    def _after_first(self, hidden: tf.Tensor, training: bool) -> tf.Tensor:
        if not self._blocks:
            return self._value(hidden, training=training)
        *blocks, last_block = self._blocks
        for block in blocks:
            hidden = hidden + _bottleneck(block, hidden, training)
        *layers, last = last_block
        inner = tf.nn.relu(_bottleneck(layers, hidden, training))
        # Nothing but the sum stands between the last two layers.
        return last.before_head(self._value, hidden, inner, training)


def _bottleneck(layers: list[dense.Dense], inputs: tf.Tensor, training: bool) -> tf.Tensor:
    """Applies relu, then a layer, for each of the layers, to a residual sum."""
    first, *others = layers
    hidden = first(residual_activation.relu(inputs), training=training)
    for layer in others:
        hidden = layer(tf.nn.relu(hidden), training=training)
    return hidden
