import numpy as np
import tensorflow as tf

from ibc.networks.encoders import image_prepro, spatial_attention_encoder
from tests import conv_testing


def _encoder():
    encoder = spatial_attention_encoder.SpatialAttentionEncoder()
    encoder(tf.zeros([1, 4, 4, 3]))
    conv_testing.randomize(encoder, scale=0.1)
    return encoder


def test_against_float64():
    encoder = _encoder()
    images = np.random.RandomState(1).rand(2, 6, 7, 3).astype(np.float32)
    positions = image_prepro.coordinates(6, 7).astype(np.float64)
    layers = conv_testing.pairs(encoder)
    assert len(layers) == 1 + 8 * 3 + 1
    inputs = np.concatenate([images, np.broadcast_to(positions, [2, 6, 7, 2])], axis=-1)
    hidden = conv_testing.convolve(inputs, *layers[0])
    for block in range(8):
        inner = hidden
        for layer in layers[1 + 3 * block : 4 + 3 * block]:
            inner = conv_testing.convolve(conv_testing.relu(inner), *layer)
        hidden = hidden + inner
    heads = conv_testing.convolve(conv_testing.relu(hidden), *layers[-1])
    weights = np.exp(
        (heads - heads.max(axis=(1, 2), keepdims=True)) / np.exp(_temperature(encoder))
    )
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    expected = np.einsum("bhwk,hwc->bkc", weights, positions).reshape(2, 128)
    assert np.std(expected) > 0.05
    np.testing.assert_allclose(encoder(tf.constant(images)), expected, rtol=1e-3, atol=1e-3)


def _temperature(encoder):
    return encoder.weights[-1].numpy().astype(np.float64)


def test_bottlenecks_are_a_quarter_as_wide():
    shapes = [tuple(variable.shape) for variable in _encoder().weights[2:8:2]]
    assert shapes == [(1, 1, 64, 16), (3, 3, 16, 16), (1, 1, 16, 64)]
