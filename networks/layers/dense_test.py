"""Dense layers against recordings and float64 recomputation."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import dense
from tests import network_testing


def _random_layer(layer_class, inputs=6, units=5, seed=0):
    layer = layer_class(units)
    layer.build((None, inputs))
    network_testing.randomize(layer, seed, scale=1.0)
    return layer


def _normalized(kernel, vector):
    """One power iteration in float64: the divided kernel and the new left vector."""
    right = vector @ kernel.T
    right /= np.linalg.norm(right)
    left = right @ kernel
    left /= np.linalg.norm(left)
    return kernel / (right @ kernel @ left.T), left


def _float64(layer):
    """The matrix and bias that a layer applies."""
    kernel, bias, *vectors = (value.astype(np.float64) for value in layer.get_weights())
    return (_normalized(kernel, *vectors)[0] if vectors else kernel), bias


def test_spectral_norm_matches_recording(golden):
    recorded = np.load(golden("num/net_DenseSN.npz"))
    layer = dense.DenseSN(5)
    layer.build((None, 6))
    network_testing.assign_recorded(layer, recorded)
    calls = [("y0_infer", False, "u0"), ("y1_train", True, "u1"), ("y2_train", True, "u2")]
    for output, training, vector in [*calls, ("y3_infer", False, "u2")]:
        y = layer(recorded["x"])
        if training:
            layer.store_power_iteration()
        np.testing.assert_allclose(y, recorded[output], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(layer.sn, recorded[vector], rtol=1e-5, atol=1e-6)


def test_spectral_norm_approaches_the_largest_singular_value():
    layer = _random_layer(dense.DenseSN)
    for _ in range(200):
        layer.store_power_iteration()
    largest = np.linalg.svd(layer.effective_kernel().numpy(), compute_uv=False)[0]
    assert largest == pytest.approx(1.0, abs=1e-5)


def test_spectral_norm_gradient_holds_singular_vectors_constant():
    layer = _random_layer(dense.DenseSN)
    inputs = np.random.RandomState(1).randn(7, 6)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.constant(inputs, tf.float32)))
    gradient = tape.gradient(loss, layer.kernel)
    kernel = layer.kernel.numpy().astype(np.float64)
    _, left = _normalized(kernel, layer.sn.numpy().astype(np.float64))
    right = layer.sn.numpy().astype(np.float64) @ kernel.T
    right /= np.linalg.norm(right)
    sigma = (right @ kernel @ left.T).item()
    outer = inputs.sum(0)[:, None] * np.ones((1, 5))
    expected = outer / sigma - (outer * kernel).sum() / sigma**2 * (right.T @ left)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("layer_class", [dense.Dense, dense.DenseSN])
@pytest.mark.parametrize("columns", [1, 4])
def test_the_first_and_the_last_part_add_up_to_the_whole(layer_class, columns):
    layer = _random_layer(layer_class)
    inputs = np.random.RandomState(2).randn(9, 6)
    kernel, bias = _float64(layer)
    inputs32 = tf.constant(inputs, tf.float32)
    parts = layer.apply_to_first(inputs32[:, :columns]) + layer.apply_to_last(inputs32[:, columns:])
    np.testing.assert_allclose(parts, inputs @ kernel + bias, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(layer(inputs32), inputs @ kernel + bias, rtol=1e-4, atol=1e-5)


def test_gradients_of_a_bfloat16_bias_are_sums_over_rows():
    layer = dense.Dense(3, dtype=tf.keras.mixed_precision.Policy("mixed_bfloat16"))
    inputs = tf.constant(np.random.RandomState(0).randint(-4, 4, (64, 5)), tf.bfloat16)
    upstream = np.random.RandomState(1).randint(-4, 4, (64, 3))
    layer(inputs)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(inputs) * tf.constant(upstream, tf.bfloat16))
    # Sums of whole numbers below 256 are exact in bfloat16.
    np.testing.assert_array_equal(tape.gradient(total, layer.bias), upstream.sum(0))


@pytest.mark.parametrize("layer_class", [dense.Dense, dense.DenseSN])
def test_a_layer_multiplied_together_with_the_next_against_float64(layer_class):
    layer, last = _random_layer(layer_class), _random_layer(dense.Dense, 5, 2, seed=1)
    generator = np.random.RandomState(2)
    residual, inputs, upstream = generator.randn(7, 5), generator.randn(7, 6), generator.randn(7, 2)
    kernel, bias = _float64(layer)
    arguments = [tf.constant(a, tf.float32) for a in (residual, inputs)]
    with tf.GradientTape() as tape:
        tape.watch(arguments)
        outputs = layer.merged_with(last, *arguments)
        total = tf.reduce_sum(outputs * upstream)
    last_kernel, last_bias = _float64(last)
    expected = (residual + inputs @ kernel + bias) @ last_kernel + last_bias
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-4)
    to_sum = upstream @ last_kernel.T
    wanted = dict(
        residual=to_sum,
        inputs=to_sum @ kernel.T,
        bias=to_sum.sum(0),
        last=(residual + inputs @ kernel + bias).T @ upstream,
        last_bias=upstream.sum(0),
    )
    sources = [*arguments, layer.bias, last.kernel, last.bias]
    for found, expected in zip(tape.gradient(total, sources), wanted.values(), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    if layer_class is dense.DenseSN:
        _, left = _normalized(*(layer.get_weights()[index].astype(np.float64) for index in (0, 2)))
        layer.store_power_iteration()
        np.testing.assert_allclose(layer.sn, left, rtol=1e-4, atol=1e-5)


def test_a_kernel_learns_the_same_through_the_product_with_the_next():
    layer, last = _random_layer(dense.Dense), _random_layer(dense.Dense, 5, 1, seed=1)
    generator = np.random.RandomState(2)
    residual = tf.constant(generator.randn(7, 5), tf.float32)
    inputs = tf.constant(generator.randn(7, 6), tf.float32)
    gradients = []
    for apply in (
        lambda: layer.merged_with(last, residual, inputs),
        lambda: last(residual + layer(inputs)),
    ):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(tf.sin(apply()))
        gradients.append(tape.gradient(total, layer.kernel))
    np.testing.assert_allclose(*gradients, rtol=1e-4, atol=1e-5)
