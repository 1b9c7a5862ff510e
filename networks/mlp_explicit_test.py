"""Explicit networks over states against recordings and float64 recomputation."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import mlp_explicit
from ibc.networks.layers import normalizers
from ibc.utils import keys
from tests import network_testing

STATE_SPEC = network_testing.STATE_SPEC


def _network(**options):
    network = mlp_explicit.MLPMDN(
        STATE_SPEC, tf.TensorSpec([2]), **{"width": 8, "depth": 4, **options}
    )
    network.create_variables()
    return network


def _parameters(mixture):
    components = mixture.components_distribution
    return dict(
        logits=mixture.mixture_distribution.logits,
        loc=components.loc,
        scale_diag=components.stddev(),
    )


@pytest.mark.parametrize("span", ["train", "test"])
def test_matches_recording(golden, span):
    recorded = np.load(golden("num/net_MLPMDN.npz"))
    network = _network(
        rate=0.0,
        layers="ResNetPreActivation",
        num_components=3,
        training_temperature=2.0,
        test_temperature=0.5,
        test_variance_exponent=2.0,
        act_denorm_layer=normalizers.StdDenormalizationLayer([0.1, -0.2], [0.5, 2.0]),
    )
    network_testing.assign_recorded(network, recorded)
    observation = {key: tf.constant(recorded[key]) for key in ("zeta", "alpha")}
    mixture, state = network(observation, training=span == "train")
    assert state == ()
    for name, value in _parameters(mixture).items():
        np.testing.assert_allclose(value, recorded[f"{span}_{name}"], rtol=1e-6, atol=1e-6)
    log_prob = mixture.log_prob(recorded["act"])
    np.testing.assert_allclose(log_prob, recorded[f"{span}_log_prob"], rtol=1e-6, atol=1e-6)


def test_validation_sees_the_mixture_that_is_trained_without_dropout():
    network = _network(
        rate=0.5,
        test_temperature=9.0,
        test_variance_exponent=9.0,
        act_denorm_layer=lambda values, mean_offset=True: 1000 * values,
    )
    observation = network_testing.observation(STATE_SPEC, 3)
    seeds = (tf.constant([0, n]) for n in range(50))
    in_training = [_seeded_loc(network, observation, seed) for seed in seeds]
    quiet = _parameters(network.mixture(observation))["loc"].numpy()
    spread = np.std(in_training, axis=0)
    assert np.all(spread > 0)
    # The mean over masks is that without dropout, but for the bend of the activations.
    assert np.all(np.abs(np.mean(in_training, axis=0) - quiet) < spread)
    again = _parameters(network.mixture(observation))["loc"]
    np.testing.assert_array_equal(quiet, again)


def _seeded_loc(network, observation, seed):
    key = keys.Key(seed)
    loc = _parameters(network.mixture(observation, training=key))["loc"].numpy()
    called = _parameters(network(observation, training=key)[0])["loc"]
    np.testing.assert_array_equal(loc, called)
    return loc


def test_one_component_by_default_and_actions_of_any_shape():
    network = mlp_explicit.MLPMDN(STATE_SPEC, tf.TensorSpec([2, 3]), width=8)
    network.create_variables()
    observation = network_testing.observation(STATE_SPEC, 5)
    mixture, _ = network(observation)
    assert mixture.batch_shape == (5,) and mixture.event_shape == (6,)
    assert mixture.mixture_distribution.logits.shape == (5, 1)


def test_bad_options_are_named():
    with pytest.raises(ValueError, match=r"MLPMDN\.num_components must be .* got -1"):
        _network(num_components=-1)


def test_flat_observations_and_many_components():
    network = mlp_explicit.MLPMDN(
        tf.TensorSpec([1, 45]), tf.TensorSpec([24]), width=128, rate=0.0, num_components=26
    )
    network.create_variables()
    mixture, _ = network(tf.ones([3, 1, 45]))
    assert mixture.components_distribution.loc.shape == (3, 26, 24)
    assert np.all(np.isfinite(mixture.log_prob(tf.zeros([3, 24]))))


def test_against_float64_and_denormalized_only_in_inference():
    network = mlp_explicit.MLPMSE(
        STATE_SPEC,
        tf.TensorSpec([2]),
        width=8,
        depth=1,
        rate=0.0,
        act_denorm_layer=lambda action: action * 3 + 1,
    )
    spec = network.create_variables()
    assert spec.shape == (2,)
    observation = network_testing.observation(STATE_SPEC, 4)
    k0, b0, k1, b1 = [v.numpy().astype(np.float64) for v in network.variables]
    window = network_testing.window(observation)
    expected = np.maximum(window @ k0 + b0, 0) @ k1 + b1
    np.testing.assert_allclose(network(observation, training=True)[0], expected, rtol=1e-4)
    np.testing.assert_allclose(network.regress(observation), expected, rtol=1e-4)
    np.testing.assert_allclose(network(observation)[0], expected * 3 + 1, rtol=1e-4)


def test_actions_of_any_shape_are_predicted_flat():
    network = mlp_explicit.MLPMSE(STATE_SPEC, tf.TensorSpec([2, 3]), width=8, layers="ResNetOrig")
    assert network.create_variables().shape == (6,)
