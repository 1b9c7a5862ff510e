"""Mixtures of actions: densities, draws and mode against their definitions."""

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_probability as tfp
from scipy import special
from tf_agents.specs import tensor_spec

from ibc.agents import distributions
from ibc.utils import keys

LOGITS = np.array([[0.0, 1.0], [2.0, -1.0]], np.float32)
MEANS = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
SCALES = np.full([2, 2, 2], 0.1, np.float32)


def _mixture(shape=(2,), dtype=tf.float32, rows=slice(None)):
    flat = tfp.distributions.MixtureSameFamily(
        tfp.distributions.Categorical(logits=LOGITS[rows]),
        tfp.distributions.MultivariateNormalDiag(MEANS[rows], SCALES[rows]),
    )
    spec = tensor_spec.BoundedTensorSpec(shape, dtype, -9, 9)
    return distributions.ActionMixture(flat, spec)


def test_mode_is_the_mean_of_the_heaviest_component():
    np.testing.assert_array_equal(_mixture().mode(), [[2, 3], [4, 5]])


def test_draws_have_the_weights_means_and_spreads():
    drawn = _mixture().sample(20000, seed=3).numpy()
    assert drawn.shape == (20000, 2, 2)
    for row, probability in enumerate(1 / (1 + np.exp(-(LOGITS[:, 1] - LOGITS[:, 0])))):
        second = drawn[:, row, 0] > MEANS[row].mean(0)[0]
        assert second.mean() == pytest.approx(probability, abs=0.02)
        for chosen, mean in ((~second, MEANS[row, 0]), (second, MEANS[row, 1])):
            np.testing.assert_allclose(drawn[chosen, row].mean(0), mean, atol=0.01)
            np.testing.assert_allclose(drawn[chosen, row].std(0), 0.1, rtol=0.05)


def test_rows_follow_from_their_own_seeds():
    seeds = tf.constant([[1, 2], [3, 4]])
    both = _mixture().keyed_sample(keys.Key(seeds))
    np.testing.assert_array_equal(both, _mixture().keyed_sample(keys.Key(seeds)))
    for row in range(2):
        alone = _mixture(rows=slice(row, row + 1)).keyed_sample(keys.Key(seeds[row : row + 1]))
        np.testing.assert_array_equal(both[row], alone[0])
    assert not np.array_equal(both, _mixture().keyed_sample(keys.Key(tf.constant([1, 2]))))


def test_shaped_actions_of_another_type():
    mixture = _mixture((1, 2), tf.float64)
    assert mixture.sample(seed=1).shape == (2, 1, 2) and mixture.mode().dtype == tf.float64
    assert mixture.batch_shape == (2,) and mixture.event_shape == (1, 2)
    values = tf.random.stateless_normal([5, 2, 1, 2], [0, 1], dtype=tf.float64)
    found = mixture.log_prob(values).numpy()
    z = (values.numpy() - MEANS.astype(np.float64)) / 0.1
    densities = (-0.5 * z**2).sum(-1) - np.log(2 * np.pi * 0.01)
    expected = special.logsumexp(special.log_softmax(LOGITS, axis=1) + densities, axis=-1)
    assert found.shape == (5, 2)
    np.testing.assert_allclose(found, expected, rtol=1e-4)
