"""Langevin dynamics against recordings, analytic moments and recorded statistics."""

import json

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import mcmc

SEED = tf.constant([1, 2])
UNIT = tf.constant([-1.0, -1.0]), tf.constant([1.0, 1.0])
WIDE = tf.constant([-1e3]), tf.constant([1e3])


def _quadratic(goals, curvature=1.0):
    return lambda actions: -curvature * tf.reduce_sum(tf.square(actions - goals), axis=-1)


def _chain(score_fn, start, bounds=UNIT, **options):
    return mcmc.langevin_actions_given_obs(score_fn, start, *bounds, SEED, **options)


def _recorded(golden):
    recorded = np.load(golden("num/langevin_noiseless.npz"))
    goals = tf.constant(recorded["obs"].reshape(4, 9, 2))
    return recorded, _quadratic(goals), tf.constant(recorded["actions"].reshape(4, 9, 2))


_VARIANTS = {
    "default": {},
    "stepsize0.02": dict(sampler_stepsize_init=0.02),
    "gradclip0.3": dict(grad_clip=0.3),
    "applyexp": dict(apply_exp=True),
    "boundsb": {},
}


@pytest.mark.parametrize("polynomial", [True, False])
@pytest.mark.parametrize("name", _VARIANTS)
def test_one_noiseless_step_matches_recording(golden, name, polynomial):
    recorded, score_fn, actions = _recorded(golden)
    suffix = "_b" if name == "boundsb" else ""
    bounds = [tf.constant(recorded[f"{side}_actions{suffix}"]) for side in ("min", "max")]
    options = dict(num_iterations=1, noise_scale=0.0, use_polynomial_rate=polynomial)
    options |= _VARIANTS[name]
    moved, chain = _chain(score_fn, actions, bounds, return_chain=True, **options)
    for value, key in [
        (moved, "actions"),
        (chain.scores[0], "energies"),
        (chain.grad_norms[0], "grad_norms"),
    ]:
        expected = recorded[f"{name}_{key}"]
        np.testing.assert_allclose(tf.reshape(value, expected.shape), expected, atol=1e-6)


@pytest.mark.parametrize("compiler", [None, "graph", "xla"])
@pytest.mark.parametrize("steps", [25, 100])
def test_noiseless_chain_matches_recording(golden, steps, compiler):
    recorded, score_fn, actions = _recorded(golden)

    def run(start):
        return _chain(score_fn, start, num_iterations=steps, noise_scale=0.0, return_chain=True)

    if compiler:
        run = tf.function(run, jit_compile=compiler == "xla")
    moved, chain = run(actions)
    for value, key in zip(
        (moved, *chain), ("final_actions", "actions", "energies", "grad_norms"), strict=True
    ):
        expected = recorded[f"chain{steps}_{key}"]
        np.testing.assert_allclose(tf.reshape(value, expected.shape), expected, atol=2e-6)


@pytest.mark.parametrize("noise_scale", [1.0, 0.5])
@pytest.mark.parametrize("steps", [1, 7, 60])
def test_moments_on_a_gaussian(steps, noise_scale):
    """With a fixed step the chain is an AR(1) process: a ← (1 − η/2·κ)·a − η·noise·ε."""
    curvature, rate = 4.0, 0.2
    start = tf.fill([2, 100_000, 1], 3.0)
    rates = dict(sampler_stepsize_init=rate, sampler_stepsize_final=rate)
    moved, chain = _chain(
        _quadratic(0.0, curvature / 2),
        start,
        WIDE,
        num_iterations=steps,
        noise_scale=noise_scale,
        **rates,
    )
    assert chain is None
    factor = 1 - rate * curvature / 2
    mean = 3.0 * factor**steps
    variance = (rate * noise_scale) ** 2 * (1 - factor ** (2 * steps)) / (1 - factor**2)
    error = 5 * np.sqrt(variance / 1e5)
    np.testing.assert_allclose(moved.numpy().mean((1, 2)), mean, atol=error)
    np.testing.assert_allclose(moved.numpy().var((1, 2)), variance, rtol=5 * np.sqrt(2 / 1e5))


@pytest.mark.parametrize(("sigma", "rate"), [(0.5, 0.02), (2.0, 0.1)])
def test_textbook_noise_samples_the_distribution_that_scores_define(sigma, rate):
    """A Gaussian's score gives its mean and variance, but for the step's discretization."""
    mean = 0.3
    start = tf.random.stateless_normal([1, 20_000, 1], [5, 6]) * sigma + mean
    options = dict(sampler_stepsize_init=rate, sampler_stepsize_final=rate, textbook_noise=True)
    score_fn = _quadratic(mean, 1 / (2 * sigma**2))
    samples, _ = _chain(score_fn, start, WIDE, num_iterations=400, **options)
    keep = 1 - rate / (2 * sigma**2)  # AR(1): x - mean is multiplied by this, noise has variance η
    np.testing.assert_allclose(np.mean(samples), mean, atol=5 * sigma / np.sqrt(20_000))
    np.testing.assert_allclose(np.var(samples), rate / (1 - keep**2), rtol=0.05)
    np.testing.assert_allclose(rate / (1 - keep**2), sigma**2, rtol=0.05)


