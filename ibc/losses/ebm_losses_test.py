"""Losses of energy networks against recordings and float64 recomputation."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.losses import ebm_losses


def _exact(predictions, temperature):
    logits = predictions.astype(np.float64) / temperature
    highest = logits.max(axis=1, keepdims=True)
    return (np.log(np.exp(logits - highest).sum(1)) + highest[:, 0]) - logits[:, -1]


def _with_gradient(loss_fn, inputs):
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        loss = loss_fn(inputs)
    return loss, tape.gradient(loss, inputs)


@pytest.mark.parametrize("temperature", [1.0, 0.5])
@pytest.mark.parametrize("faithful", [False, True])
def test_info_nce_matches_recording(golden, temperature, faithful):
    recorded = np.load(golden("num/losses.npz"))
    loss = ebm_losses.InfoNCE(temperature, faithful)(tf.constant(recorded["predictions"]))
    # The published clip moves the loss by up to N · 1e-7 · log(1e-7); ours is exact.
    tolerance = 2e-6 if faithful else 2e-5
    np.testing.assert_allclose(loss, recorded[f"info_nce_T{temperature}"], atol=tolerance)


def test_gradient_matches_recording(golden):
    recorded = np.load(golden("num/losses.npz"))
    predictions = tf.constant(recorded["predictions"])
    _, gradient = _with_gradient(lambda p: tf.reduce_mean(ebm_losses.info_nce(p)), predictions)
    np.testing.assert_allclose(gradient, recorded["info_nce_T1.0_grad_of_mean"], atol=1e-6)


def test_hard_examples_keep_value_and_gradient(golden):
    recorded = np.load(golden("num/losses.npz"))
    predictions = tf.constant(recorded["predictions_hard"])
    loss, gradient = _with_gradient(ebm_losses.info_nce, predictions)
    expected = _exact(recorded["predictions_hard"], 1.0)
    assert expected.min() > 50
    np.testing.assert_allclose(loss, expected, rtol=1e-6)
    np.testing.assert_allclose(gradient[:, -1], -1.0, rtol=1e-6)
    faithful = ebm_losses.saturating_info_nce(predictions)
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
    loss = ebm_losses.InfoNCE()(tf.constant([[0.0, -60.0]]))
    np.testing.assert_allclose(loss, -np.log(1e-7), rtol=1e-5)


def _recorded_contrast(golden):
    recorded = np.load(golden("num/losses.npz"))
    contrast = ebm_losses.Contrast(
        tf.constant(recorded["predictions"]),
        tf.constant(recorded["counter_example_actions"], tf.float32),
        tf.constant(recorded["true_actions"][:, 0], tf.float32),
        tf.constant(recorded["predictions_copy"][:, :-1], tf.float32),
    )
    return recorded, contrast


@pytest.mark.parametrize(
    ("name", "key", "scalars"),
    [
        ("info_nce", "info_nce_T1.0", []),
        ("cd", "cd", []),
        ("cd_kl", "cd_kl", ["cd_loss", "kl_loss"]),
        ("clipped_cd", "clipped_cd_softFalse", ["fraction_outside_threshold"]),
        (
            "soft_clipped_cd",
            "clipped_cd_softTrue",
            ["cd_loss", "soft_loss", "fraction_outside_threshold"],
        ),
    ],
)
def test_losses_and_what_they_report_match_recordings(golden, name, key, scalars):
    recorded, contrast = _recorded_contrast(golden)
    loss, reported = ebm_losses.get_loss(name)(contrast)
    np.testing.assert_allclose(loss, recorded[key], atol=2e-5)
    for scalar in scalars:
        np.testing.assert_allclose(reported[scalar], recorded[f"{key}_{scalar}"], atol=1e-6)


def _contrast(seed=0, size=6, count=5):
    generator = np.random.RandomState(seed)
    arrays = (
        generator.randn(size, count + 1),
        generator.uniform(-0.5, 0.5, (size, count, 2)),
        generator.uniform(-0.5, 0.5, (size, 2)),
        generator.randn(size, count),
    )
    return ebm_losses.Contrast(*(tf.constant(values, tf.float32) for values in arrays))


def _clipped(contrast, soft):
    """The loss, and its slope by the sample's prediction, one sample at a time."""
    predictions, samples, true, _ = (value.numpy().astype(np.float64) for value in contrast)
    loss, slopes = np.zeros(samples.shape[0]), np.zeros(samples.shape[:2])
    for i, j in np.ndindex(slopes.shape):
        distance = ((samples[i, j] - true[i]) ** 2).sum()
        difference = predictions[i, j] - predictions[i, -1]
        if distance > 0.2:
            loss[i], slopes[i, j] = loss[i] + difference, 1
        elif soft:
            loss[i], slopes[i, j] = (
                loss[i] + abs(difference + distance),
                np.sign(difference + distance),
            )
    return loss / samples.shape[1], slopes / samples.shape[1]


@pytest.mark.parametrize("soft", [False, True])
def test_clipped_loss_and_gradient_one_sample_at_a_time(soft):
    contrast = _contrast()
    expected, slopes = _clipped(contrast, soft)
    loss, gradients = _with_gradient(lambda c: ebm_losses.clipped_cd(c, soft)[0], contrast)
    by_prediction, by_sample, by_true, _ = gradients
    assert 0 < (slopes == 0).sum() < slopes.size or soft
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(by_prediction[:, :-1], slopes, atol=1e-6)
    np.testing.assert_allclose(by_prediction[:, -1], -slopes.sum(1), atol=1e-6)
    assert by_sample is None and by_true is None


def test_cd_kl_spreads_samples_and_follows_the_frozen_network():
    contrast = _contrast()
    _, (_, by_sample, _, by_frozen) = _with_gradient(lambda c: ebm_losses.cd_kl(c)[0], contrast)
    np.testing.assert_allclose(by_frozen, -1 / 5, rtol=1e-6)
    samples = contrast.counter_examples.numpy().astype(np.float64)
    offsets = samples[:, :, None] - samples[:, None]
    crowding = np.exp(-0.1 * (offsets**2).sum(-1, keepdims=True))
    # Each pair occurs twice in the mean over 25 pairs.
    expected = 2 * (-0.2 * offsets * crowding).sum(2) / 25
    np.testing.assert_allclose(by_sample, expected, rtol=1e-4, atol=1e-7)


def test_temperature_is_that_of_info_nce():
    contrast = _contrast()
    hot, _ = ebm_losses.get_loss("info_nce", 4.0)(contrast)
    np.testing.assert_allclose(hot, _exact(contrast.predictions.numpy(), 4.0), rtol=1e-5)


def test_unknown_loss_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"\['cd', 'cd_kl', 'clipped_cd', .*but is 'nce'"):
        ebm_losses.get_loss("nce")


@pytest.mark.parametrize("config", [0, 1])
@pytest.mark.parametrize("form", ["crossentropy", "onehot"])
def test_info_nce_is_the_recorded_loss_of_sequence_policies(golden, config, form):
    recorded = np.load(golden(f"sequences/ibc_lowdim_{config}.npz"))
    # The true chunk is the first candidate there, the last prediction here.
    predictions = np.roll(recorded[f"{form}_logits"], -1, axis=1)
    loss = tf.reduce_mean(ebm_losses.info_nce(tf.constant(predictions)))
    np.testing.assert_allclose(loss, recorded[f"{form}_loss"], rtol=1e-5)
