"""Residual stacks of dense layers, in the original and the pre-activation order."""

import abc
import functools
from collections.abc import Callable

import gin
import tensorflow as tf

from ibc.networks.layers import dense, dense_stack, dropout

_NORMALIZERS = {
    "Batch": tf.keras.layers.BatchNormalization,
    "Layer": functools.partial(tf.keras.layers.LayerNormalization, epsilon=1e-6),
}
_ACTIVATIONS = ("relu", "swish")


@gin.configurable
class ResNetLayer(dense_stack.DenseStack):
    """A linear projection, then residual blocks of two dense layers each.

    Variables are ordered: projection, the first layers of all blocks, the second layers of all
    blocks; each group's normalizers follow its dense layers.
    """

    _DROPOUTS_PER_BLOCK: int

    def __init__(
        self,
        hidden_sizes: list[int],
        rate: float = 0.1,
        default_activation: str = "relu",
        kernel_initializer: str = "normal",
        bias_initializer: str = "normal",
        dense_layer_type: str = "regular",
        normalizer: str | None = None,
        activation: str | None = None,
        **kwargs,
    ):
        """Creates the layers; arguments as in `DenseStack`.

        Args:
          hidden_sizes: Units of each layer; equal, and an even number of them, two per block.
          rate: Dropout rate, in [0, 255/256].
          default_activation: The network's activation, used where `activation` is None.
          kernel_initializer: Keras initializer.
          bias_initializer: Keras initializer.
          dense_layer_type: 'regular' or 'spectral_norm'.
          normalizer: None, 'Batch' or 'Layer', in front of every activation of a block.
          activation: 'relu' or 'swish'; None takes `default_activation`.
          **kwargs: Passed to Keras.

        Raises:
          ValueError: An odd number of hidden sizes, unequal sizes, an unknown normalizer,
            activation or dense layer type, or a rate out of range.
        """
        super().__init__(
            hidden_sizes, kernel_initializer, bias_initializer, dense_layer_type, **kwargs
        )
        self._rate = dropout.checked_rate(rate)
        activation = activation or default_activation
        _check(hidden_sizes, normalizer, activation)
        blocks = len(hidden_sizes) // 2
        self._activation = tf.keras.activations.get(activation)
        self._residual_activation = _of_residual_sums(activation)
        self._projection = self._dense(hidden_sizes[0])
        self._weight_layers = [self._hidden_dense(hidden_sizes[0]) for _ in range(blocks)]
        self._norm_layers = _normalizers(normalizer, blocks, self._hidden_policy)
        self._weight_layers_2 = [self._hidden_dense(hidden_sizes[0]) for _ in range(blocks)]
        self._norm_layers_2 = _normalizers(normalizer, blocks, self._hidden_policy)

    @property
    def first_layer(self) -> dense.Dense:
        """The linear projection to the stack's width."""
        return self._projection

    @property
    def num_masks(self) -> int:
        """As many for each block as it has dropouts."""
        return self._DROPOUTS_PER_BLOCK * len(self._weight_layers)

    def _after_first(self, hidden: tf.Tensor, training: dropout.Training) -> tf.Tensor:
        for index, dropouts in enumerate(self._dropouts_of_blocks(hidden, training)):
            hidden = self._block(index, hidden, dropouts, bool(training))
        return hidden

    def _dropouts_of_blocks(
        self, hidden: tf.Tensor, training: dropout.Training
    ) -> list[list[dense_stack.Dropout]]:
        count = self._DROPOUTS_PER_BLOCK
        dropouts = self._dropouts(hidden, [hidden.shape[-1]] * self.num_masks, training)
        return [dropouts[first : first + count] for first in range(0, self.num_masks, count)]

    @abc.abstractmethod
    def _block(
        self, index: int, inputs: tf.Tensor, dropouts: list[dense_stack.Dropout], training: bool
    ) -> tf.Tensor:
        """Applies one residual block."""


