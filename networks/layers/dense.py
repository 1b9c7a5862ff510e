"""Dense layers that can also be applied to a block of their input's columns."""

from collections.abc import Callable

import tensorflow as tf

from ibc.utils import precision


class Dense(tf.keras.layers.Dense):
    """A dense layer whose product may be computed in parts.

    `x @ kernel + bias` over concatenated inputs `x = [o, a]` equals
    `head(o) + tail(a)`, where `head` uses the kernel's first rows and the bias, and `tail`
    its last rows. An energy network so multiplies each observation once, whatever the number
    of actions it is scored with.

    The product is computed in the type of the layer's Keras policy, from float32 weights; in
    float32 inside `precision.in_float32`.
    """

    def __init__(self, *args, **kwargs):
        """Creates the layer; arguments are those of Keras."""
        super().__init__(*args, autocast=False, **kwargs)

    def add_weight(self, *args, **kwargs) -> tf.Variable:
        """As Keras, but the variable is always read as the float32 it is."""
        return super().add_weight(*args, experimental_autocast=False, **kwargs)

    def effective_kernel(self, training: bool = False) -> tf.Tensor:
        """Returns the matrix [inputs, units] that the layer multiplies with."""
        del training
        return tf.convert_to_tensor(self.kernel)

    def commit(self) -> tf.Operation | None:
        """Stores what a training step changes besides the weights; here nothing."""
        return None

    def head(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Applies the kernel's first rows and the bias.

        Args:
          inputs: float32 [rows, columns], the first columns of the layer's whole input.
          training: Whether this is part of a training step.

        Returns:
          float32 [rows, units], without activation.
        """
        kernel = self.effective_kernel(training)[: inputs.shape[-1]]
        return tf.matmul(inputs, kernel) + self.bias

    def tail(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Applies the kernel's last rows: float32 [rows, columns] to [rows, units]."""
        kernel = self.effective_kernel(training)
        return tf.matmul(inputs, kernel[kernel.shape[0] - inputs.shape[-1] :])

    def before_head(
        self, head: "Dense", residual: tf.Tensor, inputs: tf.Tensor, training: bool = False
    ) -> tf.Tensor:
        """Computes `head(residual + self(inputs))` for two linear layers, multiplied as one.

        The product of both kernels replaces a product with every row, and its two in
        backpropagation. It pays where the head has fewer units than there are rows.

        Args:
          head: A linear layer that computes in float32.
          residual: [rows, units].
          inputs: [rows, inputs].
          training: Whether this is part of a training step.

        Returns:
          float32 [rows, units of the head].
        """
        if not (self.built and head.built):
            # Creates the variables.
            return head(residual + self(inputs, training=training))
        head_kernel = head.effective_kernel(training)
        kernel = tf.matmul(self.effective_kernel(training), head_kernel)
        bias = tf.matmul(self.bias[tf.newaxis], head_kernel)
        if training:
            self.commit()
        # Not in the type of hidden layers: these are energies.
        return head(residual) + (tf.matmul(tf.cast(inputs, tf.float32), kernel) + bias)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Applies the layer to [rows, inputs]; returns [rows, units]."""
        dtype = precision.compute_dtype(self)
        kernel = tf.cast(self.effective_kernel(training), dtype)
        bias = tf.cast(self.bias, dtype)
        outputs = _add_bias(tf.matmul(tf.cast(inputs, dtype), kernel), bias)
        if training:
            self.commit()
        return self.activation(outputs)


def _add_bias(products: tf.Tensor, bias: tf.Tensor) -> tf.Tensor:
    """Adds a bias [units] to products [rows, units]."""
    if bias.dtype == tf.bfloat16:
        return _add_bfloat16_bias(products, bias)
    return tf.nn.bias_add(products, bias)


@tf.custom_gradient
def _add_bfloat16_bias(products: tf.Tensor, bias: tf.Tensor) -> tuple[tf.Tensor, Callable]:
    def gradients(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # On CPUs this product takes a third of the time of TensorFlow's own sum over rows.
        ones = tf.ones([1, tf.shape(upstream)[0]], upstream.dtype)
        return upstream, tf.matmul(ones, upstream)[0]

    return tf.nn.bias_add(products, bias), gradients
