"""Data on disk give the samples that they give in memory, bit for bit."""

import dataclasses
import itertools
import os

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import shards
from ibc.data.windows import batches, columns, dataset, streamed, window_statistics
from ibc.utils import program
from tests import shard_testing

_IMAGES = {
    "rgb": tf.TensorSpec([16, 24, 3], tf.uint8),
    "front": tf.TensorSpec([8, 8, 3], tf.uint8),
    "count": tf.TensorSpec([1], tf.int64),
}
_SPECS = {
    "states": shard_testing.frame_spec(),
    "one tensor": shard_testing.frame_spec(tf.TensorSpec([3], tf.float32)),
    "images": shard_testing.frame_spec(_IMAGES),
    "nested actions": shard_testing.frame_spec(
        action_spec={"b": tf.TensorSpec([2, 2], tf.float64), "a": tf.TensorSpec([], tf.float32)}
    ),
}


@pytest.fixture
def small_parts(monkeypatch):
    """Lets a few frames be several parts, of reading and of statistics."""
    monkeypatch.setattr("ibc.data.windows.streamed._PART_BYTES", 3000)
    monkeypatch.setattr("ibc.data.windows.columns._PART_NUMBERS", 16)
    monkeypatch.setattr("ibc.data.windows.columns._BLOCK_BYTES", 64)


def _paths(folder, spec):
    """37 frames in three record files."""
    return shard_testing.write_several(folder, [(5, 6), (3, 4), (7, 6)], spec)


def _both(folder, kind, sequence_length=2, **kwargs):
    paths = _paths(folder, _SPECS[kind])
    return [
        dataset.WindowDataset(source, sequence_length, **kwargs)
        for source in (shards.read_shards(paths), streamed.stream_shards(paths, folder))
    ]


def _batches(windows, count, *args, **kwargs):
    return list(itertools.islice(windows.as_tf_dataset(*args, **kwargs).as_numpy_iterator(), count))


def _normalized(windows):
    def layer(nest):
        return tf.nest.map_structure(lambda x: (tf.cast(x, tf.float32) - 0.3) / 0.7, nest)

    return windows.normalized(layer, layer)


@pytest.mark.parametrize("kind", _SPECS)
@pytest.mark.parametrize("sequence_length", [1, 2, 4])
def test_every_window_is_the_same(tmp_path, small_parts, kind, sequence_length):
    held, on_disk = _both(tmp_path, kind, sequence_length)
    assert on_disk.is_streamed and not held.is_streamed
    np.testing.assert_array_equal(on_disk.window_frames, held.window_frames)
    everything = np.arange(held.num_windows)
    shard_testing.assert_equal(on_disk.take(everything), held.take(everything))
    assert on_disk.held_bytes < held.held_bytes


@pytest.mark.parametrize("kind", ["states", "images"])
@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_and_those_of_a_resumed_run_are_the_same(tmp_path, small_parts, kind, shuffle):
    held, on_disk = map(_normalized, _both(tmp_path, kind))
    # 12 batches are four epochs.
    expected = _batches(held, 12, 10, seed=3, shuffle=shuffle)
    shard_testing.assert_equal(_batches(on_disk, 12, 10, seed=3, shuffle=shuffle), expected)
    assert any((action != expected[0][0][1]).any() for (_, action), _ in expected[1:])
    for windows in (held, on_disk):
        resumed = _batches(windows, 5, 10, seed=3, start_step=7, shuffle=shuffle)
        shard_testing.assert_equal(resumed, expected[7:])
        windows.memory_limit_mb = 1
        shard_testing.assert_equal(_batches(windows, 12, 10, seed=3, shuffle=shuffle), expected)


def test_shares_are_the_same(tmp_path):
    held, on_disk = map(_normalized, _both(tmp_path, "states"))
    shares = {"shares": range(1, 3), "num_shares": 4}
    shard_testing.assert_equal(
        _batches(on_disk, 6, 8, seed=1, **shares), _batches(held, 6, 8, seed=1, **shares)
    )


@pytest.mark.parametrize(
    ("kind", "options"),
    [("states", {"for_rnn": True}), ("nested actions", {"flatten_action": False})],
)
def test_recurrent_samples_and_nested_actions_are_the_same(tmp_path, kind, options):
    held, on_disk = _both(tmp_path, kind, 4, **options)
    everything = np.arange(held.num_windows)
    shard_testing.assert_equal(on_disk.take(everything), held.take(everything))


