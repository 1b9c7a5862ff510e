"""Pairs of states against the published ones, and recordings of known pairs."""

import dataclasses

import numpy as np
import pytest

from ibc.data import episodes, pairs
from ibc.data.formats import convert

_PUBLISHED = pairs.PairOptions(drop_repeated=False, published_pairing=True)


@pytest.fixture
def recording():
    """Three episodes of numbers that tell episode and frame; frames 2 and 3 of the first repeat."""
    states = [[(0, 0), (0, 1), (0, 2), (0, 2), (0, 4)], [(1, 0), (1, 1)], [(2, 0), (2, 1), (2, 2)]]
    joined = np.concatenate(states).astype(np.float32)
    return pairs.Recording(joined, np.array([5, 7, 10]))


def test_published_windows_are_repeated_with_their_defect(golden):
    with np.load(golden("near/pairs.npz")) as recorded:
        state, ends = recorded["state"], recorded["episode_ends"]
        found = pairs.published_windows(state, ends)
        np.testing.assert_array_equal(found, recorded["pairs"])
        triples = pairs.published_windows(state, ends, length=3)
        np.testing.assert_array_equal(triples, recorded["triples"])
        divided = pairs.published_episode_windows(found, ends)
        assert len(divided) == 3
        for number, rows in enumerate(divided):
            np.testing.assert_array_equal(rows, recorded[f"episode{number}"])
        cuts = pairs.auto_ends(recorded["auto_state"])
        np.testing.assert_array_equal(cuts, recorded["auto_ends"])


def test_of_the_recorded_maze_the_published_pairs_jump_and_ours_move(golden):
    path = golden("../data/maze_demos.npz")
    with np.load(golden("near/pairs.npz")) as recorded:
        count, jumps = int(recorded["maze_pairs_count"]), int(recorded["maze_jump_pairs"])
    published = pairs.load(path, _PUBLISHED)
    rows = np.concatenate([published.train, published.test])
    assert len(rows) == count and len(published.train) == round(0.8 * count)
    assert np.sum(np.linalg.norm(rows[:, 2:] - rows[:, :2], axis=1) > 100) == jumps
    ours = pairs.load(path)
    rows = np.concatenate([ours.train, ours.test])
    steps = np.linalg.norm(rows[:, 2:] - rows[:, :2], axis=1)
    assert len(rows) == 43_569 and 0 < steps.min() and steps.max() < 12.9
    assert np.median(steps) == pytest.approx(9.08, abs=5e-3)
    assert len(ours.test_episodes) == round(0.2 * 573)


def test_pairs_stay_inside_episodes_and_repeats_are_left_out(recording):
    made = pairs.make(recording, pairs.PairOptions(test_share=0.0))
    expected = [(0, 0, 0, 1), (0, 1, 0, 2), (0, 2, 0, 4), (1, 0, 1, 1), (2, 0, 2, 1), (2, 1, 2, 2)]
    np.testing.assert_array_equal(made.train, expected)
    assert made.train.dtype == np.float32 and made.state_size == 2 and not len(made.test)
    resting = pairs.make(recording, pairs.PairOptions(test_share=0.0, drop_repeated=False))
    assert len(resting.train) == 7


def test_strides_leave_out_short_episodes(recording):
    made = pairs.make(recording, pairs.PairOptions(test_share=0.0, pair_stride=2))
    np.testing.assert_array_equal(made.train, [(0, 0, 0, 2), (0, 1, 0, 4), (2, 0, 2, 2)])


def test_whole_episodes_are_kept_for_testing(recording):
    made = pairs.make(recording, pairs.PairOptions(test_share=0.34))
    trained, tested = (set(rows[:, 0].astype(int)) for rows in (made.train, made.test))
    assert trained | tested == {0, 1, 2} and not trained & tested and len(tested) == 1
    (episode,) = made.test_episodes
    np.testing.assert_array_equal(made.test, pairs.windows(episode))


