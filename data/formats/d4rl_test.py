"""Tests of returns of kitchen recordings: running counts, and rewards of single steps."""

import numpy as np
import pytest

from ibc.data.formats import convert, d4rl
from ibc.data.records import shard_reader
from ibc.environments.d4rl import task as d4rl_tasks

convert_testing = pytest.importorskip("tests.convert_testing")

_TWO_COMPLETED = [
    # Ranked by a sum of counts, the first one would win.
    [[0, 1, 1, 1, 1, 1], [0, 0, 0, 0, 1, 2]],
    # Ranked by its largest reward, neither would.
    [[0, 0, 1, 0, 0, 0], [0, 1, 0, 0, 0, 1]],
]


def _episodes(rewards):
    episodes = [
        convert_testing.episode(len(values), 60, 9, seed) for seed, values in enumerate(rewards)
    ]
    for episode, values in zip(episodes, rewards, strict=True):
        episode["rewards"] = np.array(values, np.float32)
    return episodes


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        ([[0, 0, 0]], [0]),
        ([[0, 0, 1]], [1]),
        ([[0], [1]], [0, 1]),
        ([[0, 0, 1, 0]], [1]),
        ([[0, 1, 1, 1]], [1]),
        # Two elements in successive steps, and a driver's last frame.
        ([[0, 1, 1, 0]], [2]),
        ([[0, 2, 0, 2, 0]], [4]),
        ([[0, 1, 2, 3, 4]], [4]),
        # A count that falls, as one of what is complete at present would.
        ([[0, 1, 2, 1, 2, 2]], [2]),
        # One episode tells how the others of the recording are to be read.
        ([[0, 1, 1], [0, 1, 0]], [2, 1]),
        ([[0, 1, 1], [0, 2, 2, 2]], [1, 2]),
    ],
)
def test_kitchen_returns(rewards, expected):
    found = d4rl.episode_returns(list(map(np.array, rewards)), d4rl_tasks.KITCHEN)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("family", [None, d4rl_tasks.DOOR])
def test_other_rewards_are_summed(family):
    found = d4rl.episode_returns([np.array([0, 1, 1]), np.array([3.5, 3.5])], family)
    np.testing.assert_array_equal(found, [2, 7])


def test_recorded_kitchen_rewards_are_counts_not_increments(tmp_path):
    episodes = _episodes([[0, 1, 2, 2], [0, 0, 3], [1] * 5])
    source = convert_testing.write_d4rl(tmp_path / "a.hdf5", episodes, (True, False, True))
    kitchen = convert.open_source(source, "kitchen-partial-v0")
    np.testing.assert_array_equal(kitchen.returns, [2, 3, 1])
    np.testing.assert_array_equal(convert.open_source(source).returns, [5, 3, 5])


@pytest.mark.parametrize("kind", ["d4rl", "minari", "shards"])
@pytest.mark.parametrize("rewards", _TWO_COMPLETED, ids=["counts", "increments"])
def test_the_better_kitchen_episode_is_kept_in_both_conventions(tmp_path, rewards, kind):
    episodes = _episodes(rewards)
    write = convert_testing.write_minari if kind == "minari" else convert_testing.write_d4rl
    path = write(tmp_path / "kitchen", episodes, (True, True))
    if kind == "shards":
        path = convert.convert(convert.open_source(path), tmp_path / "a.tfrecord").path
    source = convert.open_source(path, "kitchen-mixed-v0")
    np.testing.assert_array_equal(source.returns, [1, 2])
    done = convert.convert(source, tmp_path / "best.tfrecord", 0.5)
    found = shard_reader.read_shard(done.path).frames
    np.testing.assert_array_equal(found.reward, rewards[1])
    np.testing.assert_array_equal(found.action, episodes[1]["actions"])


def test_record_files_of_both_conventions_are_told_apart(tmp_path):
    for name, rewards in zip("ab", _TWO_COMPLETED, strict=True):
        path = tmp_path / f"{name}.hdf5"
        convert_testing.write_d4rl(path, _episodes(rewards), (True, True))
        convert.convert(convert.open_source(path), tmp_path / f"{name}.tfrecord")
    source = convert.open_source(str(tmp_path / "*.tfrecord"), "kitchen-complete-v0")
    np.testing.assert_array_equal(source.returns, [1, 2, 1, 2])
