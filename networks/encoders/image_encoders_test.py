"""Image encoders, and what happens to images before, against float64 recomputation."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.encoders import image_encoders, image_window
from tests import network_testing


def _images(height=19, width=34, seed=1):
    return np.random.RandomState(seed).rand(2, height, width, 5).astype(np.float32)


@pytest.fixture
def encoder():
    """An encoder of images with 5 channels, with weights that let much through."""
    encoder = image_encoders.ConvMaxpoolEncoder()
    encoder(tf.zeros([1, 16, 16, 5]))
    network_testing.randomize(encoder, scale=0.1)
    return encoder


def test_convolutions_against_float64(encoder):
    expected = _images()
    for kernel, bias in network_testing.pairs(encoder):
        expected = network_testing.conv_maxpool(expected, kernel, bias)
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
    encoder = image_encoders.ConvMaxpoolEncoder()
    encoder(tf.zeros([1, 16, 16, 5]))
    kernel, bias = encoder.weights[-2:]
    assert np.std(kernel) == pytest.approx(0.05, rel=0.02)
    assert np.std(bias) == pytest.approx(0.05, rel=0.2)


@pytest.mark.parametrize("size", [(15, 16), (16, 15)])
def test_images_too_small_to_be_halved_are_refused(size):
    with pytest.raises(ValueError, match=r"at least 16×16 pixels, but gets 1\d×1\d"):
        image_encoders.ConvMaxpoolEncoder()(tf.zeros([1, *size, 3]))


def _attention():
    encoder = image_encoders.SpatialAttentionEncoder()
    encoder(tf.zeros([1, 4, 4, 3]))
    network_testing.randomize(encoder, scale=0.1)
    return encoder


def test_attention_against_float64():
    encoder = _attention()
    images = np.random.RandomState(1).rand(2, 6, 7, 3).astype(np.float32)
    positions = image_encoders.coordinates(6, 7).astype(np.float64)
    layers = network_testing.pairs(encoder)
    assert len(layers) == 1 + 8 * 3 + 1
    inputs = np.concatenate([images, np.broadcast_to(positions, [2, 6, 7, 2])], axis=-1)
    hidden = network_testing.convolve(inputs, *layers[0])
    for block in range(8):
        inner = hidden
        for layer in layers[1 + 3 * block : 4 + 3 * block]:
            inner = network_testing.convolve(network_testing.relu(inner), *layer)
        hidden = hidden + inner
    heads = network_testing.convolve(network_testing.relu(hidden), *layers[-1])
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
    shapes = [tuple(variable.shape) for variable in _attention().weights[2:8:2]]
    assert shapes == [(1, 1, 64, 16), (3, 3, 16, 16), (1, 1, 16, 64)]


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
    found = image_encoders.SpatialSoftArgmax()(_bright(*pixels))
    np.testing.assert_allclose(found, [position], atol=1e-5)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 4.0])
def test_soft_argmax_against_float64(temperature):
    layer = image_encoders.SpatialSoftArgmax()
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
    layer = image_encoders.SpatialSoftArgmax()
    features = tf.random.stateless_normal([1, 4, 6, 2], [0, 0])
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(layer(features)))
    assert tape.gradient(loss, layer.trainable_weights)[0] != 0


def _windows(frames=2, height=5, width=7, seed=0):
    return np.random.RandomState(seed).rand(3, frames, height, width, 3).astype(np.float32)


def _bilinear(image, height, width):
    """Bilinear interpolation in float64; positions are those of the pixels' centres."""
    for axis, size in ((0, height), (1, width)):
        old = image.shape[axis]
        position = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        below = np.minimum(position.astype(int), old - 2)
        share = (position - below).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        image = (1 - share) * image.take(below, axis) + share * image.take(below + 1, axis)
    return image


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_each_group_of_channels_is_one_frame(frames):
    images = _windows(frames)
    stacked = image_window.stack_frames(tf.constant(images)).numpy()
    assert stacked.shape == (3, 5, 7, 3 * frames)
    for t in range(frames):
        np.testing.assert_array_equal(stacked[..., 3 * t : 3 * t + 3], images[:, t])


def test_swapping_frames_swaps_groups_of_channels():
    images = _windows()
    stacked = image_window.preprocess(tf.constant(images), 4, 6).numpy()
    swapped = image_window.preprocess(tf.constant(images[:, ::-1]), 4, 6).numpy()
    np.testing.assert_array_equal(stacked[..., :3], swapped[..., 3:])
    np.testing.assert_array_equal(stacked[..., 3:], swapped[..., :3])


@pytest.mark.parametrize(("height", "width"), [(3, 4), (10, 14), (5, 7), (4, 9)])
def test_resizing_against_float64(height, width):
    images = _windows()
    found = image_window.preprocess(tf.constant(images), height, width)
    for row, window in zip(found.numpy(), images, strict=True):
        frames = [_bilinear(frame.astype(np.float64), height, width) for frame in window]
        np.testing.assert_allclose(row, np.concatenate(frames, axis=-1), atol=1e-6)


def test_integers_become_numbers_from_0_to_1():
    levels = np.array([0, 51, 255], np.uint8)
    images = np.tile(levels, [2, 1, 4, 4, 1])
    found = image_window.preprocess(tf.constant(images), 4, 4)
    np.testing.assert_allclose(found[1, 2, 3], [0, 0.2, 1], atol=1e-6)


def test_batch_size_may_be_unknown():
    @tf.function(input_signature=[tf.TensorSpec([None, 2, 5, 7, 3])])
    def preprocess(images):
        result = image_encoders.append_coordinates(image_window.preprocess(images, 4, 6))
        assert result.shape[1:] == [4, 6, 8]
        return result

    assert preprocess(tf.constant(_windows())).shape == (3, 4, 6, 8)


def test_coordinates_are_x_to_the_right_and_y_downwards():
    found = image_encoders.coordinates(3, 5)
    np.testing.assert_allclose(found[0], [[-1, -1], [-0.5, -1], [0, -1], [0.5, -1], [1, -1]])
    np.testing.assert_allclose(found[:, 4], [[1, -1], [1, 0], [1, 1]])


def test_coordinates_are_appended_as_the_last_channels():
    images = _windows()[:, 0]
    found = image_encoders.append_coordinates(tf.constant(images)).numpy()
    np.testing.assert_array_equal(found[..., :3], images)
    for row in found:
        np.testing.assert_array_equal(row[..., 3:], image_encoders.coordinates(5, 7))


def test_the_image_is_found_among_states():
    states = {"a": tf.TensorSpec([2, 2]), "z": tf.TensorSpec([2, 1])}
    image = tf.TensorSpec([2, 8, 8, 3], tf.uint8)
    assert image_window.only_image({**states, "rgb": image}, rank=4) is image
    assert image_window.only_image(image, rank=4) is image
    batch = {"a": tf.zeros([7, 2, 2]), "rgb": tf.zeros([7, 2, 8, 8, 3])}
    assert image_window.only_image(batch, rank=5) is batch["rgb"]
    for wrong in (states, {"front": image, "rgb": image}):
        with pytest.raises(ValueError, match="exactly one image"):
            image_window.only_image(wrong, rank=4)


def test_normalized_observations_are_floats():
    spec = {"rgb": tf.TensorSpec([2, 8, 8, 3], tf.uint8), "angle": tf.TensorSpec([2, 1], tf.int32)}
    found = image_window.normalized_spec(spec)
    assert {leaf.dtype for leaf in found.values()} == {tf.float32}
    assert found["rgb"].shape == [2, 8, 8, 3]
