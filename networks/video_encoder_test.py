import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ibc.losses import contrastive_loss
from ibc.networks import video_encoder
from tests import video_golden

SMALL = video_encoder.Architecture(32, 16, (4, 8, 12))


@pytest.fixture(scope="module")
def filled():
    encoder = video_encoder.VideoEncoder()
    video_golden.fill(encoder)
    return encoder


def test_recorded_embeddings_and_pictures(golden, filled):
    recorded = np.load(golden("video_imitation/encoder64.npz"))
    expert, other = (video_golden.videos(recorded, kind) for kind in ("expert", "other"))
    first = expert[:, :1]
    embeddings = filled.embed_frames(first)
    near = {"rtol": 2e-4, "atol": 2e-5}
    np.testing.assert_allclose(embeddings[:, 0], recorded["eval_e"], **near)
    np.testing.assert_allclose(filled(first)[:, 0], recorded["eval_h"], **near)
    decoded = filled.decode(embeddings)[:, 0]
    shown = tf.transpose(decoded[:2, ::4, ::4], [0, 3, 1, 2])
    np.testing.assert_allclose(shown, recorded["eval_decoded"], **near)
    norms = tf.norm(tf.reshape(decoded, [9, -1]), axis=1)
    np.testing.assert_allclose(norms, recorded["eval_decoded_norms"], rtol=2e-4)

    expert_h, agent_h = filled(expert[:, 1:])[:, 0], filled(other[:, :1])[:, 0]
    np.testing.assert_allclose(expert_h, recorded["reward_expert_h"], **near)
    np.testing.assert_allclose(agent_h, recorded["reward_agent_h"], **near)
    cosine = contrastive_loss.cosine(expert_h, agent_h)
    np.testing.assert_allclose(cosine, recorded["reward_cosine"], rtol=2e-4)


@pytest.mark.parametrize("size", [32, 64, 84])
def test_shapes(size):
    widths = tuple(range(3, 3 + len(video_encoder.KERNELS[size])))
    encoder = video_encoder.VideoEncoder(video_encoder.Architecture(size, 6, widths))
    pictures = tf.random.stateless_normal([3, 2, size, size, 3], [size, 0])
    embeddings = encoder.embed_frames(pictures, training=True)
    assert embeddings.shape == (3, 2, 6)
    assert encoder.decode(embeddings, training=True).shape == pictures.shape
    assert encoder(pictures).shape == (3, 2, 6)


def test_light_and_colours_have_a_half_each():
    encoder = video_encoder.VideoEncoder(SMALL)
    pictures = tf.random.stateless_normal([2, 1, 32, 32, 3], [0, 0])
    changed = pictures + tf.constant([0.0, 1.0, 0.0])
    before, after = encoder.embed_frames(pictures), encoder.embed_frames(changed)
    np.testing.assert_array_equal(before[..., :8], after[..., :8])
    assert np.abs(before[..., 8:] - after[..., 8:]).max() > 1e-3


def test_published_order_and_all_at_once_agree():
    """Frame by frame, in training, as published, against one call for all of them."""
    at_once, in_turn = (video_encoder.VideoEncoder(SMALL, seed=3) for _ in range(2))
    pictures = tf.random.stateless_normal([6, 4, 32, 32, 3], [1, 0])
    embeddings = at_once.embed_frames(pictures, training=True)
    decoded = at_once.decode(embeddings, training=True)
    one_by_one = [in_turn.embed_frames(frame[tf.newaxis], training=True) for frame in pictures]
    np.testing.assert_allclose(embeddings, tf.concat(one_by_one, 0), rtol=1e-4, atol=1e-5)
    shown = [in_turn.decode(e, training=True) for e in one_by_one]
    np.testing.assert_allclose(decoded, tf.concat(shown, 0), rtol=1e-4, atol=1e-5)
    for one, two in zip(at_once.variables, in_turn.variables, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-6, err_msg=one.name)


def test_statistics_over_all_frames_are_others():
    overall = dataclasses.replace(SMALL, batch_norm_per_frame=False)
    per_frame, of_all = (video_encoder.VideoEncoder(a, seed=3) for a in (SMALL, overall))
    pictures = tf.random.stateless_normal([6, 4, 32, 32, 3], [1, 0])
    pictures *= tf.reshape(tf.range(1.0, 7.0), [6, 1, 1, 1, 1])
    found = [encoder.embed_frames(pictures, training=True) for encoder in (per_frame, of_all)]
    assert np.abs(found[0] - found[1]).max() > 0.1


def test_first_prediction_is_the_predictors_and_the_second_has_seen_it():
    encoder = video_encoder.VideoEncoder(SMALL)
    embeddings = tf.random.stateless_normal([9, 2, 16], [0, 0])
    outputs, states = encoder.sequence(embeddings)
    first, second = encoder.predictions(outputs, states, 5)
    np.testing.assert_allclose(first, encoder.predictor(outputs[5]))
    prefix = tf.concat([embeddings[:6], first[tf.newaxis]], 0)
    longer, _ = encoder.sequence(prefix)
    np.testing.assert_allclose(second, encoder.predictor(longer[-1]), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"image_size": 48}, "im_w is 48, but there are networks for pictures of 32"),
        ({"hidden_dim": 7}, "hidden_dim is 7, but light and colours"),
        ({"widths": (8, 8)}, "pictures of 64 pixels take 4 convolutions to end as one"),
        ({"widths": (8, 8, 8, 0)}, "cmc_model.widths must be a whole number of at least 1"),
    ],
)
def test_unusable_architectures_are_said(options, said):
    with pytest.raises(ValueError, match=said):
        video_encoder.Architecture(**options)