def test_published_pairs_are_divided_by_rows(recording):
    options = dataclasses.replace(_PUBLISHED, test_share=0.25)
    made = pairs.make(recording, options)
    np.testing.assert_array_equal(
        np.concatenate([made.train, made.test]),
        pairs.published_windows(recording.states, recording.ends),
    )
    assert len(made.test) == 2


def test_record_files_and_npz_files_have_the_same_pairs(tmp_path, recording):
    np.savez(tmp_path / "states.npz", state=recording.states, episode_ends=recording.ends)
    written = [
        episodes.Episode({"b": each[:, :1], "a": each[:, 1:]}, np.zeros((len(each) - 1, 1)))
        for each in recording.episodes()
    ]
    records = episodes.write_episodes(tmp_path / "states.tfrecord", written)
    options = pairs.PairOptions(keys=("b", "a"), test_share=0.0)
    expected = pairs.make(recording, dataclasses.replace(options, keys=None))
    for path, wanted in ((records, options), (tmp_path / "states.npz", pairs.PairOptions())):
        found = pairs.load(path, dataclasses.replace(wanted, test_share=0.0))
        np.testing.assert_array_equal(found.train, expected.train)


def test_returns_that_nobody_recorded_are_unknown(tmp_path, recording):
    np.savez(tmp_path / "states.npz", state=recording.states, episode_ends=recording.ends)
    source = convert.open_source(str(tmp_path / "states.npz"))
    convert.convert(source, tmp_path / "states.tfrecord")
    rewarded = [
        episodes.Episode(each, np.zeros((len(each) - 1, 1)), np.arange(len(each) - 1))
        for each in recording.episodes()
    ]
    rewarded = episodes.write_episodes(tmp_path / "rewarded.tfrecord", rewarded)
    assert pairs.read(tmp_path / "states.npz").returns is None
    assert pairs.read(tmp_path / "states.tfrecord").returns is None
    np.testing.assert_array_equal(pairs.read(rewarded).returns, [6, 0, 1])


def test_episodes_are_cut_where_push_t_jumps():
    states = np.zeros((6, 5))
    states[3:, 0], states[5, 4] = 50, -np.pi
    made = pairs.make(
        pairs.Recording(states, np.array([6])),
        pairs.PairOptions(auto_ends=True, drop_repeated=False, test_share=0.0),
    )
    assert len(made.train) == 2 + 1


def test_masks_are_the_same_for_both_halves():
    assert pairs.pair_mask(3, [0, 2]) == (True, False, True, True, False, True)
    with pytest.raises(ValueError, match=r"numbers 0 to 2 of a state, got \[3\]"):
        pairs.pair_mask(3, [3])
    with pytest.raises(ValueError, match="got none"):
        pairs.pair_mask(3, [])


def test_what_has_no_pairs_is_refused(recording):
    still = pairs.Recording(np.ones((4, 2)), np.array([2, 4]))
    with pytest.raises(ValueError, match="the recording has no pairs to learn from"):
        pairs.make(still, pairs.PairOptions())
    with pytest.raises(ValueError, match=r"for Push-T's states \[N, 5\], got \[10, 2\]"):
        pairs.make(recording, pairs.PairOptions(auto_ends=True))
    with pytest.raises(ValueError, match="test_share must be from 0 to below 1"):
        pairs.PairOptions(test_share=1.0)
    with pytest.raises(ValueError, match="set drop_repeated = False"):
        pairs.PairOptions(published_pairing=True)


def test_images_are_no_states(tmp_path):
    seen = {"view": np.zeros((3, 8, 8, 3), np.uint8), "state": np.zeros((3, 2))}
    path = episodes.write_episodes(
        tmp_path / "seen.tfrecord", [episodes.Episode(seen, np.zeros((3, 1)))]
    )
    with pytest.raises(ValueError, match="is an image, but pairs are of numbers"):
        pairs.read(path)
