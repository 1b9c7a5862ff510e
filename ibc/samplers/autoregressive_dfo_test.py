"""Autoregressive DFO against a literal reading of the algorithm, and on known densities."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import mcmc
from ibc.samplers import draws
from ibc.utils import keys

LOW, HIGH = tf.constant([-1.0, -1.0, 0.0]), tf.constant([1.0, 0.5, 2.0])
SEED = tf.constant([3, 4])


def _score(j, actions):
    """Peaks at 0.3 in the first dimension; every other one follows the dimension before it."""
    targets = tf.concat([tf.fill(tf.shape(actions[..., :1]), 0.3), actions[..., :-1]], axis=-1)
    return -20.0 * tf.reduce_sum(tf.math.squared_difference(actions, targets), axis=-1)


def _start(batch=2, count=64):
    return mcmc.uniform_actions(batch, count, LOW, HIGH, tf.constant([1, 2]))


def _literal(start, temperature, iterations, std):
    """The algorithm sample by sample, with the draws of the function under test."""
    actions, size = start.numpy().copy(), start.shape[-1]
    own_keys = keys.Key(SEED).split(2 * iterations * size)
    visited = [[] for _ in range(size)]
    for iteration in range(iterations):
        for j in range(size):
            visited[j].append(actions[..., : j + 1].copy())
            if iteration == iterations - 1:
                continue
            k = 2 * (iteration * size + j)
            logits = _score(j, tf.constant(actions[..., : j + 1])) / temperature
            chosen = draws.indices(logits, actions.shape[1], own_keys[k]).numpy()
            noise = draws.normal_like(tf.constant(actions[..., j]), own_keys[k + 1]).numpy()
            for row in range(actions.shape[0]):
                actions[row, :, : j + 1] = actions[row, chosen[row], : j + 1]
                moved = actions[row, :, j] + std * noise[row]
                actions[row, :, j] = np.clip(moved, LOW[j], HIGH[j])
        std /= 2
    return actions, visited


@pytest.mark.parametrize("iterations", [1, 2, 4])
def test_against_a_literal_reading(iterations):
    start = _start()
    found = mcmc.autoregressive_dfo(
        _score, start, LOW, HIGH, SEED, temperature=2.0, num_iterations=iterations
    )
    actions, visited = _literal(start, 2.0, iterations, 0.33)
    np.testing.assert_allclose(found.actions, actions, atol=1e-6)
    np.testing.assert_allclose(found.logits, _score(2, found.actions) / 2.0, rtol=1e-5)
    for j in range(3):
        expected = np.stack(visited[j], axis=1)
        assert expected.shape == (2, iterations, 64, j + 1)
        np.testing.assert_allclose(found.chain[j], expected, atol=1e-6)


def test_finds_the_peak_of_a_chain_of_conditionals():
    start = _start(4, 512)
    found = mcmc.autoregressive_dfo(_score, start, LOW, HIGH, SEED, num_iterations=5)
    best = tf.gather(found.actions, tf.argmax(found.logits, axis=1), axis=1, batch_dims=1)
    np.testing.assert_allclose(best, np.full([4, 3], 0.3), atol=0.12)
    assert np.all((found.actions >= LOW) & (found.actions <= HIGH))


def test_reaches_dimensions_that_joint_dfo_does_not():
    size, count, generator = 16, 256, np.random.RandomState(0)
    peak = tf.constant(generator.uniform(-0.8, 0.8, size), tf.float32)
    bounds = tf.fill([size], -1.0), tf.fill([size], 1.0)
    start = mcmc.uniform_actions(1, count, *bounds, tf.constant([1, 2]))

    def score(actions):
        offsets = actions - peak[: actions.shape[-1]]
        return -50.0 * tf.reduce_sum(tf.square(offsets), axis=-1)

    joint, logits = mcmc.iterative_dfo(score, start, *bounds, SEED, num_iterations=4)
    single = mcmc.autoregressive_dfo(
        lambda j, actions: score(actions), start, *bounds, SEED, num_iterations=4
    )
    errors = [
        np.abs(actions.numpy()[0, np.argmax(scores)] - peak).max()
        for actions, scores in ((joint, logits), (single.actions, single.logits))
    ]
    assert errors[1] < 0.25 < 0.4 < errors[0]
