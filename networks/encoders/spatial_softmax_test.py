import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.encoders import spatial_softmax
from tests import network_testing


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_against_float64(temperature):
    layer = spatial_softmax.SpatialSoftmax(5, temperature)
    features = np.random.RandomState(0).randn(2, 4, 3, 6)
    layer(tf.constant(features, tf.float32))
    network_testing.randomize(layer, scale=1.0)
    ((kernel, bias),) = network_testing.pairs(layer)
    weights = np.exp((features @ kernel[0, 0] + bias) / temperature)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    x = (weights * np.linspace(-1, 1, 3)[:, np.newaxis]).sum(axis=(1, 2))
    y = (weights * np.linspace(-1, 1, 4)[:, np.newaxis, np.newaxis]).sum(axis=(1, 2))
    found = layer(tf.constant(features, tf.float32))
    np.testing.assert_allclose(found, np.stack([x, y], axis=-1), rtol=1e-4, atol=1e-6)


def test_a_bright_pixel_is_found():
    layer = spatial_softmax.SpatialSoftmax(1)
    features = np.zeros([1, 5, 9, 1], np.float32)
    features[0, 4, 2] = 1
    layer(features)
    layer.set_weights([np.full([1, 1, 1, 1], 100.0), np.zeros(1)])
    np.testing.assert_allclose(layer(features), [[[2 / 8 * 2 - 1, 1.0]]], atol=1e-6)
