"""The gradient penalty against recordings and float64 recomputation."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.losses import gradient_loss
from ibc.samplers import score_gradients

NORMS = ["1", "2", "inf", None]


def _recorded(golden):
    """Observations and actions as [4, 9, 2]: 36 rows are 9 actions of each of 4 examples."""
    recorded = np.load(golden("num/grad_penalty.npz"))
    observation, actions = (recorded[key].reshape(4, 9, 2) for key in ("obs", "actions"))
    score_fn = lambda a: -tf.reduce_sum(tf.square(a - observation), axis=-1)  # noqa: E731
    return recorded, score_fn, tf.constant(actions)


@pytest.mark.parametrize("norm", NORMS)
def test_gradients_and_norms_match_recording(golden, norm):
    recorded, score_fn, actions = _recorded(golden)
    scores, gradients = score_gradients.scores_and_gradients(score_fn, actions)
    np.testing.assert_allclose(tf.reshape(scores, [-1]), recorded["energies"], atol=1e-6)
    np.testing.assert_allclose(
        tf.reshape(-gradients, [36, 2]), recorded["de_dact"], rtol=1e-6, atol=1e-6
    )
    norms = score_gradients.gradient_norm(gradients, norm)
    np.testing.assert_allclose(
        tf.reshape(norms, [-1]), recorded[f"grad_norm_{norm}"], rtol=1e-6, atol=1e-6
    )


@pytest.mark.parametrize("square", [True, False])
@pytest.mark.parametrize("margin", [1.0, None])
@pytest.mark.parametrize("norm", ["1", "2", "inf"])
def test_penalty_matches_recording(golden, norm, margin, square):
    recorded, score_fn, actions = _recorded(golden)
    _, gradients = score_gradients.scores_and_gradients(score_fn, actions)
    norms = score_gradients.gradient_norm(gradients, norm)
    penalty = gradient_loss.GradPenalty(grad_margin=margin, square_grad_penalty=square)(norms)
    expected = recorded[f"grad_penalty_norm{norm}_margin{margin}_square{square}"]
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_chain_penalty_against_float64():
    norms = np.random.RandomState(0).gamma(1.0, 2.0, (5, 3, 4))
    penalize = gradient_loss.GradPenalty(
        only_apply_final_grad_penalty=False, grad_margin=0.5, grad_loss_weight=3.0
    )
    penalty = penalize(tf.zeros([3, 2]), tf.constant(norms, tf.float32))
    expected = 3 * (np.maximum(0, norms - 0.5) ** 2).mean(axis=(0, 2))
    np.testing.assert_allclose(penalty, expected, rtol=1e-5)


def test_chain_penalty_without_chain():
    with pytest.raises(ValueError, match="run_full_chain_under_gradient"):
        gradient_loss.GradPenalty(only_apply_final_grad_penalty=False)(tf.zeros([3, 2]))


def test_second_order_gradients_reach_the_weights():
    weight = tf.Variable([2.0, -3.0])
    actions = tf.constant([[[1.0, 2.0], [-1.0, 0.5]]])
    with tf.GradientTape() as tape:
        score_fn = lambda a: tf.reduce_sum(a * weight, axis=-1)  # noqa: E731
        _, gradients = score_gradients.scores_and_gradients(score_fn, actions)
        norms = score_gradients.gradient_norm(gradients, "inf")
        penalty = tf.reduce_sum(gradient_loss.GradPenalty()(norms))
    # penalty = (|w₂| − 1)² wherever |w₂| is the larger one.
    np.testing.assert_allclose(penalty, 4.0)
    np.testing.assert_allclose(tape.gradient(penalty, weight), [0.0, -4.0])


def test_norm_2_is_differentiable_at_zero():
    gradient = tf.Variable([[[0.0, 0.0], [3.0, 4.0]]])
    with tf.GradientTape() as tape:
        norms = score_gradients.gradient_norm(gradient, "2")
    np.testing.assert_allclose(norms, [[0.0, 5.0]])
    np.testing.assert_allclose(tape.gradient(norms, gradient), [[[0.0, 0.0], [0.6, 0.8]]])


def test_unknown_norm():
    with pytest.raises(ValueError, match="'3'"):
        score_gradients.gradient_norm(tf.zeros([1, 1, 1]), "3")
