import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.encoders import spatial_soft_argmax


def _bright(*pixels, height=5, width=9):
    """One feature, 50 at the pixels (row, column) and 0 elsewhere."""
    features = np.zeros([1, height, width, 1], np.float32)
    for row, column in pixels:
        features[0, row, column] = 50
    return tf.constant(features)


@pytest.mark.parametrize(
    ("pixels", "position"),
    [
        ([(0, 0)], [-1, -1]),
        ([(0, 8)], [1, -1]),
        ([(4, 0)], [-1, 1]),
        ([(2, 4)], [0, 0]),
        ([(3, 6)], [0.5, 0.5]),
        ([(1, 0), (1, 8)], [0, -0.5]),
        ([(0, 2), (4, 4)], [-0.25, 0]),
        ([], [0, 0]),
    ],
)
def test_bright_pixels_are_located(pixels, position):
    found = spatial_soft_argmax.SpatialSoftArgmax()(_bright(*pixels))
    np.testing.assert_allclose(found, [position], atol=1e-5)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_against_float64(temperature):
    layer = spatial_soft_argmax.SpatialSoftArgmax()
    features = np.random.RandomState(0).randn(3, 4, 6, 2).astype(np.float32)
    layer(tf.constant(features))
    layer.log_temperature.assign(np.log(temperature))
    found = layer(tf.constant(features)).numpy()
    weights = np.exp(features.astype(np.float64) / temperature)
    weights /= weights.sum(axis=(1, 2), keepdims=True)
    x = (weights * np.linspace(-1, 1, 6)[:, None]).sum(axis=(1, 2))
    y = (weights * np.linspace(-1, 1, 4)[:, None, None]).sum(axis=(1, 2))
    np.testing.assert_allclose(found, np.stack([x, y], axis=-1).reshape(3, 4), atol=1e-6)


def test_the_temperature_is_learned():
    layer = spatial_soft_argmax.SpatialSoftArgmax()
    features = tf.random.stateless_normal([1, 4, 6, 2], [0, 0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(features)))
    assert tape.gradient(loss, layer.trainable_weights)[0] != 0
