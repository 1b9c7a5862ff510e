"""Mixed precision: hidden layers in bfloat16, weights and results in float32."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from ibc.networks import conv_mlp_explicit, mlp_ebm, mlp_explicit, pixel_ebm
from ibc.utils import precision

_STATE_SPEC = tf.TensorSpec([2, 3], tf.float32)
_IMAGE_SPEC = {"rgb": tf.TensorSpec([2, 16, 16, 3], tf.float32)}
_ACTION_SPEC = tensor_spec.BoundedTensorSpec([2], tf.float32, -1.0, 1.0)
_SIZE = dict(target_height=16, target_width=16)
_NETWORKS = {
    **{
        f"MLPEBM {layers} {dense}": (
            _STATE_SPEC,
            lambda layers=layers, dense=dense: mlp_ebm.MLPEBM(
                _STATE_SPEC, tf.TensorSpec([2]), 64, 4, 0.1, layers=layers, dense_layer_type=dense
            ),
        )
        for layers in ("MLPDropout", "ResNetOrig", "ResNetPreActivation")
        for dense in ("regular", "spectral_norm")
    },
    "MLPMSE": (_STATE_SPEC, lambda: mlp_explicit.MLPMSE(_STATE_SPEC, _ACTION_SPEC, 64, 4)),
    "MLPMDN": (_STATE_SPEC, lambda: mlp_explicit.MLPMDN(_STATE_SPEC, _ACTION_SPEC, 64, 4)),
    **{
        f"PixelEBM {encoder}": (
            _IMAGE_SPEC,
            lambda encoder=encoder: pixel_ebm.PixelEBM(
                _IMAGE_SPEC, tf.TensorSpec([2]), encoder, **_SIZE
            ),
        )
        for encoder in ("ConvMaxpoolEncoder", "SpatialAttentionEncoder")
    },
    "ConvMLPMSE": (
        _IMAGE_SPEC,
        lambda: conv_mlp_explicit.ConvMLPMSE(_IMAGE_SPEC, _ACTION_SPEC, 64, 4, **_SIZE),
    ),
    "ConvMLPMDN": (
        _IMAGE_SPEC,
        lambda: conv_mlp_explicit.ConvMLPMDN(_IMAGE_SPEC, _ACTION_SPEC, 64, 4, **_SIZE),
    ),
}


def _numbers(network, spec):
    """What the network says about 32 examples, as an array, and the gradient of its sum."""
    generator = np.random.RandomState(1)
    observation = tf.nest.map_structure(
        lambda s: tf.constant(generator.rand(32, *s.shape), tf.float32), spec
    )
    action = tf.constant(generator.uniform(-1, 1, (32, 2)), tf.float32)
    is_energy = "EBM" in network.name
    with tf.GradientTape() as tape:
        tape.watch(action)
        found, _ = network((observation, action) if is_energy else observation)
        numbers = found.log_prob(action) if "MDN" in network.name else found
        total = tf.reduce_sum(numbers)
    gradients = tape.gradient(total, [*network.trainable_variables, action])
    return numbers, [gradient for gradient in gradients if gradient is not None]


def _exact_and_mixed(make):
    """Makes a network twice, in float32 and in mixed precision, with the same weights."""
    exact = make()
    exact.create_variables()
    with precision.mixed():
        mixed = make()
    mixed.create_variables()
    mixed.set_weights(exact.get_weights())
    return exact, mixed


@pytest.mark.parametrize("name", _NETWORKS)
def test_hidden_layers_alone_lose_digits(name):
    spec, make = _NETWORKS[name]
    tf.keras.utils.set_random_seed(0)
    exact, mixed = _exact_and_mixed(make)
    assert {variable.dtype for variable in mixed.variables} == {tf.float32}
    (expected, _), (found, gradients) = _numbers(exact, spec), _numbers(mixed, spec)
    assert found.dtype == tf.float32
    assert all(gradient.dtype == tf.float32 for gradient in gradients)
    error = np.abs(found - expected).max() / (np.abs(expected).max() + 1e-6)
    assert 0 < error < 0.05


@pytest.mark.parametrize("name", [name for name in _NETWORKS if name.startswith("MLPEBM")])
def test_in_float32_a_mixed_network_gives_every_digit(name):
    spec, make = _NETWORKS[name]
    exact, mixed = _exact_and_mixed(make)
    expected, expected_gradients = _numbers(exact, spec)
    with precision.in_float32():
        found, gradients = _numbers(mixed, spec)
    np.testing.assert_array_equal(found, expected)
    for one, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_array_equal(one, other)
    assert np.abs(_numbers(mixed, spec)[0] - expected).max() > 0


def test_float32_is_the_default_and_comes_back():
    with precision.mixed():
        assert precision.hidden_policy().compute_dtype == "bfloat16"
        with precision.mixed(False):
            assert precision.hidden_policy().compute_dtype == "float32"
    assert precision.hidden_policy().compute_dtype == "float32"
