"""Tests of the checks of flags."""

import dataclasses
import os

import pytest

from ibc.data.recording import collect_options

_GOOD = collect_options.Options(task="PARTICLE", dataset_path="/tmp/none/a.tfrecord")


def _changed(**changes):
    return dataclasses.replace(_GOOD, **changes)


def test_good_options_pass_and_make_nothing(tmp_path):
    folder = tmp_path / "new"
    collect_options.check(_changed(dataset_path=str(folder / "a.tfrecord")))
    collect_options.check(_changed(num_shards=1, num_workers=3, worker_id=2))
    collect_options.check(_changed(num_shards=100_000))
    collect_options.check(_changed(task="PUSH", policy="oracle_push", use_image_obs=True))
    assert not folder.exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": None}, "--task is missing"),
        ({"task": "PSUH"}, "did you mean PUSH"),
        ({"policy": "random"}, "--policy=random is no oracle"),
        ({"policy": "oracle_push"}, "belongs to task"),
        ({"num_shards": 0}, "--num_shards must be at least 1, got 0"),
        ({"num_shards": 10**9}, "--num_shards must be at most 100000, got 1000000000"),
        ({"num_episodes": 10**20}, "--num_episodes must be at most 2147483647, got 1000000"),
        ({"dataset_path": "/dev/null"}, "--dataset_path=/dev/null is a device"),
        ({"num_workers": 0}, "--num_workers must be at least 1, got 0"),
        ({"num_episodes": 0}, "--num_episodes must be at least 1, got 0"),
        ({"seed": -1}, "--seed must be at least 0, got -1"),
        ({"worker_id": 1}, "--worker_id must be from 0 to 0, since --num_workers is 1; got 1"),
        ({"worker_id": -1, "num_workers": 4}, "--worker_id must be from 0 to 3"),
        ({"dataset_path": "/tmp"}, "--dataset_path=/tmp is a folder"),
        ({"use_image_obs": True}, "no image observations"),
    ],
)
def test_senseless_options_are_explained(changes, message):
    with pytest.raises(ValueError) as error:
        collect_options.check(_changed(**changes))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("num_workers", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("num_shards", [1, 6, 7])
def test_every_shard_is_made_by_one_worker(num_shards, num_workers):
    made = [
        shard
        for worker in range(num_workers)
        for shard in _changed(
            num_shards=num_shards, num_workers=num_workers, worker_id=worker
        ).shards()
    ]
    assert sorted(made) == list(range(num_shards))
    options = _changed(num_shards=7, num_workers=3, worker_id=1)
    assert list(options.shards()) == [1, 4]


def test_names_of_files_follow_from_the_dataset_path():
    options = _changed(dataset_path="/d.e/oracle.tfrecord", num_shards=12)
    assert options.shard_path(10) == "/d.e/oracle_10.tfrecord"
    assert options.shard_folder(10) == "/d.e/oracle.collection/shard_10"


def test_default_place_is_where_training_looks():
    options = _changed(task="PUSH", dataset_path=None)
    assert options.shard_path(0) == os.path.abspath("datasets/push/oracle_push_0.tfrecord")
