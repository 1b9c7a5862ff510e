"""Tests of telling data sets apart."""

import tensorflow as tf

from ibc.data.records import shard_reader
from ibc.data.windows import dataset, fingerprint
from tests import shard_testing


def _of(*paths, sequence_length=2):
    shards = [shard_reader.read_shard(path) for path in paths]
    return fingerprint.fingerprint(dataset.WindowDataset(shards, sequence_length))


def test_the_same_data_elsewhere_has_the_same(tmp_path):
    one, copy = (shard_testing.write(tmp_path / name) for name in ("a.tfrecord", "b.tfrecord"))
    assert _of(one) == _of(copy)
    assert _of(one).startswith("9 windows with checksum ")


def test_other_numbers_or_another_order_has_another(tmp_path):
    one = shard_testing.write(tmp_path / "a.tfrecord", seed=0)
    other = shard_testing.write(tmp_path / "b.tfrecord", seed=1)
    assert len({_of(one), _of(other), _of(one, other), _of(other, one)}) == 4


def test_other_images_have_another(tmp_path):
    spec = shard_testing.frame_spec({"rgb": tf.TensorSpec([16, 16, 3], tf.uint8)})
    paths = [
        shard_testing.write(tmp_path / f"{seed}.tfrecord", spec=spec, seed=seed) for seed in (0, 1)
    ]
    assert _of(paths[0]) != _of(paths[1])
