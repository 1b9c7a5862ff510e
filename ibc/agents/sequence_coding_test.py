import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import sequence_coding

RNG = np.random.default_rng(0)
OBSERVATION = {
    "points": RNG.normal(size=[5, 3, 4]).astype(np.float32),
    "hand": RNG.normal(size=[5, 3, 2]).astype(np.float32),
    "grip": RNG.normal(size=[5, 3, 1]).astype(np.float32),
}
CHUNK = RNG.normal(size=[5, 4, 2]).astype(np.float32)


def tensors() -> dict[str, tf.Tensor]:
    return {key: tf.constant(values) for key, values in OBSERVATION.items()}


def coding(size: int = 8, **options) -> sequence_coding.SequenceCoding:
    basis, _ = np.linalg.qr(RNG.normal(size=[8, 8]))
    scales = {key: (2.0, 1.0) for key in ("hand", "points_relative", "hand_displacement")}
    return sequence_coding.SequenceCoding(
        scales, np.arange(8), basis[:, :size], 1 + np.arange(size), 2, **options
    )


def test_features_are_relative_to_the_last_frame():
    features = coding(reference="hand").features(tensors())
    assert list(features) == ["hand", "points_relative", "hand_displacement"]
    hand, points = OBSERVATION["hand"], OBSERVATION["points"]
    np.testing.assert_allclose(features["hand"], 2 * hand + 1, rtol=1e-6)
    relative = points - np.tile(hand[:, -1:], [1, 1, 2])
    np.testing.assert_allclose(features["points_relative"], 2 * relative + 1, rtol=1e-5, atol=1e-6)
    moved = np.diff(hand, axis=1, prepend=hand[:, :1])
    np.testing.assert_allclose(features["hand_displacement"], 2 * moved + 1, rtol=1e-5, atol=1e-6)


def test_checkpoints_find_each_keys_scale_in_any_order(tmp_path):
    def coding_of(scales):
        return sequence_coding.SequenceCoding(
            scales, np.zeros(8), np.eye(8), np.ones(8), 2, reference="hand"
        )

    scales = {"points_relative": (2.0, 0.0), "hand": (3.0, 1.0), "hand_displacement": (5.0, 0.0)}
    saved = coding_of(scales)
    path = tf.train.Checkpoint(coding=saved).save(str(tmp_path / "checkpoint"))
    other = coding_of({key: (1.0, 0.0) for key in reversed(scales)})
    tf.train.Checkpoint(coding=other).restore(path).assert_consumed()
    expected, found = saved.features(tensors()), other.features(tensors())
    for key in scales:
        np.testing.assert_array_equal(expected[key], found[key])


def test_a_single_observation_has_a_scale(tmp_path):
    single = sequence_coding.SequenceCoding({"": (2.0, 1.0)}, [0.0], [[1.0]], [1.0], 1)
    path = tf.train.Checkpoint(coding=single).save(str(tmp_path / "checkpoint"))
    other = sequence_coding.SequenceCoding({"": (1.0, 0.0)}, [0.0], [[1.0]], [1.0], 1)
    tf.train.Checkpoint(coding=other).restore(path).assert_consumed()
    np.testing.assert_array_equal(other.features(tf.constant([[[3.0]]])), [[[7.0]]])


def test_what_is_no_place_has_no_relative_form():
    raw = sequence_coding.raw_features(tensors(), "hand")
    derived = set(raw) - set(OBSERVATION)
    assert derived == {"points_relative", "points_displacement", "hand_displacement"}


def test_moving_everything_changes_no_relative_number():
    there = {key: values + 7 if key != "grip" else values for key, values in tensors().items()}
    here, moved = (coding(reference="hand", relative_actions=True) for _ in range(2))
    moved = here
    features, others = here.features(tensors()), moved.features(there)
    for key in ("points_relative", "hand_displacement"):
        np.testing.assert_allclose(features[key], others[key], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(
        here.encode(tensors(), CHUNK), moved.encode(there, CHUNK + 7), rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize("relative", [False, True])
def test_decoding_undoes_encoding(relative):
    whole = coding(reference="hand", relative_actions=relative)
    found = whole.decode(tensors(), whole.encode(tensors(), CHUNK))
    np.testing.assert_allclose(found, CHUNK, rtol=1e-4, atol=1e-5)


def test_fewer_components_give_the_nearest_chunk():
    """What is lost is orthogonal to the components: least squares in float64."""
    few = coding(3)
    found = few.decode({}, few.encode({}, CHUNK)).numpy()
    axes = few._components.numpy().astype(np.float64)
    centred = CHUNK.reshape(5, 8) - np.arange(8)
    best = np.linalg.lstsq(axes, centred.T, rcond=None)[0]
    expected = (axes @ best).T + np.arange(8)
    np.testing.assert_allclose(found.reshape(5, 8), expected, rtol=1e-4, atol=1e-5)


def test_statistics_are_kept_in_checkpoints(tmp_path):
    saved, other = coding(reference="hand"), coding(3, reference="hand")
    assert saved.size == 8 and other.size == 3
    path = tf.train.Checkpoint(coding=saved).save(str(tmp_path / "c"))
    fresh = sequence_coding.SequenceCoding(
        {key: (0.0, 0.0) for key in ("hand", "points_relative", "hand_displacement")},
        np.zeros(8),
        np.zeros([8, 8]),
        np.ones(8),
        2,
        reference="hand",
    )
    tf.train.Checkpoint(coding=fresh).restore(path).assert_consumed()
    np.testing.assert_array_equal(fresh.encode({}, CHUNK), saved.encode({}, CHUNK))
