"""Layers whose weights and biases start uniform within ±1/√fan_in, PyTorch's default."""

import math

import tensorflow as tf

from ibc.networks.layers import dense, stacks


def _uniform(fan_in: int) -> tf.keras.initializers.Initializer:
    bound = 1 / math.sqrt(fan_in)
    return tf.keras.initializers.RandomUniform(-bound, bound)


class FanInDense(dense.Dense):
    """A dense layer; fan_in is the size of its whole input."""

    def build(self, input_shape) -> None:
        """Creates kernel and bias, whose range follows from the input's size."""
        fan_in = tf.TensorShape(input_shape)[-1]
        self.kernel_initializer, self.bias_initializer = _uniform(fan_in), _uniform(fan_in)
        super().build(input_shape)


class FanInConv(tf.keras.layers.Conv2D):
    """A convolution with bias; fan_in is the number of values that an output sees."""

    def build(self, input_shape) -> None:
        """Creates kernel and bias, whose range follows from window and channels."""
        fan_in = tf.TensorShape(input_shape)[-1] * math.prod(self.kernel_size)
        self.kernel_initializer, self.bias_initializer = _uniform(fan_in), _uniform(fan_in)
        super().build(input_shape)


class FanInMLP(stacks.MLPDropoutLayer):
    """A multilayer perceptron of such dense layers."""

    def _dense(self, units: int) -> dense.Dense:
        return FanInDense(units)

    def _hidden_dense(self, units: int) -> dense.Dense:
        return FanInDense(units, dtype=self._hidden_policy)
