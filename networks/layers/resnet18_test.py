import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import resnet18, small_trunk
from ibc.utils import precision
from tests import network_testing


def _convolved(images, kernel, stride):
    """Convolution with as many zeros on all sides, in float64: at every pixel, then thinned out."""
    everywhere = network_testing.convolve(images, kernel, np.zeros(kernel.shape[-1]))
    return everywhere[:, ::stride, ::stride]


def _normalized(values, gamma, beta):
    groups = values.reshape(*values.shape[:3], -1, 16)
    mean, variance = (moment(axis=(1, 2, 4), keepdims=True) for moment in (groups.mean, groups.var))
    return ((groups - mean) / np.sqrt(variance + 1e-5)).reshape(values.shape) * gamma + beta


def _images(height=13, width=10, channels=3, seed=0):
    shape = (2, height, width, channels)
    return np.random.RandomState(seed).randn(*shape).astype(np.float32)


@pytest.mark.parametrize("height", [12, 13])
@pytest.mark.parametrize(("size", "stride"), [(7, 2), (5, 2), (3, 2), (3, 1), (1, 2)])
def test_zeros_are_symmetric(size, stride, height):
    layer, images = resnet18.Convolution(4, size, stride), _images(height)
    found = layer(images)
    np.testing.assert_allclose(
        found, _convolved(images, layer.kernel.numpy(), stride), rtol=1e-4, atol=1e-4
    )
    assert not layer.use_bias and found.shape[1:3] == (-(-height // stride), -(-10 // stride))


@pytest.mark.parametrize("height", [12, 13])
def test_beyond_the_edges_is_nothing_not_zero(height):
    images = _images(height) - 100
    padded = np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)], constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(1, 2))
    expected = windows.max(axis=(-2, -1))[:, ::2, ::2]
    np.testing.assert_array_equal(resnet18.MaxPool()(images), expected)


@pytest.mark.parametrize(("channels", "stride"), [(32, 1), (16, 2)])
def test_blocks_against_float64(channels, stride):
    has_shortcut = channels != 32
    block = resnet18.BasicBlock(32, stride, has_shortcut, True, dtype=precision.hidden_policy())
    images = _images(channels=channels)
    block(images)
    network_testing.randomize(block)
    weights = [weight.numpy().astype(np.float64) for weight in block.weights]
    hidden = _normalized(_convolved(images, weights[0], stride), *weights[1:3])
    hidden = _convolved(network_testing.relu(hidden), weights[3], 1)
    shortcut = images
    if has_shortcut:
        shortcut = _normalized(_convolved(images, weights[6], 2), *weights[7:9])
    expected = network_testing.relu(_normalized(hidden, *weights[4:6]) + shortcut)
    np.testing.assert_allclose(block(images), expected, rtol=1e-4, atol=1e-3)


def test_kernels_start_with_the_variance_of_fan_out():
    layer = resnet18.Convolution(64, 3)
    layer(tf.zeros([1, 8, 8, 32]))
    assert np.std(layer.kernel) == pytest.approx(np.sqrt(2 / (64 * 9)), rel=0.03)


@pytest.mark.parametrize(
    ("size", "sizes"), [(84, (42, 42, 42, 21, 21, 11, 6, 3)), (76, (38, 38, 38, 19, 19, 10, 5, 3))]
)
def test_sizes_and_count_of_the_trunk(size, sizes):
    trunk, images = resnet18.ResNet18(), tf.zeros([1, size, size, 3])
    found = []
    for part in trunk.parts:
        images = part(images)
        found.append(images.shape[1])
    assert tuple(found[:4] + found[5::2]) == sizes and images.shape[3] == 512
    trunk(tf.zeros([1, size, size, 3]))
    assert trunk.count_params() == 11_176_512


@pytest.mark.parametrize("kind", [resnet18.ResNet18, small_trunk.SmallTrunk])
def test_mixed_precision_changes_little(kind):
    tf.keras.utils.set_random_seed(0)
    images = _images(32, 32)
    exact = kind()
    expected = exact(images)
    with precision.mixed():
        mixed = kind()
    mixed(images)
    mixed.set_weights(exact.get_weights())
    found = mixed(images)
    assert found.dtype == tf.bfloat16 and expected.dtype == tf.float32
    assert {weight.dtype for weight in mixed.weights} == {tf.float32}
    error = np.sqrt(np.mean(np.square(tf.cast(found, tf.float32) - expected)))
    assert 0 < error < 0.1 * np.std(expected)


def test_batch_normalization_changes_averages_in_training_alone():
    trunk, images = resnet18.ResNet18(group_norm=False), _images(32, 32)
    trunk(images)
    before = [variable.numpy() for variable in trunk.non_trainable_variables]
    trunk(images, training=False)
    for variable, old in zip(trunk.non_trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, old)
    trunk(images, training=True)
    assert before and all(
        np.abs(variable - old).max() > 0
        for variable, old in zip(trunk.non_trainable_variables, before, strict=True)
    )


def test_the_small_trunk_against_float64():
    trunk, images = small_trunk.SmallTrunk(), _images(21, 18)
    trunk(images)
    network_testing.randomize(trunk)
    hidden = images
    pairs = network_testing.pairs(trunk)
    for (kernel, bias), stride in zip(pairs, (2, 2, 1), strict=True):
        hidden = network_testing.relu(_convolved(hidden, kernel, stride) + bias)
    np.testing.assert_allclose(trunk(images), hidden, rtol=1e-4, atol=1e-3)


def test_the_small_trunk_keeps_a_quarter_of_the_resolution():
    trunk = small_trunk.SmallTrunk()
    assert trunk(tf.zeros([1, 84, 76, 3])).shape == (1, 21, 19, 32)
    assert trunk.count_params() < 20_000
