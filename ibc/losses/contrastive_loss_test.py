import math

import numpy as np
import pytest
import tensorflow as tf

from ibc.losses import contrastive_loss
from tests import video_golden


def _double(*values):
    return [tf.constant(value, tf.float64) for value in values]


def _check(loss, inputs, recorded, name, parts):
    """Compares a loss and its gradients with the recorded ones, to 1e-6 of each."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        found = loss(*inputs)
    np.testing.assert_allclose(found, recorded[f"{name}_loss"], rtol=1e-6)
    for part, gradient in zip(parts, tape.gradient(found, inputs), strict=True):
        expected = recorded[f"{name}_d{part}"]
        np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-9)


@pytest.fixture
def recorded(golden):
    return np.load(golden("video_imitation/losses.npz"))


@pytest.mark.parametrize("name", ["one", "oneb"])
def test_recorded_one_sided_contrast(recorded, name):
    inputs = _double(*(recorded[f"{name}_{part}"] for part in "hpn"))
    _check(contrastive_loss.one_sided_contrast, inputs, recorded, name, "hpn")


def test_recorded_two_view_contrast(recorded):
    inputs = _double(recorded["con_a"], recorded["con_b"])
    _check(contrastive_loss.two_view_contrast, inputs, recorded, "con", "ab")
    close = _double(recorded["con_close_a"], recorded["con_close_b"])
    found = contrastive_loss.two_view_contrast(*close)
    np.testing.assert_allclose(found, recorded["con_close_loss"], rtol=1e-6)


def test_recorded_supervised_contrast(recorded):
    features, labels = tf.constant(recorded["sup_features"]), recorded["sup_labels"]
    for name, options in (
        ("labels", {"labels": labels}),
        ("labels", {"mask": labels[:, np.newaxis] == labels}),
        ("simclr", {}),
        ("one", {"mode": "one"}),
        ("t05", {"labels": labels, "temperature": 0.5}),
    ):
        found = contrastive_loss.supervised_contrast(features, **options)
        np.testing.assert_allclose(found, recorded[f"sup_loss_{name}"], rtol=1e-6, err_msg=name)


@pytest.mark.parametrize("where", ["below", "above"])
def test_recorded_near_far_loss(recorded, where):
    frames = _double(*(recorded[f"sns_{where}_{part}"] for part in ("t", "near", "far")))
    found = contrastive_loss.near_far_loss(*frames)
    np.testing.assert_allclose(found, recorded[f"sns_{where}_loss"], rtol=1e-6)


def test_recorded_reconstruction_loss(recorded):
    pictures = _double(recorded["vae_img_a"], recorded["vae_img_b"])
    found = contrastive_loss.reconstruction_loss(*pictures)
    np.testing.assert_allclose(found, recorded["vae_img_loss"], rtol=1e-6)


@pytest.mark.parametrize("name", ["n3", "n2"])
def test_recorded_losses_of_sequences(golden, name):
    recorded = np.load(golden("video_imitation/sequence_losses.npz"))
    sequence, predictor = video_golden.sequence_networks(recorded)
    embeddings, videos, k = tf.constant(recorded[f"{name}_e"]), int(name[1]), recorded[f"{name}_k"]
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        outputs, states = sequence(embeddings)
        first = predictor(outputs[k])
        second = predictor(sequence(first[tf.newaxis], sequence.at(states, k))[0][-1])
        expert, other = outputs[-1, :videos], outputs[-1, videos:]
        l_seq = contrastive_loss.sequence_loss(expert, other)
        l_vaes = contrastive_loss.future_loss(embeddings, k, [first, second])
        total = l_seq + l_vaes
    near = {"rtol": 2e-4, "atol": 2e-5}
    np.testing.assert_allclose(outputs, recorded[f"{name}_h"], **near)
    np.testing.assert_allclose(l_seq, recorded[f"{name}_l_seq"], rtol=2e-4)
    np.testing.assert_allclose(l_vaes, recorded[f"{name}_l_vaes"], rtol=2e-4)
    gradient = tape.gradient(total, embeddings)
    np.testing.assert_allclose(gradient, recorded[f"{name}_de"], rtol=2e-4, atol=1e-4)

    t, near, far = recorded[f"{name}_t_near_far"]
    for kind, found in (
        ("cmc", contrastive_loss.halves_contrast(embeddings)),
        ("cmc_per_frame", contrastive_loss.halves_contrast(embeddings, False)),
        ("sns", contrastive_loss.near_far_loss(*(embeddings[i] for i in (t, near, far)))),
        ("near", contrastive_loss.two_view_contrast(embeddings[t], embeddings[near])),
    ):
        np.testing.assert_allclose(found, recorded[f"{name}_{kind}"], rtol=2e-4, err_msg=kind)


def test_without_knowledge_contrasts_are_logarithms_of_how_many_there_are():
    same = tf.ones([5, 3], tf.float64)
    one_sided = contrastive_loss.one_sided_contrast(same, same, tf.ones([7, 5, 3], tf.float64))
    np.testing.assert_allclose(one_sided, math.log(8))
    np.testing.assert_allclose(contrastive_loss.sequence_loss(same, same), 2 * math.log(6))
    np.testing.assert_allclose(contrastive_loss.two_view_contrast(same, same), math.log(9))


def test_opposite_classes_cost_nothing_and_swapped_partners_the_whole_cosine():
    right, up = _double([[1.0, 0.0]], [[0.0, 1.0]])
    loss = contrastive_loss.sequence_loss(tf.tile(right, [4, 1]), tf.tile(-right, [4, 1]))
    np.testing.assert_allclose(loss, 2 * math.log1p(4 * math.exp(-2 / 0.07)), atol=1e-12)
    worst = contrastive_loss.one_sided_contrast(right, up, right[tf.newaxis])
    np.testing.assert_allclose(worst, 1 / 0.07 + math.log1p(math.exp(-1 / 0.07)))


def test_zeros_have_no_direction_and_a_finite_gradient():
    zero, one = tf.zeros([1, 3]), tf.ones([1, 3])
    with tf.GradientTape() as tape:
        tape.watch(zero)
        found = contrastive_loss.cosine(zero, one)
    assert found == 0
    assert np.isfinite(tape.gradient(found, zero)).all()


def test_far_enough_frames_stop_pushing():
    start = tf.zeros([2, 4])
    with tf.GradientTape() as tape:
        far = tf.fill([2, 4], 1.5)
        tape.watch(far)
        loss = contrastive_loss.near_far_loss(start, start + 0.5, far)
    np.testing.assert_allclose(loss, 0.25)
    assert not np.any(tape.gradient(loss, far))


def test_wrong_arguments_are_said():
    features = tf.zeros([2, 2, 3])
    with pytest.raises(ValueError, match=r"mode must be one of \('all', 'one'\)"):
        contrastive_loss.supervised_contrast(features, mode="some")
    with pytest.raises(ValueError, match="labels or a mask, but both"):
        contrastive_loss.supervised_contrast(features, tf.range(2), tf.eye(2))