class ResNetOrigLayer(ResNetLayer):
    """Blocks in the order of arXiv 1512.03385.

    dense, normalizer, activation, dropout, dense, normalizer, + identity, activation.
    """

    _DROPOUTS_PER_BLOCK = 1

    def _block(
        self, index: int, inputs: tf.Tensor, dropouts: list[dense_stack.Dropout], training: bool
    ) -> tf.Tensor:
        hidden = self._weight_layers[index](inputs)
        hidden = self._activation(self._norm_layers[index](hidden, training=training))
        hidden = dropouts[0](hidden)
        hidden = self._weight_layers_2[index](hidden)
        return self._activation(inputs + self._norm_layers_2[index](hidden, training=training))


class ResNetPreActivationLayer(ResNetLayer):
    """Blocks in the order of arXiv 1603.05027.

    normalizer, activation, dropout, dense, twice, + identity.
    """

    _DROPOUTS_PER_BLOCK = 2

    def _block(
        self, index: int, inputs: tf.Tensor, dropouts: list[dense_stack.Dropout], training: bool
    ) -> tf.Tensor:
        hidden = self._block_but_last(index, inputs, dropouts, training)
        return inputs + self._weight_layers_2[index](hidden)

    def _block_but_last(
        self, index: int, inputs: tf.Tensor, dropouts: list[dense_stack.Dropout], training: bool
    ) -> tf.Tensor:
        hidden = self._residual_activation(self._norm_layers[index](inputs, training=training))
        hidden = dropouts[0](hidden)
        hidden = self._weight_layers[index](hidden)
        hidden = self._activation(self._norm_layers_2[index](hidden, training=training))
        return dropouts[1](hidden)

    def _after_first_with_last(
        self, hidden: tf.Tensor, last: dense.Dense, training: dropout.Training
    ) -> tf.Tensor:
        # Nothing but the sum stands between the block's last layer and the next.
        *others, of_last = self._dropouts_of_blocks(hidden, training)
        for index, dropouts in enumerate(others):
            hidden = self._block(index, hidden, dropouts, bool(training))
        inner = self._block_but_last(len(others), hidden, of_last, bool(training))
        return self._weight_layers_2[-1].merged_with(last, hidden, inner)


@tf.custom_gradient
def relu(sums: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """max(sums, 0), with Relu's gradient, for residual sums, which are used elsewhere, too.

    TensorFlow's optimizer makes a product, its bias and what follows one operation. Where Relu
    follows a sum that has another use, it tries that too, fails ("remapper failed: … exist for
    missing node") and leaves the whole graph as it was. It does not look at Maximum.
    """
    activated = tf.maximum(sums, tf.zeros([], sums.dtype))
    return activated, lambda upstream: tf.raw_ops.ReluGrad(gradients=upstream, features=activated)


def _of_residual_sums(name: str) -> Callable[[tf.Tensor], tf.Tensor]:
    """Returns a Keras activation to apply to residual sums."""
    return relu if name == "relu" else tf.keras.activations.get(name)


class _Identity(tf.keras.layers.Layer):
    """Stands where a block has no normalizer; takes any type."""

    def __init__(self):
        super().__init__(autocast=False)

    def call(self, inputs: tf.Tensor, training: dropout.Training = False) -> tf.Tensor:
        del training
        return inputs


def _normalizers(
    normalizer: str | None, count: int, policy: tf.keras.mixed_precision.Policy
) -> list[tf.keras.layers.Layer]:
    if not normalizer:
        return [_Identity() for _ in range(count)]
    return [_NORMALIZERS[normalizer](dtype=policy) for _ in range(count)]


def _check(hidden_sizes: list[int], normalizer: str | None, activation: str) -> None:
    if len(hidden_sizes) % 2:
        raise ValueError(
            "Residual layers come in blocks of two, so the depth must be even, "
            f"but it is {len(hidden_sizes)}."
        )
    if len(set(hidden_sizes)) > 1:
        raise ValueError(f"Residual layers must all have one width, but have {hidden_sizes}.")
    if normalizer not in (None, *_NORMALIZERS):
        raise ValueError(
            f"ResNetLayer.normalizer must be None or one of {sorted(_NORMALIZERS)}, "
            f"but is {normalizer!r}."
        )
    if activation not in _ACTIVATIONS:
        raise ValueError(
            "The activation of residual layers (ResNetLayer.activation, or the network's own) must "
            f"be one of {list(_ACTIVATIONS)}, but is {activation!r}."
        )
