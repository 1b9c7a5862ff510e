"""Dense layers whose product can be computed in parts, plain or with a spectral norm of 1."""

from collections.abc import Callable

import tensorflow as tf

from ibc.utils import precision

_EPSILON = 1e-12


class Dense(tf.keras.layers.Dense):
    """A dense layer whose product may be computed in parts.

    `x @ kernel + bias` over concatenated inputs `x = [o, a]` equals `apply_to_first(o) +
    apply_to_last(a)`. An energy network so multiplies each observation once, whatever the number
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

    def effective_kernel(self) -> tf.Tensor:
        """Returns the matrix [inputs, units] that the layer multiplies with."""
        return tf.convert_to_tensor(self.kernel)

    def apply_to_first(self, inputs: tf.Tensor) -> tf.Tensor:
        """Multiplies the first columns of the layer's whole input, and adds the bias.

        Args:
          inputs: float32 [rows, columns].

        Returns:
          float32 [rows, units], without activation.
        """
        return tf.matmul(inputs, self.effective_kernel()[: inputs.shape[-1]]) + self.bias

    def apply_to_last(self, inputs: tf.Tensor) -> tf.Tensor:
        """Multiplies the last columns of the whole input, [rows, columns]: [rows, units]."""
        kernel = self.effective_kernel()
        return tf.matmul(inputs, kernel[kernel.shape[0] - inputs.shape[-1] :])

    def merged_with(self, last: "Dense", residual: tf.Tensor, inputs: tf.Tensor) -> tf.Tensor:
        """Computes `last(residual + self(inputs))` for two linear layers, multiplied as one.

        The product of both kernels replaces a product with every row, and its two in
        backpropagation. It pays where the last layer has fewer units than there are rows.

        Args:
          last: A linear layer that computes in float32.
          residual: [rows, units].
          inputs: [rows, inputs].

        Returns:
          float32 [rows, units of the last layer].
        """
        if not (self.built and last.built):
            # Creates the variables.
            return last(residual + self(inputs))
        last_kernel = last.effective_kernel()
        kernel = tf.matmul(self.effective_kernel(), last_kernel)
        bias = tf.matmul(self.bias[tf.newaxis], last_kernel)
        # Not in the type of hidden layers: these are energies.
        return last(residual) + (tf.matmul(tf.cast(inputs, tf.float32), kernel) + bias)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Applies the layer to [rows, inputs]; returns [rows, units]."""
        dtype = precision.compute_dtype(self)
        kernel = tf.cast(self.effective_kernel(), dtype)
        bias = tf.cast(self.bias, dtype)
        outputs = _add_bias(tf.matmul(tf.cast(inputs, dtype), kernel), bias)
        return self.activation(outputs)


class DenseSN(Dense):
    """A dense layer divided by its kernel's largest singular value (arXiv 1802.05957).

    Every call makes one power iteration from the stored vector `sn`; `store_power_iterations`
    stores the result, once per training step. Calls between two training steps therefore all use
    the same kernel. The singular vectors count as constants in gradients.
    """

    def build(self, input_shape) -> None:
        """Creates kernel, bias and the left singular vector's estimate `sn` [1, units]."""
        super().build(input_shape)
        self.sn = self.add_weight(
            name="sn",
            shape=(1, self.units),
            initializer=tf.keras.initializers.TruncatedNormal(stddev=0.02),
            trainable=False,
            aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA,
        )

    def effective_kernel(self) -> tf.Tensor:
        """Returns kernel / σ, σ the largest singular value's current estimate."""
        right, left = self._power_iteration()
        sigma = tf.matmul(tf.matmul(right, self.kernel), left, transpose_b=True)
        return self.kernel / sigma

    def store_power_iteration(self) -> None:
        """Makes the next calls start from where the present ones end."""
        _, left = self._power_iteration()
        self.sn.assign(left)

    def _power_iteration(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns estimates of the right [1, inputs] and left [1, units] singular vectors."""
        kernel = tf.stop_gradient(tf.convert_to_tensor(self.kernel))
        right = _unit(tf.matmul(self.sn, kernel, transpose_b=True))
        return right, _unit(tf.matmul(right, kernel))


_TYPES = {"regular": Dense, "spectral_norm": DenseSN}


def layer_type(name: str) -> type[Dense]:
    """Returns the class that `dense_layer_type` names: 'regular' or 'spectral_norm'.

    Raises:
      ValueError: The name is unknown.
    """
    if name not in _TYPES:
        raise ValueError(f"dense_layer_type must be one of {sorted(_TYPES)}, but is {name!r}.")
    return _TYPES[name]


def linear(units: int) -> Dense:
    """Makes a layer whose weights start as those of hidden layers do, in float32."""
    return Dense(units, kernel_initializer="normal", bias_initializer="normal")


def store_power_iterations(network: tf.Module) -> None:
    """Stores one power iteration of each spectrally normalized layer of a network.

    This is all that a training step changes in them besides the weights. It is called once per
    step, before the optimizer changes the kernels.
    """
    for layer in network.submodules:
        if isinstance(layer, DenseSN):
            layer.store_power_iteration()


def _unit(vector: tf.Tensor) -> tf.Tensor:
    return tf.math.l2_normalize(vector, epsilon=_EPSILON)


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
