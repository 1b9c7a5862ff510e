"""DFO against analytic densities, and recorded statistics."""

import json

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import mcmc
from ibc.samplers import dfo

SEED = tf.constant([1, 2])
WIDE = tf.constant([-10.0]), tf.constant([10.0])


def _gaussian(std):
    return lambda actions: -tf.reduce_sum(tf.square(actions), -1) / (2 * std**2)


def _resampled_variance(variance, energy_variance):
    """Variance of a Gaussian sample reweighted by a Gaussian energy."""
    return 1 / (1 / variance + 1 / energy_variance)


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_moments_on_a_gaussian(temperature):
    start = mcmc.uniform_actions(2, 200_000, *WIDE, SEED)
    energy = temperature * 0.5**2
    expected = energy + 0.4**2
    for iterations in (2, 3):
        options = dict(temperature=temperature, num_iterations=iterations, iteration_std=0.4)
        samples, _ = mcmc.iterative_dfo(_gaussian(0.5), start, *WIDE, SEED, **options)
        samples = samples.numpy()
        # Noise halves between the second and the third scoring.
        if iterations == 3:
            expected = _resampled_variance(expected, energy) + 0.2**2
        np.testing.assert_allclose(samples.var((1, 2)), expected, rtol=0.05)
        np.testing.assert_allclose(samples.mean((1, 2)), 0, atol=0.05)


def test_logits_belong_to_samples():
    score_fn, start = _gaussian(0.3), mcmc.uniform_actions(3, 500, *WIDE, SEED)
    samples, logits = mcmc.iterative_dfo(score_fn, start, *WIDE, SEED, temperature=2.0)
    np.testing.assert_allclose(logits, score_fn(samples) / 2.0, rtol=1e-6)


def test_faithful_logits_belong_to_earlier_samples():
    score_fn, start = _gaussian(0.3), mcmc.uniform_actions(3, 500, *WIDE, SEED)
    scored, logits = mcmc.iterative_dfo(score_fn, start, *WIDE, SEED)
    resampled, same_logits = mcmc.iterative_dfo(score_fn, start, *WIDE, SEED, faithful=True)
    np.testing.assert_array_equal(logits, same_logits)
    assert not np.allclose(score_fn(resampled), logits)
    for row in range(3):
        assert np.isin(resampled[row], scored[row]).all()


def test_single_iteration_only_scores():
    score_fn, start = _gaussian(0.3), mcmc.uniform_actions(3, 50, *WIDE, SEED)
    samples, logits = mcmc.iterative_dfo(score_fn, start, *WIDE, SEED, num_iterations=1)
    np.testing.assert_array_equal(samples, start)
    np.testing.assert_allclose(logits, score_fn(start))


def test_the_average_takes_the_place_of_the_best():
    score_fn, start = _gaussian(0.3), mcmc.uniform_actions(3, 50, *WIDE, SEED)
    options = dict(num_iterations=4, iteration_std=0.4)
    plain, logits = (
        part.numpy() for part in mcmc.iterative_dfo(score_fn, start, *WIDE, SEED, **options)
    )
    averaged, same_logits = mcmc.iterative_dfo(
        score_fn, start, *WIDE, SEED, average=True, **options
    )
    np.testing.assert_array_equal(same_logits, logits)
    weights = np.exp(np.float64(logits) - logits.max(1, keepdims=True))
    means = (weights[..., None] * plain).sum(1) / weights.sum(1, keepdims=True)
    for row, best in enumerate(logits.argmax(1)):
        np.testing.assert_allclose(averaged[row, best], means[row], atol=1e-5)
        others = np.arange(50) != best
        np.testing.assert_array_equal(averaged.numpy()[row, others], plain[row, others])


def test_the_average_needs_logits_of_the_samples():
    with pytest.raises(ValueError, match="average needs logits"):
        dfo.IterativeDFO(faithful=True, average=True)


def test_bounds_hold_per_dimension():
    bounds = tf.constant([-0.2, 1.0]), tf.constant([0.1, 1.5])
    start = mcmc.uniform_actions(2, 1000, *bounds, SEED)
    samples, _ = mcmc.iterative_dfo(_gaussian(1.0), start, *bounds, SEED, iteration_std=1.0)
    assert np.all(samples >= bounds[0]) and np.all(samples <= bounds[1])


@pytest.mark.parametrize("scale", [1, 20, 100])
def test_recorded_statistics(golden, scale):
    recorded = json.loads(golden("num/mcmc_statistics.json").read_text())[f"dfo_scale{scale}"]
    goals = tf.constant(np.random.RandomState(0).uniform(-0.8, 0.8, (64, 1, 2)), tf.float32)
    bounds = tf.constant([-1.0, -1.0]), tf.constant([1.0, 1.0])

    def score_fn(actions):
        return -scale * tf.reduce_sum(tf.square(actions - goals), -1)

    start = mcmc.uniform_actions(64, 1024, *bounds, SEED)
    samples, logits = mcmc.iterative_dfo(score_fn, start, *bounds, SEED, faithful=True)
    error = np.linalg.norm(samples - goals, axis=-1)
    assert error.mean() == pytest.approx(recorded["err_of_mean_returned_sample"], rel=0.03)
    published = error[np.arange(64), np.argmax(logits, axis=1)].mean()
    assert published == pytest.approx(recorded["err_of_action_at_argmax_probs_mean"], rel=0.25)
    aligned, logits = mcmc.iterative_dfo(score_fn, start, *bounds, SEED)
    best = np.linalg.norm(aligned - goals, axis=-1)[np.arange(64), np.argmax(logits, axis=1)]
    assert best.mean() < 1.3 * recorded["err_of_lowest_energy_returned_sample"]
