"""Mixed precision: hidden layers in half of the bits, weights and results in float32."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import registry
from ibc.utils import gpu, precision
from tests import network_testing

_STATES = tf.TensorSpec([2, 3])
_IMAGES = {"rgb": tf.TensorSpec([2, 16, 16, 3])}
_ENERGIES = [
    ("MLPEBM", dict(layers=layers, dense_layer_type=dense))
    for layers in ("MLPDropout", "ResNetOrig", "ResNetPreActivation")
    for dense in ("regular", "spectral_norm")
]
_NETWORKS = [
    *_ENERGIES,
    *((name, {}) for name in ("MLPMSE", "MLPMDN", "ConvMLPMSE", "ConvMLPMDN", "PixelEBM")),
    ("PixelEBM", dict(encoder_network="SpatialAttentionEncoder")),
]


def _numbers(network, spec):
    """What the network says about 32 examples, and the gradients of its sum."""
    observation = network_testing.observation(spec, 32)
    action = tf.constant(np.random.RandomState(1).uniform(-1, 1, (32, 2)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(action)
        found, _ = network((observation, action) if network.head == "energy" else observation)
        numbers = found.log_prob(action) if network.head == "mixture" else found
        total = tf.reduce_sum(numbers)
    gradients = tape.gradient(total, [*network.trainable_variables, action])
    return numbers, [gradient for gradient in gradients if gradient is not None]


def _exact_and_mixed(name, options, half="bfloat16"):
    """Makes a network twice, in float32 and in mixed precision, with the same weights."""
    spec = _STATES
    if name != "PixelEBM":
        options = dict(width=64, depth=4, **options)
    if not name.startswith("MLP"):
        spec, options = _IMAGES, dict(target_height=16, target_width=16, **options)
    networks = []
    for mixed in (False, half):
        with precision.mixed(mixed):
            networks.append(registry.networks()[name](spec, tf.TensorSpec([2]), **options))
        networks[-1].create_variables()
    networks[1].set_weights(networks[0].get_weights())
    return *networks, spec


@pytest.mark.parametrize(("half", "digits_lost"), [("bfloat16", 0.05), ("float16", 0.01)])
@pytest.mark.parametrize(("name", "options"), _NETWORKS)
def test_hidden_layers_alone_lose_digits(name, options, half, digits_lost):
    tf.keras.utils.set_random_seed(0)
    exact, mixed, spec = _exact_and_mixed(name, options, half)
    assert {variable.dtype for variable in mixed.variables} == {tf.float32}
    (expected, _), (found, gradients) = _numbers(exact, spec), _numbers(mixed, spec)
    assert found.dtype == tf.float32
    assert all(gradient.dtype == tf.float32 for gradient in gradients)
    error = np.abs(found - expected).max() / (np.abs(expected).max() + 1e-6)
    assert 0 < error < digits_lost


@pytest.mark.parametrize(("name", "options"), _ENERGIES)
def test_in_float32_a_mixed_network_gives_every_digit(name, options):
    exact, mixed, spec = _exact_and_mixed(name, options)
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


@pytest.mark.parametrize(
    ("capability", "type_name"),
    [(None, "bfloat16"), ((7, 5), "float16"), ((8, 0), "bfloat16"), ((12, 0), "bfloat16")],
)
def test_the_type_follows_from_the_gpu(capability, type_name, monkeypatch):
    monkeypatch.setattr(gpu, "compute_capability", lambda: capability)
    assert precision.hidden_type(True) == type_name
    assert precision.hidden_type(False) == "float32"
    assert precision.hidden_type("float16") == "float16"


@pytest.mark.parametrize("wrong", ["float32", "half", 16, None])
def test_another_type_is_refused(wrong):
    with pytest.raises(ValueError, match=r"mixed_precision is .*choose one of False, True, 'bf"):
        precision.hidden_type(wrong)
