import logging

import numpy as np
import pytest
import tensorflow as tf

from ibc.data import episodes
from ibc.data.records import shards as shards_lib
from ibc.data.windows import chunk_dataset, chunks
from ibc.train.build import fit_coding, sequence_options

RNG = np.random.default_rng(0)
SHAPE = chunks.ChunkShape(2, 3)


@pytest.fixture
def dataset(tmp_path) -> chunk_dataset.ChunkDataset:
    """Windows of random walks of a hand, and of points around it."""

    def episode(length: int) -> episodes.Episode:
        hand = np.cumsum(RNG.normal(size=[length, 2]), axis=0) + 50
        points = hand[:, [0, 1, 0, 1]] + RNG.normal(size=[length, 4]) * 3
        constant = np.full([length, 1], 7.0)
        observation = {"hand": hand, "points": points, "grip": constant}
        return episodes.Episode(observation, hand + RNG.normal(size=[length, 2]))

    path = episodes.write_episodes(tmp_path / "d.tfrecord", [episode(n) for n in (20, 30, 9)])
    return chunk_dataset.ChunkDataset(shards_lib.read_shards([path]), SHAPE)


def samples(dataset):
    observation, chunk = dataset.take(np.arange(dataset.num_windows))[0]
    return {key: values.astype(np.float64) for key, values in observation.items()}, chunk


def test_limits_map_the_data_to_one(dataset):
    fitted = fit_coding.fit(dataset, sequence_options.SequenceOptions())
    observation, chunk = samples(dataset)
    features = fitted.coding.features(tf.nest.map_structure(tf.constant, observation))
    for key in ("hand", "points"):
        np.testing.assert_allclose(features[key].numpy().max(axis=(0, 1)), 1, rtol=1e-4)
        np.testing.assert_allclose(features[key].numpy().min(axis=(0, 1)), -1, rtol=1e-4)
    np.testing.assert_array_equal(features["grip"], np.zeros_like(observation["grip"]))
    coded = fitted.coding.encode(observation, chunk).numpy()
    np.testing.assert_allclose(fitted.minimum, coded.min(axis=0))
    np.testing.assert_allclose(fitted.coding.decode({}, coded), chunk, rtol=1e-5)
    # One scale per dimension of the action, whichever step of the chunk it is.
    np.testing.assert_allclose([fitted.minimum.min(), fitted.maximum.max()], [-1, 1], rtol=1e-4)


def test_one_scale_is_common_to_all_keys(dataset):
    chosen = {"normalizer": "robomimic_lowdim", "normalizers": {"hand": "limits"}}
    fitted = fit_coding.fit(dataset, sequence_options.SequenceOptions(**chosen))
    observation, _ = samples(dataset)
    features = fitted.coding.features(tf.nest.map_structure(tf.constant, observation))
    largest = max(np.abs(observation[key]).max() for key in ("points", "grip"))
    for key in ("points", "grip"):
        np.testing.assert_allclose(features[key], observation[key] / largest, rtol=1e-5)
    np.testing.assert_allclose(features["hand"].numpy().max(axis=(0, 1)), 1, rtol=1e-4)


def test_relative_features_have_a_mean_square_of_one(dataset):
    fitted = fit_coding.fit(dataset, sequence_options.SequenceOptions(reference="hand"))
    observation, _ = samples(dataset)
    features = fitted.coding.features(tf.nest.map_structure(tf.constant, observation))
    assert set(features) == {
        *observation,
        "points_relative",
        "points_displacement",
        "hand_displacement",
    }
    relative = features["points_relative"].numpy()
    moved = features["hand_displacement"].numpy()[:, 1:]
    np.testing.assert_allclose([np.mean(relative**2), np.mean(moved**2)], 1, rtol=1e-3)


def test_components_are_the_principal_ones(dataset, caplog):
    options = sequence_options.SequenceOptions(reference="hand", components=3)
    with caplog.at_level(logging.INFO, logger="absl"):
        fitted = fit_coding.fit(dataset, options)
    observation, chunk = samples(dataset)
    flat = (chunk - observation["hand"][:, -1:]).reshape(len(chunk), -1)
    centred = flat - flat.mean(axis=0)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    expected = centred @ directions[:3].T / (singular[:3] / np.sqrt(len(flat) - 1))
    found = fitted.coding.encode(
        {"hand": tf.constant(observation["hand"], tf.float32)}, chunk
    ).numpy()
    # An axis has no sign.
    signs = np.sign(np.sum(found * expected, axis=0))
    np.testing.assert_allclose(found, expected * signs, rtol=1e-2, atol=1e-3)
    share = 100 * np.sum(singular[:3] ** 2) / np.sum(singular**2)
    residual = np.sqrt(np.sum(singular[3:] ** 2) / (len(flat) - 1) / flat.shape[1])
    assert f"keep {share:.2f} %" in caplog.text and f"leave out is {residual:.3g}" in caplog.text


def test_normal_counter_examples_reach_three_standard_deviations(dataset):
    options = sequence_options.SequenceOptions(
        reference="hand", components=2, counter_examples="normal", normal_std=1.5
    )
    fitted = fit_coding.fit(dataset, options)
    assert fitted.normal_std == 1.5
    np.testing.assert_array_equal(fitted.maximum, [4.5, 4.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reference": "gripper"}, "reference is 'gripper', but the observations .* grip, hand"),
        ({"reference": "points"}, r"reference is 'points', .*float32\[4\].* must be float32\[2\]"),
        ({"components": 7}, "components is 7, but a chunk has only 6 numbers"),
        ({"absolute": ["x"]}, "absolute names x, but the observations"),
        ({"normalizers": {"y": "limits"}}, "normalizers names y, but the observations"),
        (
            {"normalizers": {"hand": "limits"}, "absolute": ["grip"]},
            "normalizers names hand, which is left out by sequence_coding.absolute",
        ),
        ({"absolute": ()}, "leave nothing to see: name a key in one of them"),
        ({"keys": ["hand", "hand"]}, "expected different names of observations"),
        ({"keys": "hand"}, "keys is 'hand', expected different names"),
        ({"keys": []}, "keys is empty"),
        ({"positions": [3]}, r"positions is \[3\], expected different names"),
        ({"normalizers": "limits"}, "normalizers is 'limits', expected key → mode"),
    ],
)
def test_what_does_not_fit_the_data_is_refused(dataset, options, message):
    with pytest.raises(ValueError, match=message):
        fit_coding.fit(dataset, sequence_options.SequenceOptions(**options))
