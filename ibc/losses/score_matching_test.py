import numpy as np
import pytest
import tensorflow as tf

from ibc.losses import score_matching
from ibc.networks import noise_conditioned_energy as energies
from tests import near_golden


@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("power", [0, 2])
def test_recorded_losses_and_gradients(golden, version, power):
    recorded = np.load(golden(f"near/energy_{version}.npz"))
    network = energies.NoiseConditionedEnergy(4, [6, 9], 12, [7, 5], recorded["sigmas"], version)
    near_golden.load(network.weights, near_golden.weights(recorded))
    levels = tf.constant(recorded["labels"])
    sigma = tf.gather(network.sigmas, levels)
    moved = score_matching.displacement(recorded["noise"], sigma)
    with tf.GradientTape() as tape:
        found, scores = network.score(recorded["x"] + moved, levels)
        loss = score_matching.score_matching(scores, moved, sigma, power)
    near_golden.assert_near(loss, recorded[f"loss_power{power}"])
    gradients = tape.gradient(loss, network.weights)
    expected = near_golden.weights(recorded, f"grad_power{power}_var")
    for gradient, value in zip(gradients, expected, strict=True):
        near_golden.assert_near(gradient, value, atol=1e-4 * np.abs(value).max())
    matched = score_matching.energy_matching(found, moved, sigma, power)
    near_golden.assert_near(matched, recorded[f"energy_matching_loss_power{power}"])


def test_the_score_of_a_normal_distribution_has_the_least_loss():
    # Data are 0 and noise has the deviation σ, so the score of what is seen is −δ/σ².
    sigma = tf.constant([0.5, 2.0])
    moved = tf.constant([[1.0, -1.0], [3.0, 0.5]])
    exact = -moved / tf.square(sigma)[:, None]
    assert score_matching.score_matching(exact, moved, sigma, 2) == 0
    # Half the squared norm of 1 in each of two dimensions, times σ².
    off = score_matching.score_matching(exact + 1, moved, sigma, 2)
    np.testing.assert_allclose(off, np.mean([0.25, 4.0]))


def test_both_kernels_of_energy_matching():
    sigma, moved = tf.constant([0.5]), tf.constant([[0.3, 0.4]])
    gaussian = score_matching.energy_matching(tf.zeros([1]), moved, sigma, 0)
    np.testing.assert_allclose(gaussian, 0.5 * (0.09**2 + 0.16**2) / 0.5**2, rtol=1e-6)
    uniform = score_matching.energy_matching(tf.zeros([1]), moved, sigma, 0, "uniform")
    np.testing.assert_allclose(uniform, 0.5 * (0.5 / 0.5) ** 2, rtol=1e-6)
    with pytest.raises(ValueError, match="kernel must be one of"):
        score_matching.energy_matching(tf.zeros([1]), moved, sigma, 0, "cosine")


def test_variance_penalty():
    found = score_matching.variance_penalty(tf.constant([1.0, 2.0, 6.0]))
    np.testing.assert_allclose(found, 0.5 * np.var([1, 2, 6], ddof=1), rtol=1e-6)