@pytest.mark.parametrize("kind", _SPECS)
def test_statistics_and_fingerprint_are_the_same(tmp_path, small_parts, kind):
    held, on_disk = _both(tmp_path, kind)
    assert on_disk.fingerprint() == held.fingerprint()
    for moments in (window_statistics.observation_moments, window_statistics.action_moments):
        pairs = zip(tf.nest.flatten(moments(on_disk)), tf.nest.flatten(moments(held)), strict=True)
        for found, expected in pairs:
            shard_testing.assert_equal(dataclasses.astuple(found), dataclasses.astuple(expected))


def test_damage_and_unlike_files_are_found_while_streaming(tmp_path, small_parts):
    paths = _paths(tmp_path, _SPECS["states"])
    odd = shard_testing.write(tmp_path / "odd", spec=_SPECS["images"])
    with pytest.raises(ValueError, match="is unlike"):
        streamed.stream_shards([*paths, odd], tmp_path)
    os.truncate(paths[1], os.path.getsize(paths[1]) - 1)
    with pytest.raises(ValueError, match=f"{paths[1]} does not match its manifest"):
        streamed.stream_shards(paths, tmp_path)


def test_images_of_a_file_that_changes_are_an_error_in_one_line(tmp_path):
    paths = _paths(tmp_path, _SPECS["images"])
    windows = dataset.WindowDataset(streamed.stream_shards(paths, tmp_path), 1)
    os.utime(paths[1], (1, 1))
    windows.take([0])
    with pytest.raises(OSError, match=f"{paths[1]} has changed"):
        windows.take([13])
    with pytest.raises(tf.errors.UnknownError) as caught:
        _batches(windows, 1, 37)
    message = program.described_file_error(caught.value)
    assert f"{paths[1]} has changed during training" in message and "\n" not in message


def test_no_file_is_left_even_by_a_process_that_is_killed(tmp_path):
    """For files without a name there is nothing to leave."""
    file = columns.RowFile(tmp_path / "no" / "such", 2)
    file.append(np.ones((3, 2), np.float32))
    assert len(file) == 3 and os.listdir(tmp_path) == []


def test_a_full_disk_is_named(tmp_path):
    file = columns.RowFile(tmp_path, 2)
    file._file = open("/dev/full", "wb")
    with pytest.raises(OSError, match=f"No space left on device in {tmp_path}, where numbers"):
        file.append(np.ones((3, 2), np.float32))


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_those_of_an_array(tmp_path, small_parts, seed):
    random = np.random.RandomState(seed)
    values = random.normal(size=(50, 7)).astype(np.float32)
    file = columns.RowFile(tmp_path, 7)
    for part in np.split(values, [20, 21]):
        file.append(part)
    numbers = random.randint(0, 50, size=(8, 3))
    np.testing.assert_array_equal(file.read(numbers), values[numbers])
    np.testing.assert_array_equal(file.read_columns(4, 45, slice(2, 5)), values[4:45, 2:5])


@pytest.mark.parametrize("kind", ["states", "images"])
def test_a_limit_that_two_batches_exceed_is_an_error(tmp_path, kind):
    held, on_disk = _both(tmp_path, kind, memory_limit_mb=0.003)
    for windows in (held, on_disk):
        with pytest.raises(ValueError, match=r"memory_limit_mb is 0.003, but .* needs \d+"):
            windows.as_tf_dataset(37)


def test_the_limit_decides_how_many_batches_are_on_their_way():
    held, batch = 1_500_000, 1_000_000
    ahead = {
        count: batches.ahead_within(count + 1.5, held, batch, 1, True, "data")
        for count in (2, 3, 4, 9)
    }
    assert ahead == {2: (1, 0), 3: (1, 1), 4: (1, 1), 9: (2, 1)}
    assert batches.ahead_within(100, held, batch, 1, False, "data") == (2, 8)
    with pytest.raises(ValueError, match=r"is 3.4, but data needs 4: 1.5 to know .* 1 for the b"):
        batches.ahead_within(3.4, held, batch, 1, True, "data")
