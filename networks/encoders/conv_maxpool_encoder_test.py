import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.encoders import conv_maxpool_encoder
from tests import conv_testing


def _images(height=19, width=34, seed=1):
    return np.random.RandomState(seed).rand(2, height, width, 5).astype(np.float32)


@pytest.fixture
def encoder():
    """An encoder of images with 5 channels, with weights that let much through."""
    encoder = conv_maxpool_encoder.ConvMaxpoolEncoder()
    encoder(tf.zeros([1, 16, 16, 5]))
    conv_testing.randomize(encoder, scale=0.1)
    return encoder


def test_against_float64(encoder):
    expected = _images()
    for kernel, bias in conv_testing.pairs(encoder):
        expected = conv_testing.maxpool(
            conv_testing.relu(conv_testing.convolve(expected, kernel, bias))
        )
    assert expected.shape == (2, 1, 2, 256)
    expected = expected.mean(axis=(1, 2))
    assert np.mean(expected > 0) > 0.3
    found = encoder(tf.constant(_images()))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_gradients_are_those_of_pooling_after_the_activation(encoder):
    def in_published_order(images):
        for kernel, bias in zip(encoder.weights[0::2], encoder.weights[1::2], strict=True):
            images = tf.nn.relu(tf.nn.conv2d(images, kernel, 1, "SAME") + bias)
            images = tf.nn.max_pool2d(images, 2, 2, "VALID")
        return tf.reduce_mean(images, axis=[1, 2])

    images, gradients = tf.constant(_images()), []
    for function in (encoder, in_published_order):
        with tf.GradientTape() as tape:
            tape.watch(images)
            loss = tf.reduce_sum(tf.square(function(images)))
        gradients.append(tape.gradient(loss, [images, *encoder.weights]))
    for found, expected in zip(*gradients, strict=True):
        assert np.abs(expected).max() > 0
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_variables_are_kernels_and_biases_in_order(encoder):
    shapes = [tuple(variable.shape) for variable in encoder.trainable_weights]
    assert shapes[0::2] == [(3, 3, 5, 32), (3, 3, 32, 64), (3, 3, 64, 128), (3, 3, 128, 256)]
    assert shapes[1::2] == [(32,), (64,), (128,), (256,)]


def test_weights_start_normal_with_std_005():
    encoder = conv_maxpool_encoder.ConvMaxpoolEncoder()
    encoder(tf.zeros([1, 16, 16, 5]))
    kernel, bias = encoder.weights[-2:]
    assert np.std(kernel) == pytest.approx(0.05, rel=0.02)
    assert np.std(bias) == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize("size", [(15, 16), (16, 15)])
def test_images_too_small_to_be_halved_are_refused(size):
    with pytest.raises(ValueError, match=r"at least 16×16 pixels, but gets 1\d×1\d"):
        conv_maxpool_encoder.ConvMaxpoolEncoder()(tf.zeros([1, *size, 3]))
