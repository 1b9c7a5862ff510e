"""InfoNCE against recordings and float64 recomputation."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.losses import ebm_losses


def _exact(predictions, temperature):
    logits = predictions.astype(np.float64) / temperature
    highest = logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(logits - highest).sum(1)) + highest[:, 0]) - logits[:, -1]


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("faithful", [False, True])
def test_info_nce_matches_recording(golden, temperature, faithful):
    recorded = np.load(golden("num/losses.npz"))
    loss = ebm_losses.info_nce(tf.constant(recorded["predictions"]), temperature, faithful)
    # The published clip moves the loss by up to N · 1e-7 · log(1e-7); ours is exact.
    tolerance = 2e-6 if faithful else 2e-5
    np.testing.assert_allclose(loss, recorded[f"info_nce_T{temperature}"], atol=tolerance)


def test_gradient_matches_recording(golden):
    recorded = np.load(golden("num/losses.npz"))
    predictions = tf.constant(recorded["predictions"])
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        loss = tf.reduce_mean(ebm_losses.info_nce(predictions))
    gradient = tape.gradient(loss, predictions)
    np.testing.assert_allclose(gradient, recorded["info_nce_T1.0_grad_of_mean"], atol=1e-6)


def test_hard_examples_keep_value_and_gradient(golden):
    recorded = np.load(golden("num/losses.npz"))
    predictions = tf.constant(recorded["predictions_hard"])
    with tf.GradientTape() as tape:
        tape.watch(predictions)
        loss = ebm_losses.info_nce(predictions)
    expected = _exact(recorded["predictions_hard"], 1.0)
    assert expected.min() > 50
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, predictions)[:, -1], -1.0, rtol=1e-6)
    faithful = ebm_losses.info_nce(predictions, faithful=True)
    np.testing.assert_allclose(faithful, recorded["info_nce_hard_T1.0"], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])
@pytest.mark.parametrize("compiled", [False, True])
def test_info_nce_against_float64(scale, compiled):
    predictions = (scale * np.random.RandomState(0).randn(6, 33)).astype(np.float32)
    info_nce = tf.function(ebm_losses.info_nce) if compiled else ebm_losses.info_nce
    np.testing.assert_allclose(
        info_nce(tf.constant(predictions), 0.7), _exact(predictions, 0.7), rtol=1e-5, atol=1e-6
    )


def test_equal_predictions_cost_the_log_of_their_number():
    loss = ebm_losses.info_nce(tf.fill([3, 257], -7.0))
    np.testing.assert_allclose(loss, np.log(257), rtol=1e-6)


def test_faithful_is_set_by_gin():
    gin.parse_config("info_nce.faithful = True")
    try:
        loss = ebm_losses.info_nce(tf.constant([[0.0, -60.0]]))
    finally:
        gin.clear_config()
    np.testing.assert_allclose(loss, -np.log(1e-7), rtol=1e-5)
