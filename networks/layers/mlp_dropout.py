"""A plain multilayer perceptron with dropout."""

import tensorflow as tf

from ibc.networks.layers import dense, dense_stack, dropout


class MLPDropoutLayer(dense_stack.DenseStack):
    """Dense, activation, dropout; once per hidden size."""

    def __init__(
        self,
        hidden_sizes: list[int],
        rate: float = 0.1,
        activation: str = "relu",
        kernel_initializer: str = "normal",
        bias_initializer: str = "normal",
        dense_layer_type: str = "regular",
        **kwargs,
    ):
        """Creates the layers; arguments as in `DenseStack`.

        Args:
          hidden_sizes: Units of each layer.
          rate: Dropout rate after each activation, in [0, 255/256].
          activation: Keras activation of each layer.
          kernel_initializer: Keras initializer.
          bias_initializer: Keras initializer.
          dense_layer_type: 'regular' or 'spectral_norm'.
          **kwargs: Passed to Keras.

        Raises:
          ValueError: As `DenseStack`, the rate is out of range, or the activation is unknown to
            Keras.
        """
        super().__init__(
            hidden_sizes, kernel_initializer, bias_initializer, dense_layer_type, **kwargs
        )
        self._rate = dropout.checked_rate(rate)
        self._units = list(hidden_sizes)
        first, *others = hidden_sizes
        self._weight_layers = [self._dense(first), *map(self._hidden_dense, others)]
        self._activation = tf.keras.activations.get(activation)

    @property
    def first_layer(self) -> dense.Dense:
        """The first dense layer, before its activation."""
        return self._weight_layers[0]

    def _after_first(self, hidden: tf.Tensor, training: bool) -> tf.Tensor:
        first, *others = self._dropouts(hidden, self._units, training)
        hidden = first(self._activation(hidden))
        for layer, drop in zip(self._weight_layers[1:], others, strict=True):
            hidden = drop(self._activation(layer(hidden, training=training)))
        return hidden
