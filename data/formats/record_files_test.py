"""Tests of record files as sources of conversions."""

import weakref

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.formats import convert
from ibc.data.records import shard_reader
from tests import shard_testing


def test_one_record_file_at_a_time_is_in_memory(tmp_path, monkeypatch):
    for i in range(3):
        shard_testing.write(tmp_path / f"a_{i}.tfrecord", (4, 3), seed=i)
    alive, read_shard = [], shard_reader.read_shard

    def read(path):
        assert not any(reference() is not None for reference in alive)
        shard = read_shard(path)
        alive.append(weakref.ref(shard.frames.action))
        return shard

    monkeypatch.setattr(shard_reader, "read_shard", read)
    source = convert.open_source(str(tmp_path / "a_*.tfrecord"))
    done = convert.convert(source, tmp_path / "all.tfrecord")
    assert (done.episodes, len(alive)) == (6, 6)


def test_record_files_that_differ_are_refused(tmp_path):
    shard_testing.write(tmp_path / "a_0.tfrecord")
    spec = shard_testing.frame_spec(action_spec=tf.TensorSpec([3], tf.float32))
    shard_testing.write(tmp_path / "a_1.tfrecord", spec=spec)
    with pytest.raises(ValueError, match=r"a_1.tfrecord is unlike .*a_0.tfrecord: action"):
        convert.open_source(str(tmp_path / "a_*.tfrecord"))


def test_record_files_can_be_filtered(tmp_path):
    paths = [
        shard_testing.write(tmp_path / f"a_{i}.tfrecord", lengths, seed=i)
        for i, lengths in enumerate(((4, 3), (2,)))
    ]
    source = convert.open_source(str(tmp_path / "a_*.tfrecord"))
    np.testing.assert_array_equal(source.lengths, [5, 4, 3])
    shards = [shard_reader.read_shard(path).frames for path in paths]
    rewards = np.concatenate([frames.reward for frames in shards])
    returns = [rewards[:5].sum(), rewards[5:9].sum(), rewards[9:].sum()]
    done = convert.convert(source, tmp_path / "best.tfrecord", 0.3)
    best = slice(*[(0, 5), (5, 9), (9, 12)][int(np.argmax(returns))])
    found = shard_reader.read_shard(done.path).frames
    expected = tf.nest.map_structure(lambda *parts: np.concatenate(parts)[best], *shards)
    tf.nest.map_structure(np.testing.assert_array_equal, found, expected)
