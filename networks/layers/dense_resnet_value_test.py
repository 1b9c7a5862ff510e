import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import dense_resnet_value
from tests import conv_testing


def _value(**options):
    value = dense_resnet_value.DenseResnetValue(**{"width": 8, "num_blocks": 2, **options})
    value(tf.zeros([1, 6]))
    conv_testing.randomize(value, scale=0.5)
    return value


@pytest.mark.parametrize("num_blocks", [0, 1, 2])
def test_against_float64(num_blocks):
    value = _value(num_blocks=num_blocks)
    x = np.random.RandomState(1).randn(5, 6)
    (first, *inner, last) = conv_testing.pairs(value)
    assert len(inner) == 3 * num_blocks
    hidden = x @ first[0] + first[1]
    for block in range(num_blocks):
        residual = hidden
        for kernel, bias in inner[3 * block : 3 * block + 3]:
            residual = conv_testing.relu(residual) @ kernel + bias
        hidden = hidden + residual
    expected = hidden @ last[0] + last[1]
    np.testing.assert_allclose(value(tf.constant(x, tf.float32)), expected, rtol=1e-4, atol=1e-5)


def test_variables_are_in_the_order_of_the_computation():
    shapes = [tuple(variable.shape) for variable in _value().trainable_weights[0::2]]
    assert shapes == [(6, 8), *[(8, 2), (2, 2), (2, 8)] * 2, (8, 1)]


def test_the_first_product_splits():
    value, x = _value(), np.random.RandomState(1).randn(5, 6).astype(np.float32)
    hidden = value.first_layer.head(x[:, :4]) + value.first_layer.tail(x[:, 4:])
    np.testing.assert_allclose(value.after_first(hidden), value(x), rtol=1e-4, atol=1e-5)


def test_gin_binds_the_size():
    gin.parse_config("DenseResnetValue.width = 12\nDenseResnetValue.num_blocks = 3")
    value = dense_resnet_value.DenseResnetValue()
    value(tf.zeros([1, 6]))
    assert value.weights[0].shape == (6, 12) and len(value.weights) == 2 * 11


@pytest.mark.parametrize("options", [{"width": 3}, {"num_blocks": -1}, {"width": 8.0}])
def test_sizes_out_of_range_are_named(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"DenseResnetValue.{name} is .* whole number"):
        dense_resnet_value.DenseResnetValue(**options)


def test_it_has_no_dropout_and_takes_no_rate():
    with pytest.raises(TypeError, match="rate"):
        dense_resnet_value.DenseResnetValue(8, rate=0.5)
