"""Stacks of hidden layers against recordings and float64 recomputation."""

import gin
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from ibc.networks import pixel_ebm
from ibc.networks.layers import dense, dropout, resnet, stacks
from ibc.utils import keys
from tests import network_testing

STACKS = ["MLPDropout", "ResNetOrig", "ResNetPreActivation"]
_NUM_MASKS = {"MLPDropout": 4, "ResNetOrig": 2, "ResNetPreActivation": 4}
"""Of four layers, or two blocks."""


def _filled(stack, inputs=6, seed=0):
    stack(tf.zeros([1, inputs]))
    network_testing.randomize(stack, seed, scale=0.5)
    return stack


def _swish(x):
    return x / (1 + np.exp(-x))


def test_residual_stack_matches_recording(golden):
    recorded = np.load(golden("num/net_ResNetPreActivation.npz"))
    stack = stacks.make_stack("MLPEBM", "ResNetPreActivation", 8, 4, 0.0)
    stack(tf.zeros([1, 6]))
    network_testing.assign_recorded(stack, recorded)
    x = tf.constant(recorded["x"])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = stack(x)
    np.testing.assert_allclose(y, recorded["y"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(tape.gradient(y, x), recorded["dsumy_dx"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "function"), [("relu", network_testing.relu), ("swish", _swish)])
@pytest.mark.parametrize("layers", STACKS)
@pytest.mark.parametrize("training", [False, True])
def test_stacks_against_float64(layers, training, name, function):
    stack = _filled(stacks.make_stack("MLPEBM", layers, 8, 4, 0.3, activation=name))
    count = _NUM_MASKS[layers]
    assert stack.num_masks == count
    masks = iter(np.ones([count, 1, 1]))
    if training:
        training = keys.Key(tf.constant([4, 5]))
        masks = (mask.numpy() for mask in dropout.masks(5, [8] * count, 0.3, training))
    x = np.random.RandomState(1).randn(5, 6)
    values = [v.numpy().astype(np.float64) for v in stack.weights]
    pairs = list(zip(values[0::2], values[1::2], strict=True))

    def layer(h, k):
        return h @ pairs[k][0] + pairs[k][1]

    def dropped(h):
        return h * next(masks)

    h = layer(x, 0)
    if layers == "MLPDropout":
        h = dropped(function(h))
        for k in (1, 2, 3):
            h = dropped(function(layer(h, k)))
    else:
        # Two blocks: first layers are pairs 1 and 2, second layers pairs 3 and 4.
        for first, second in ((1, 3), (2, 4)):
            if layers == "ResNetOrig":
                h = function(h + layer(dropped(function(layer(h, first))), second))
            else:
                inner = layer(dropped(function(h)), first)
                h = h + layer(dropped(function(inner)), second)
    assert next(masks, None) is None

    x = tf.constant(x, tf.float32)
    found = stack(x, training=training)
    np.testing.assert_allclose(found, h, rtol=2e-4, atol=1e-4)
    # Before a linear layer the stack's last one takes another way.
    last = dense.Dense(1, kernel_initializer="ones")
    found = stack.after_first(stack.first_layer(x), training, last)
    np.testing.assert_allclose(found, np.sum(h, axis=1, keepdims=True), rtol=2e-4, atol=1e-4)


@pytest.mark.parametrize("dense_type", ["regular", "spectral_norm"])
@pytest.mark.parametrize("layers", STACKS)
def test_a_stack_with_a_last_layer_equals_the_layer_on_the_stack(layers, dense_type):
    stack = _filled(stacks.make_stack("MLPEBM", layers, 8, 4, 0.0, dense_layer_type=dense_type))
    last = dense.Dense(1, kernel_initializer="normal", bias_initializer="normal")
    hidden = tf.constant(np.random.RandomState(1).randn(5, 8), tf.float32)
    expected = last(stack.after_first(hidden))
    np.testing.assert_allclose(stack.after_first(hidden, last=last), expected, rtol=1e-4, atol=1e-5)


def test_layer_normalizer_against_float64():
    gin.parse_config("ResNetLayer.normalizer = 'Layer'")
    stack = _filled(stacks.make_stack("MLPEBM", "ResNetPreActivation", 8, 2, 0.0))
    kinds = [v.name.split("/")[-1].split(":")[0] for v in stack.weights]
    assert kinds == ["kernel", "bias", *["kernel", "bias", "gamma", "beta"] * 2]
    k0, b0, k1, b1, g1, c1, k2, b2, g2, c2 = [v.numpy().astype(np.float64) for v in stack.weights]

    def norm(h, gamma, beta):
        mean, variance = h.mean(-1, keepdims=True), h.var(-1, keepdims=True)
        return (h - mean) / np.sqrt(variance + 1e-6) * gamma + beta

    x = np.random.RandomState(1).randn(5, 6)
    h = x @ k0 + b0
    inner = network_testing.relu(norm(h, g1, c1)) @ k1 + b1
    expected = h + network_testing.relu(norm(inner, g2, c2)) @ k2 + b2
    np.testing.assert_allclose(stack(tf.constant(x, tf.float32)), expected, rtol=1e-4, atol=1e-4)


def test_batch_normalizer_uses_the_batch_in_training():
    gin.parse_config("ResNetLayer.normalizer = 'Batch'")
    stack = stacks.make_stack("MLPEBM", "ResNetPreActivation", 8, 2, 0.0)
    x = tf.constant(np.random.RandomState(1).randn(64, 6), tf.float32)
    stack(x)
    moving = stack.non_trainable_weights
    assert len(moving) == 4
    before = [v.numpy() for v in moving]
    stack(x, training=False)
    np.testing.assert_array_equal(before[0], moving[0])
    stack(x, training=True)
    assert all(
        not np.array_equal(old, new.numpy()) for old, new in zip(before, moving, strict=True)
    )


def test_each_layer_drops_as_many_units_as_it_has():
    stack, x = stacks.MLPDropoutLayer([32, 16], 0.5, bias_initializer="ones"), tf.ones([64, 6])
    stack(x)
    for weight in stack.trainable_variables:
        weight.assign(tf.ones_like(weight))
    key = keys.Key(tf.constant([0, 1]))
    found = stack(x, training=key).numpy()
    first, second = dropout.masks(64, [32, 16], 0.5, key)
    hidden = 7 * first
    expected = (tf.reduce_sum(hidden, axis=1, keepdims=True) + 1) * second
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_gin_activation_wins_over_the_networks():
    gin.parse_config("ResNetLayer.activation = 'swish'")
    by_gin = _filled(stacks.make_stack("MLPEBM", "ResNetOrig", 8, 2, 0.0, activation="relu"))
    gin.clear_config()
    direct = _filled(stacks.make_stack("MLPEBM", "ResNetOrig", 8, 2, 0.0, activation="swish"))
    x = tf.constant(np.random.RandomState(1).randn(5, 6), tf.float32)
    np.testing.assert_array_equal(by_gin(x), direct(x))


def test_weights_start_normal_with_std_005():
    stack = stacks.make_stack("MLPEBM", "ResNetPreActivation", 128, 2, 0.0)
    stack(tf.zeros([1, 6]))
    kernel = stack.weights[2].numpy()
    assert kernel.std() == pytest.approx(0.05, rel=0.05)
    assert np.abs(stack.weights[1].numpy()).max() > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(layers="Transformer"), "'Transformer'"),
        (dict(layers="ResNetOrig", depth=3), "must be even"),
        (dict(layers="MLPDropout", depth=0), "MLPEBM.depth .* at least 1, got 0"),
        (dict(layers="MLPDropout", depth=10**30), f"MLPEBM.depth .* got {10**30}"),
        (dict(layers="MLPDropout", width=10**30), f"MLPEBM.width .* got {10**30}"),
        (dict(dense_layer_type="sparse"), "'sparse'"),
        (dict(activation="nope"), "MLPEBM.activation must be one of elu, .*, tanh, but is 'nope'"),
        (dict(activation=3), "MLPEBM.activation must be one of .* but is 3"),
        (dict(kernel_initializer="foo"), "MLPEBM.kernel_init.* of constant, .* but is 'foo'"),
        (dict(bias_initializer=["x"]), r"MLPEBM.bias_init.* normal, .* but is \['x'\]"),
        (dict(layers="ResNetOrig", activation="tanh"), "'tanh'"),
        (dict(layers="ResNetOrig", rate=1.0), "dropout rate must be in"),
        (dict(layers="MLPDropout", rate=-0.5), "dropout rate must be in"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        stacks.make_stack(
            "MLPEBM", **{"layers": "MLPDropout", "width": 8, "depth": 2, "rate": 0.0, **options}
        )


def test_unknown_normalizer_is_named():
    gin.parse_config("ResNetLayer.normalizer = 'Group'")
    with pytest.raises(ValueError, match="'Group'"):
        stacks.make_stack("MLPEBM", "ResNetOrig", 8, 2, 0.0)


def test_values_and_both_derivatives_are_those_of_relu():
    sums = tf.Variable(tf.random.normal([50]))

    def penalized(activation):
        with tf.GradientTape() as outer:
            with tf.GradientTape() as inner:
                total = tf.reduce_sum(activation(sums) ** 3)
            gradient = inner.gradient(total, sums)
            penalty = tf.reduce_sum(gradient**2)
        return activation(sums), gradient, outer.gradient(penalty, sums)

    expected = penalized(tf.nn.relu)
    for found, value in zip(penalized(resnet.relu), expected, strict=True):
        np.testing.assert_allclose(found, value, rtol=1e-6)


@pytest.mark.parametrize("name", ["swish", "relu"])
def test_by_name(name):
    inputs = tf.linspace(-2.0, 2.0, 9)
    expected = tf.keras.activations.get(name)(inputs)
    np.testing.assert_array_equal(resnet._of_residual_sums(name)(inputs), expected)


def _operations(fn) -> list[str]:
    """Names of the operations of a function's graph after TensorFlow has optimized it."""
    context.enable_run_metadata()
    try:
        tf.function(fn, autograph=False)()
        graphs = context.export_run_metadata().function_graphs
    finally:
        context.disable_run_metadata()
    return [node.op for graph in graphs for node in graph.post_optimization_graph.node]


@pytest.mark.parametrize(
    "stack",
    [
        lambda: stacks.make_stack("MLPEBM", "ResNetPreActivation", 32, 6, 0.0),
        lambda: pixel_ebm.DenseResnetValue(width=32, num_blocks=3),
    ],
)
def test_products_biases_and_sums_become_one_operation(stack):
    layers, inputs = stack(), tf.random.normal([64, 8])
    layers(inputs)
    operations = _operations(lambda: layers(inputs))
    fused = sum("FusedMatMul" in name for name in operations)
    assert fused >= 6, operations
    assert "Relu" not in operations, operations
