import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import group_norm
from tests import network_testing


def _by_hand(values, gamma, beta, size):
    """Group normalization in float64."""
    values = np.asarray(values, np.float64)
    groups = values.reshape(*values.shape[:3], -1, size)
    mean = groups.mean(axis=(1, 2, 4), keepdims=True)
    variance = groups.var(axis=(1, 2, 4), keepdims=True)
    return ((groups - mean) / np.sqrt(variance + 1e-5)).reshape(values.shape) * gamma + beta


def _features(seed=0):
    generator = np.random.RandomState(seed)
    # Channels of very different means, as trunks have them.
    return (generator.randn(3, 5, 4, 32) + 10 * generator.randn(32)).astype(np.float32)


def test_against_float64():
    layer, values = group_norm.GroupNorm(), _features()
    layer(values)
    network_testing.randomize(layer)
    expected = _by_hand(values, *(w.numpy().astype(np.float64) for w in layer.weights), 16)
    np.testing.assert_allclose(layer(values), expected, rtol=1e-4, atol=1e-4)


def test_gradients_against_keras():
    ours, values = group_norm.GroupNorm(channels_per_group=8), tf.constant(_features())
    theirs = tf.keras.layers.GroupNormalization(groups=4, epsilon=1e-5)
    gradients = []
    for layer in (ours, theirs):
        layer(values)
        network_testing.randomize(layer)
        with tf.GradientTape() as tape:
            tape.watch(values)
            loss = tf.reduce_sum(tf.sin(layer(values)))
        gradients.append(tape.gradient(loss, [values, *layer.trainable_variables]))
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)


def test_pictures_are_normalized_one_by_one():
    layer, values = group_norm.GroupNorm(), _features()
    whole = layer(values, training=True).numpy()
    for index in range(3):
        np.testing.assert_allclose(layer(values[index : index + 1])[0], whole[index], atol=1e-5)


def test_moments_of_bfloat16_are_taken_in_float32():
    policy = tf.keras.mixed_precision.Policy("mixed_bfloat16")
    layer, values = group_norm.make(True, policy), _features()
    found = layer(values)
    assert found.dtype == tf.bfloat16
    assert {weight.dtype for weight in layer.weights} == {tf.float32}
    seen = tf.cast(tf.cast(values, tf.bfloat16), tf.float32)
    expected = _by_hand(seen, 1, 0, 16)
    np.testing.assert_allclose(tf.cast(found, tf.float32), expected, rtol=0.01, atol=0.02)


@pytest.mark.parametrize("training", [False, True])
def test_batch_normalization_is_pytorchs_default(training):
    layer = group_norm.make(False, tf.keras.mixed_precision.Policy("float32"))
    values = _features()
    found = layer(values, training=training)
    mean = values.mean(axis=(0, 1, 2)) if training else 0
    variance = values.var(axis=(0, 1, 2)) if training else 1
    np.testing.assert_allclose(found, (values - mean) / np.sqrt(variance + 1e-5), atol=1e-3)
    if training:
        running = 0.1 * values.reshape(-1, 32).var(axis=0, ddof=1) + 0.9
        np.testing.assert_allclose(layer.moving_mean, 0.1 * mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(layer.moving_variance, running, rtol=1e-4)
