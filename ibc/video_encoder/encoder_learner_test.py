import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import video_encoder
from ibc.utils import keys
from ibc.video_encoder import encoder_learner, objective
from tests import video_golden

_SMALL = video_encoder.Architecture(32, 16, (4, 8, 12))
_ORDER = ("loss", "l_seq", "l_frame", "l_vaes", "l_vaei")


@pytest.fixture(scope="module")
def videos():
    """Small pictures with light that rises in the expert's videos alone, [9, 8, 32, 32, 3]."""
    noise = tf.random.stateless_normal([9, 8, 32, 32, 3], [0, 0], stddev=0.2)
    rising = np.zeros([9, 8, 1, 1, 3], np.float32)
    rising[:, :4] += np.linspace(-1, 1, 9)[:, None, None, None, None]
    return noise + rising


def _recorded(golden, **options):
    recorded = np.load(golden("video_imitation/encoder64.npz"))
    encoder = video_encoder.VideoEncoder()
    video_golden.fill(encoder)
    pictures = tf.concat([video_golden.videos(recorded, kind) for kind in ("expert", "other")], 1)
    draws = objective.Draws(*map(int, recorded["k_t_near_far"]))
    learner = encoder_learner.EncoderLearner(encoder, objective.Objective(**options))
    return recorded, learner, pictures, draws


def _assert_terms(found, recorded, prefix, rtol=2e-4):
    for name in found:
        np.testing.assert_allclose(found[name], recorded[f"{prefix}|{name}"], rtol, err_msg=name)


def test_recorded_evaluation(golden):
    recorded, learner, pictures, draws = _recorded(golden)
    for options, name in (({}, "eval_metrics"), ({"seq_only": True}, "eval_seq_only")):
        chosen = objective.Objective(**options)
        found = chosen.terms(learner.encoder, pictures, draws, training=False)
        _assert_terms(found, recorded, name)


def test_recorded_gradients_and_running_moments(golden):
    recorded, learner, pictures, draws = _recorded(golden)
    with tf.GradientTape() as tape:
        found = objective.Objective().terms(learner.encoder, pictures, draws, training=True)
    _assert_terms(found, recorded, "train_metrics")
    entries = dict(video_golden.encoder_entries(learner.encoder))
    names = [name for name in entries if f"gradient|{name}" in recorded]
    assert len(names) == len(learner.encoder.weights)
    gradients = tape.gradient(found["loss"], [entries[name] for name in names])
    for name, gradient in zip(names, gradients, strict=True):
        norm, product = video_golden.summary(gradient)
        expected = recorded[f"gradient|{name}"]
        # Biases before normalizations have no gradient but for rounding; and so few pictures are
        # normalized that rounding (another order of sums in convolutions) turns gradients so much.
        np.testing.assert_allclose(norm, expected[0], rtol=2e-4, atol=2e-5, err_msg=name)
        allowed = 6e-3 * max(expected[0], 1e-2)
        np.testing.assert_allclose(product, expected[1], atol=allowed, err_msg=name)
    moved = [name for name in recorded.files if name.startswith("after_one_forward|")]
    for name in moved:
        variable = entries[name.partition("|")[2]]
        np.testing.assert_allclose(variable, recorded[name], rtol=1e-5, atol=1e-6, err_msg=name)
    assert len(moved) == 28


def test_three_recorded_updates(golden):
    recorded, learner, pictures, draws = _recorded(golden)
    for expected in recorded["three_updates"]:
        found = learner.make_step(pictures, draws)
        np.testing.assert_allclose([found[name] for name in _ORDER], expected, rtol=1e-3)


def test_two_recorded_updates_of_the_sequence_alone(golden):
    recorded, learner, pictures, draws = _recorded(
        golden, seq_only=True, frozen_statistics_move=True
    )
    before = [v.numpy() for v in learner.encoder.frame_weights]
    for expected in recorded["two_seq_only_updates_frozen_cnn"]:
        found = learner.make_step(pictures, draws)
        names = ("loss", "l_seq", "l_vaes")
        np.testing.assert_allclose([found[name] for name in names], expected, rtol=1e-3)
    for variable, value in zip(learner.encoder.frame_weights, before, strict=True):
        np.testing.assert_array_equal(variable, value)


@pytest.mark.parametrize("moves", [True, False])
def test_a_frozen_cnn_stays_as_it_is_unless_asked(videos, moves):
    encoder = video_encoder.VideoEncoder(_SMALL)
    chosen = objective.Objective(seq_only=True, frozen_statistics_move=moves)
    learner = encoder_learner.EncoderLearner(encoder, chosen)
    before = encoder.embed_frames(videos).numpy()
    learner.train(videos, 0)
    assert np.array_equal(encoder.embed_frames(videos), before) != moves


def test_recorded_choices_of_near_and_far_frames(golden):
    recorded = np.load(golden("video_imitation/losses.npz"))
    for frames in (9, 12):
        counts = np.zeros([frames, frames, 2], int)
        drawn = tf.function(lambda seed, n=frames: objective.draw(n, keys.Key(seed)))
        for seed in range(1500):
            draws = drawn(tf.constant([seed, 0]))
            counts[draws.t, draws.near, 0] += 1
            counts[draws.t, draws.far, 1] += 1
            assert 5 <= draws.k <= frames - 3 and 1 <= draws.prefix <= frames - 2
        np.testing.assert_array_equal(counts > 0, recorded[f"context_counts_{frames}"] > 0)


def test_what_a_video_shows_is_learned_and_follows_from_seed_and_step(videos):
    learners = [
        encoder_learner.EncoderLearner(video_encoder.VideoEncoder(_SMALL), chosen, 3e-3)
        for chosen in 2 * [objective.Objective(prefix_contrast=True, join_neighbouring_rows=False)]
    ]
    first = learners[0].train(videos, 0)
    for _ in range(2):
        learners[0].train(videos[:8], 0)
    for videos_seen in (videos, videos[:8], videos[:8]):
        learners[1].train(videos_seen, 0)
    for one, other in zip(*(learner.encoder.variables for learner in learners), strict=True):
        np.testing.assert_array_equal(one, other)
    for _ in range(22):
        last = learners[0].train(videos, 0)
    assert last["l_seq"] < 0.5 * first["l_seq"] and last["l_vaei"] < first["l_vaei"]
    assert set(learners[0].evaluate(videos, 0, 0)) == {"loss", *objective.TERMS}


def test_weights_weigh_the_terms(videos):
    encoder = video_encoder.VideoEncoder(_SMALL)
    draws = objective.Draws(5, 4, 3, 8)
    chosen = objective.Objective(weights=(1.0, 0.0, 2.0, 0.0))
    found = chosen.terms(encoder, videos, draws, training=False)
    np.testing.assert_allclose(found["loss"], found["l_seq"] + 2 * found["l_vaes"], rtol=1e-6)