@pytest.mark.parametrize("scale", [1, 100])
def test_recorded_statistics(golden, scale):
    recorded = json.loads(golden("num/mcmc_statistics.json").read_text())[f"langevin_scale{scale}"]
    goals = tf.constant(np.random.RandomState(0).uniform(-0.8, 0.8, (64, 1, 2)), tf.float32)
    start = mcmc.uniform_actions(64, 512, *UNIT, SEED)
    moved, _ = _chain(_quadratic(goals, scale), start, num_iterations=100)
    error = np.linalg.norm(moved - goals, axis=-1)
    assert error.mean() == pytest.approx(recorded["mean_err"], rel=0.03)
    assert np.median(error) == pytest.approx(recorded["median_err"], rel=0.03)
    assert np.quantile(error, 0.9) == pytest.approx(recorded["p90"], rel=0.03)


def test_bounds_and_largest_move_hold_per_dimension():
    bounds = tf.constant([-0.2, 1.0]), tf.constant([0.1, 3.0])
    start = mcmc.uniform_actions(2, 100, *bounds, SEED)
    score_fn = lambda actions: 1e4 * tf.reduce_sum(tf.sin(9 * actions), -1)  # noqa: E731
    _, chain = _chain(score_fn, start, bounds, num_iterations=20, return_chain=True)
    visited = np.concatenate([start[None], chain.actions])
    assert np.all(visited >= bounds[0]) and np.all(visited <= bounds[1])
    largest = np.abs(np.diff(visited, axis=0)).max(axis=(0, 1, 2))
    np.testing.assert_allclose(largest, 0.05 * (bounds[1] - bounds[0]), rtol=1e-3)


def test_permuting_samples_permutes_a_noiseless_chain():
    start = mcmc.uniform_actions(2, 30, *UNIT, SEED)
    forth, back = (_chain(_quadratic(0.3), s, noise_scale=0.0)[0] for s in (start, start[:, ::-1]))
    np.testing.assert_allclose(back, forth[:, ::-1], atol=1e-7)


@pytest.mark.parametrize("stop", [True, False])
def test_gradient_through_the_chain(stop):
    curvature = tf.Variable(1.5)
    start = tf.constant([[[0.5], [-0.25]]])

    @tf.function
    def gradient():
        with tf.GradientTape() as tape:
            options = dict(sampler_stepsize_final=0.1, noise_scale=0.0, stop_chain_grad=stop)
            moved, _ = _chain(_quadratic(0.0, curvature), start, WIDE, num_iterations=2, **options)
            total = tf.reduce_sum(moved)
        return tape.gradient(total, curvature)

    # moved = (1 − η·κ)²·a.
    expected = 0.0 if stop else -2 * 0.1 * (1 - 0.1 * 1.5) * 0.25
    np.testing.assert_allclose(gradient(), expected, rtol=1e-5)


def test_chain_norms_carry_gradients_though_actions_are_constants():
    curvature = tf.Variable(1.5)
    start = tf.constant([[[0.5], [-0.25]]])
    with tf.GradientTape() as tape:
        score_fn = _quadratic(0.0, curvature)
        _, chain = _chain(score_fn, start, WIDE, num_iterations=3, return_chain=True)
        total = tf.reduce_sum(chain.grad_norms)
    visited = np.concatenate([start[None], chain.actions[:-1]])
    expected = 2 * np.abs(visited).sum()
    np.testing.assert_allclose(tape.gradient(total, curvature), expected, rtol=1e-5)


@pytest.mark.parametrize(("steps", "key"), [(25, "stepsizes_used_25"), (100, None)])
def test_polynomial_matches_recording(golden, steps, key):
    recorded = np.load(golden("num/mcmc.npz"))
    expected = recorded[key] if key else recorded["poly100_rates_index0to99"]
    np.testing.assert_allclose(mcmc.polynomial(0.1, 1e-5, 2.0, steps), expected, rtol=1e-5)


def test_exponential_matches_recording(golden):
    after_the_first_step = np.load(golden("num/mcmc.npz"))["exp_rates_first25_calls"]
    rates = mcmc.exponential(0.1, 0.8, 26)
    assert rates[0] == np.float32(0.1)
    np.testing.assert_allclose(rates[1:], after_the_first_step, rtol=1e-6)


def test_single_step_uses_the_initial_step_size():
    assert mcmc.polynomial(0.1, 1e-5, 2.0, 1) == np.float32([0.1])
    assert mcmc.exponential(0.1, 0.8, 1) == np.float32([0.1])


def test_an_unknown_norm_is_named():
    with pytest.raises(ValueError, match="'max'"):
        _chain(_quadratic(0.0), tf.zeros([1, 1, 2]), grad_norm_type="max")
