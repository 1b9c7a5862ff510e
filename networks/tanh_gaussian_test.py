"""The actor and the critic against recordings, TFP and their definitions."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp

from ibc.networks import tanh_gaussian, twin_critic
from ibc.networks.layers import perceptron
from ibc.utils import keys
from tests import online_golden

_OPTIONS = {"hidden_size": 6, "depth": 2}


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_recorded_actors(golden, activation):
    recorded = np.load(golden("online_imitation/networks.npz"))
    actor = tanh_gaussian.TanhGaussian(5, 2, activation=activation, **_OPTIONS)
    online_golden.load(actor, recorded, f"{activation}/actor")
    mean, std = actor.moments(recorded[f"{activation}/state"])
    online_golden.assert_near(mean, recorded[f"{activation}/mean"])
    online_golden.assert_near(std, recorded[f"{activation}/std"])
    online_golden.assert_near(tf.tanh(mean), recorded[f"{activation}/greedy"])
    action, log_prob = tanh_gaussian.sample(mean, std, recorded[f"{activation}/noise"])
    online_golden.assert_near(action, recorded[f"{activation}/sample"])
    online_golden.assert_near(log_prob, recorded[f"{activation}/sample_log_prob"], atol=1e-5)
    found = tanh_gaussian.log_prob(mean, std, recorded[f"{activation}/action"])
    expected = recorded[f"{activation}/log_prob"]
    # The first two actions lie on the bounds, where float32 is coarse.
    online_golden.assert_near(found[:2], expected[:2], rtol=3e-2)
    online_golden.assert_near(found[2:], expected[2:])


def test_recorded_critics(golden):
    recorded = np.load(golden("online_imitation/networks.npz"))
    critic = twin_critic.TwinCritic(5, 2, **_OPTIONS)
    for number, network in enumerate(critic.networks, start=1):
        online_golden.load(network, recorded, "critic/critic", f"critic_{number}")
    values = critic(recorded["tanh/state"], recorded["tanh/action"])
    online_golden.assert_near(values[0], recorded["critic/q1"])
    online_golden.assert_near(values[1], recorded["critic/q2"])
    lower = critic.lower(recorded["tanh/state"], recorded["tanh/action"])
    np.testing.assert_array_equal(lower, np.minimum(*values))


def test_densities_are_those_of_a_squashed_normal_distribution():
    mean, std = tf.constant([[0.3, -1.2]]), tf.constant([[0.5, 1.7]])
    squashed = tfp.distributions.TransformedDistribution(
        tfp.distributions.Normal(mean, std), tfp.bijectors.Tanh()
    )
    action, log_prob = tanh_gaussian.sample(mean, std, tf.constant([[0.4, 0.9]]))
    np.testing.assert_allclose(log_prob, tf.reduce_sum(squashed.log_prob(action), -1), rtol=1e-5)
    np.testing.assert_allclose(tanh_gaussian.log_prob(mean, std, action), log_prob, rtol=1e-5)
    # Far from 0 the slope of tanh is no more than float32's smallest numbers; its log is fine.
    _, log_prob = tanh_gaussian.sample(mean + 60, std, tf.zeros([1, 2]))
    assert np.isfinite(log_prob).all()


@pytest.mark.parametrize(("activation", "gain"), [("relu", 2**0.5), ("tanh", 5 / 3)])
def test_kernels_start_orthogonal(activation, gain):
    network = perceptron.Perceptron(5, 3, hidden_size=8, activation=activation, seed=0)
    first, second, last = (kernel.numpy() for kernel in network.kernels)
    np.testing.assert_allclose(first @ first.T, gain**2 * np.eye(5), atol=1e-5)
    np.testing.assert_allclose(second @ second.T, gain**2 * np.eye(8), atol=1e-5)
    np.testing.assert_allclose(last.T @ last, np.eye(3), atol=1e-5)
    assert not any(np.any(bias) for bias in network.biases)
    again = perceptron.Perceptron(5, 3, hidden_size=8, activation=activation, seed=0)
    np.testing.assert_array_equal(first, again.kernels[0])


def test_spectral_normalization_divides_by_the_largest_singular_value():
    network = perceptron.Perceptron(9, 4, hidden_size=16, depth=0, spectral_norm=True, seed=1)
    network.kernels[0].assign(np.random.RandomState(0).randn(9, 4))
    vectors = network.singular_vectors
    for _ in range(60):
        vectors = network.iterated(vectors)
    inputs = np.random.RandomState(1).randn(7, 9).astype(np.float32)
    norm = np.linalg.norm(network.kernels[0].numpy(), 2)
    expected = inputs @ (network.kernels[0].numpy() / norm)
    np.testing.assert_allclose(network(inputs, singular_vectors=vectors), expected, atol=1e-5)
    assert not np.allclose(network(inputs), expected, atol=1e-3)
    network.store(vectors)
    np.testing.assert_allclose(network(inputs), expected, atol=1e-5)


def test_masks_drop_inputs_and_hidden_units_before_the_activation():
    network = perceptron.Perceptron(
        6, 2, hidden_size=5, depth=1, activation="sigmoid", input_dropout=0.5, dropout=0.25, seed=2
    )
    masks = network.masks(400, keys.Key(tf.constant([0, 1])))
    assert [mask.shape[1] for mask in masks] == [6, 5]
    for mask, rate in zip(masks, (0.5, 0.25), strict=True):
        assert abs(np.mean(mask.numpy() == 0) - rate) < 0.05
        np.testing.assert_allclose(np.unique(mask), [0, 1 / (1 - rate)], rtol=1e-6)
    inputs = np.random.RandomState(0).randn(400, 6).astype(np.float32)
    weights = [variable.numpy() for variable in network.weights]
    hidden = (inputs * masks[0] @ weights[0] + weights[1]) * masks[1]
    expected = 1 / (1 + np.exp(-hidden)) @ weights[2] + weights[3]
    np.testing.assert_allclose(network(inputs, masks), expected, atol=1e-5)
    assert not np.allclose(network(inputs), expected, atol=1e-2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "relo"}, "activation must be one of"),
        ({"dropout": 1.0}, "dropout must be in"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(ValueError, match=message):
        perceptron.Perceptron(2, 1, **options)
