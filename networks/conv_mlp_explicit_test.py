"""The explicit networks over images, which share everything but their last layers."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import conv_mlp_explicit
from ibc.networks.encoders import image_encoders, image_window
from ibc.networks.layers import normalizers
from tests import network_testing

OBS_SPEC = {"rgb": tf.TensorSpec([2, 24, 32, 3], tf.uint8), "angle": tf.TensorSpec([2, 1])}
ACTION_SPEC = tf.TensorSpec([2])
DENORM = normalizers.StdDenormalizationLayer(np.array([0.1, -0.2]), np.array([0.5, 2.0]))
MSE, MDN = conv_mlp_explicit.ConvMLPMSE, conv_mlp_explicit.ConvMLPMDN


@pytest.fixture(name="observation")
def _observation():
    return network_testing.observation(OBS_SPEC)


def _network(network_class, **options):
    defaults = dict(width=8, depth=2, target_height=16, target_width=20, act_denorm_layer=DENORM)
    network = network_class(OBS_SPEC, ACTION_SPEC, **{**defaults, **options})
    network.create_variables()
    network_testing.randomize(network, scale=0.15)
    return network


def _features(network, observation, coord_conv):
    """The hidden layers' output in float64, for MLPDropout of depth 2, and the heads' weights."""
    layers = network_testing.pairs(network)
    coordinates = image_encoders.coordinates(16, 20) if coord_conv else None
    features = network_testing.encode_images(observation, layers[:4], coordinates)
    for kernel, bias in layers[4:6]:
        features = network_testing.relu(features @ kernel + bias)
    return features, layers[6:]


@pytest.mark.parametrize("coord_conv", [False, True])
def test_regression_against_float64(coord_conv, observation):
    network = _network(MSE, coord_conv=coord_conv)
    features, [(kernel, bias)] = _features(network, observation, coord_conv)
    expected = features @ kernel + bias
    assert np.std(expected, axis=0).min() > 1e-3
    np.testing.assert_allclose(network.regress(observation), expected, rtol=1e-3, atol=1e-4)
    action, state = network(observation)
    assert state == ()
    np.testing.assert_allclose(action, expected * [0.5, 2] + [0.1, -0.2], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("coord_conv", [False, True])
def test_mixture_against_float64(coord_conv, observation):
    options = dict(coord_conv=coord_conv, num_components=3, training_temperature=2.0)
    options |= dict(test_temperature=0.5, test_variance_exponent=2.0)
    network = _network(MDN, **options)
    features, heads = _features(network, observation, coord_conv)
    mean, log_scale, logits = (features @ kernel + bias for kernel, bias in heads)
    mean, log_scale = mean.reshape(3, 3, 2), log_scale.reshape(3, 3, 2)
    assert np.abs(log_scale).max() < 7
    mixture = network.mixture(observation)
    components = mixture.components_distribution
    close = dict(rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(components.mean(), mean, **close)
    np.testing.assert_allclose(components.stddev(), np.exp(log_scale), **close)
    acting, _ = network(observation)
    components = acting.components_distribution
    np.testing.assert_allclose(components.mean(), mean * [0.5, 2] + [0.1, -0.2], **close)
    np.testing.assert_allclose(components.stddev(), np.exp(2 * log_scale) * [0.5, 2], **close)
    weights = np.exp(logits / 0.5)
    expected = weights / weights.sum(axis=-1, keepdims=True)
    np.testing.assert_allclose(acting.mixture_distribution.probs_parameter(), expected, **close)


def test_coordinates_make_two_more_input_channels():
    for network_class in (MSE, MDN):
        assert _network(network_class).variables[0].shape == (3, 3, 8, 32)
        assert _network(network_class, coord_conv=False).variables[0].shape == (3, 3, 6, 32)


def test_regression_can_have_the_encoder_of_energy_networks(observation):
    network = _network(MSE, encoder_network="SpatialAttentionEncoder")
    encoder = image_window.WindowEncoder(
        "ConvMLPMSE", OBS_SPEC, "SpatialAttentionEncoder", 16, 20, True
    )
    encoder(observation)
    values = network.get_weights()
    hidden, head = len(encoder.weights), -2
    encoder.set_weights(values[:hidden])
    features = encoder(observation).numpy()
    assert features.shape == (3, 128)
    for kernel, bias in zip(values[hidden:head:2], values[hidden + 1 : head : 2], strict=True):
        features = network_testing.relu(features @ kernel + bias)
    expected = features @ values[-2] + values[-1]
    np.testing.assert_allclose(network.regress(observation), expected, rtol=1e-3, atol=1e-4)


def test_states_are_not_looked_at(observation):
    network = _network(MSE)
    others = {**observation, "angle": observation["angle"] + 1}
    np.testing.assert_array_equal(network.regress(others), network.regress(observation))


@pytest.mark.parametrize("layers", ["MLPDropout", "ResNetOrig", "ResNetPreActivation"])
def test_dropout_acts_in_training_only(layers, observation):
    network = _network(MSE, layers=layers, rate=0.5)
    quiet = network.regress(observation).numpy()
    np.testing.assert_array_equal(quiet, network.regress(observation))
    assert not np.allclose(quiet, network.regress(observation, training=True))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_actions_are_the_same(jit_compile, observation):
    network = _network(MSE)
    compiled = tf.function(network.regress, jit_compile=jit_compile)(observation)
    np.testing.assert_allclose(compiled, network.regress(observation), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("network_class", [MSE, MDN])
def test_bad_options_are_named(network_class):
    for options, message in (
        (dict(depth=3, layers="ResNetOrig"), "must be even"),
        (dict(target_width="wide"), "ConvMLPM.*.target_width must be .* got 'wide'"),
    ):
        with pytest.raises(ValueError, match=message):
            _network(network_class, **options)
    with pytest.raises(ValueError, match="exactly one image"):
        network_class({"angle": OBS_SPEC["angle"]}, ACTION_SPEC)
