import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import fan_in
from ibc.utils import precision


def _check_uniform(values, bound):
    values = np.asarray(values).ravel()
    assert np.abs(values).max() <= bound
    # Standard deviation of a uniform distribution; its estimate's own is below 2 % of it.
    assert values.std() == pytest.approx(bound / np.sqrt(3), rel=0.1)


def test_dense_layers_start_uniform():
    layer = fan_in.FanInDense(800)
    layer(tf.zeros([1, 25]))
    _check_uniform(layer.kernel, 1 / 5)
    _check_uniform(layer.bias, 1 / 5)
    assert layer.bias[0] != layer.kernel[0, 0]


def test_convolutions_count_their_window():
    layer = fan_in.FanInConv(800, 3)
    layer(tf.zeros([1, 3, 3, 4]))
    _check_uniform(layer.kernel, 1 / 6)
    _check_uniform(layer.bias, 1 / 6)


def test_stacks_are_of_such_layers_and_split_their_first_product():
    with precision.mixed():
        stack = fan_in.FanInMLP([400, 400], rate=0.0)
    inputs = tf.constant(np.random.RandomState(0).randn(3, 16), tf.float32)
    stack(inputs)
    _check_uniform(stack.weights[0], 1 / 4)
    _check_uniform(stack.weights[3], 1 / 20)
    assert [layer.compute_dtype for layer in stack._weight_layers] == ["float32", "bfloat16"]
    first = stack.first_layer
    hidden = first.apply_to_first(inputs[:, :10]) + first.apply_to_last(inputs[:, 10:])
    np.testing.assert_allclose(hidden, first(inputs), rtol=1e-4, atol=1e-5)
