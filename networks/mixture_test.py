"""The mixture density layer against float64 recomputation, finite differences and extremes."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import special

from ibc.networks import mixture
from ibc.networks.layers import normalizers

ACTIONS, COMPONENTS, WIDTH = 2, 3, 5


def _layer(**options):
    """Returns a layer with weights large enough to tell components apart, and float64 weights."""
    layer = mixture.MixtureDensityLayer(
        "MLPMDN", ACTIONS, **{"num_components": COMPONENTS, **options}
    )
    layer(tf.zeros([1, WIDTH]))
    generator = np.random.RandomState(0)
    for variable in layer.weights:
        variable.assign(0.6 * generator.randn(*variable.shape))
    return layer, [variable.numpy().astype(np.float64) for variable in layer.weights]


def _features(batch=7):
    return np.random.RandomState(1).randn(batch, WIDTH).astype(np.float32)


def _actions(batch=7):
    return np.random.RandomState(2).randn(batch, ACTIONS).astype(np.float32)


def _log_likelihood(weights, actions, temperature, exponent=1.0, mean=0.0, std=1.0):
    """Returns log Σₖ softmax(π / T)ₖ ∏ N(a; std · μₖ + mean, std · σₖ^exponent), in float64."""
    features = _features(len(actions)).astype(np.float64)
    heads = [features @ k + b for k, b in zip(weights[0::2], weights[1::2], strict=True)]
    mu, log_sigma = (head.reshape(-1, COMPONENTS, ACTIONS) for head in heads[:2])
    mu, log_sigma = std * mu + mean, exponent * log_sigma + np.log(std)
    z = (actions[:, None].astype(np.float64) - mu) / np.exp(log_sigma)
    densities = (-0.5 * z**2 - log_sigma - 0.5 * np.log(2 * np.pi)).sum(-1)
    logits = heads[2] / temperature
    return special.logsumexp(logits + densities, axis=1) - special.logsumexp(logits, axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 20.0])
def test_trained_mixture_against_float64(temperature):
    layer, weights = _layer(training_temperature=temperature, test_variance_exponent=3.0)
    expected = _log_likelihood(weights, _actions(), temperature)
    found = layer(tf.constant(_features())).log_prob(_actions())
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("exponent", [0.0, 1.0, 4.0])
def test_denormalized_mixture_against_float64(exponent):
    mean, std = np.array([0.1, -0.2]), np.array([0.5, 2.0])
    layer, weights = _layer(
        test_temperature=0.7,
        test_variance_exponent=exponent,
        act_denorm_layer=normalizers.StdDenormalizationLayer(mean, std),
    )
    expected = _log_likelihood(weights, _actions(), 0.7, exponent, mean, std)
    found = layer.denormalized(tf.constant(_features())).log_prob(_actions())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_gradient_against_finite_differences():
    layer, weights = _layer(training_temperature=2.0)
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(layer(tf.constant(_features())).log_prob(_actions()))
    gradients = tape.gradient(loss, layer.weights)
    for index, gradient in enumerate(gradients):
        for entry in (0, weights[index].size - 1):
            values = []
            for step in (1e-5, -1e-5):
                moved = [weight.copy() for weight in weights]
                moved[index].reshape(-1)[entry] += step
                values.append(-_log_likelihood(moved, _actions(), 2.0).mean())
            slope = (values[0] - values[1]) / 2e-5
            found = gradient.numpy().reshape(-1)[entry]
            assert found == pytest.approx(slope, rel=1e-3, abs=1e-5), (index, entry)


@pytest.mark.parametrize("log_scale", [-1e4, -50.0, 50.0, 1e4])
@pytest.mark.parametrize("logit", [0.0, 1e6])
def test_collapsed_and_spread_components_stay_finite(log_scale, logit):
    layer, _ = _layer(training_temperature=1e-3, test_temperature=1e12, test_variance_exponent=9.0)
    layer.weights[3].assign(tf.fill([COMPONENTS * ACTIONS], log_scale))
    layer.weights[5].assign([0.0, logit, -logit])
    with tf.GradientTape() as tape:
        loss = -tf.reduce_mean(layer(tf.constant(_features())).log_prob(100 * _actions()))
    assert np.isfinite(loss)
    assert all(np.all(np.isfinite(g)) for g in tape.gradient(loss, layer.weights))
    acting = layer.denormalized(tf.constant(_features()))
    scale = acting.components_distribution.stddev().numpy()
    assert np.all(np.isfinite(scale)) and np.all(scale > 0)
    assert np.all(np.isfinite(acting.log_prob(acting.components_distribution.loc[:, 0])))


def test_bounded_values_come_back_but_do_not_run_away():
    values = tf.Variable([-9.0, -9.0, 0.5, 9.0, 9.0])
    upstream = tf.constant([1.0, -1.0, 2.0, 1.0, -1.0])
    with tf.GradientTape() as tape:
        clipped = mixture.bounded(values, -3.0, 3.0)
        loss = tf.reduce_sum(upstream * clipped)
    np.testing.assert_array_equal(clipped, [-3, -3, 0.5, 3, 3])
    # Descent moves against the gradient: what it would move further out stays where it is.
    np.testing.assert_array_equal(tape.gradient(loss, values), [0, -1, 2, 1, 0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            dict(num_components=0),
            "MLPMDN.num_components must be a whole number of at least 1, got 0",
        ),
        (dict(num_components=2.0), "got 2.0"),
        (dict(training_temperature=0.0), "training_temperature must be a positive number, got 0.0"),
        (
            dict(test_temperature=float("inf")),
            "test_temperature must be a positive number, got inf",
        ),
        (dict(test_temperature="hot"), "test_temperature must be a positive number, got 'hot'"),
        (dict(test_variance_exponent=-1.0), "test_variance_exponent must .* got -1.0"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        mixture.MixtureDensityLayer("MLPMDN", 2, **options)
