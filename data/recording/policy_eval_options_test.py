"""Tests of the checks of flags."""

import dataclasses
import os

import pytest

from ibc.data.recording import policy_eval_options

_GOOD = policy_eval_options.Options(task="PARTICLE", policy="oracle")


def _changed(**changes):
    return dataclasses.replace(_GOOD, **changes)


@pytest.fixture
def exported(tmp_path):
    """A folder that looks like an exported policy, and one that looks like a checkpoint."""
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "saved_model.pb").touch()
    (tmp_path / "checkpoint" / "variables").mkdir(parents=True)
    (tmp_path / "checkpoint" / "variables" / "variables.index").touch()
    return str(tmp_path / "policy"), str(tmp_path / "checkpoint")


def test_good_options_pass(exported, tmp_path):
    policy, checkpoint = exported
    dataset = str(tmp_path / "new" / "folder" / "a.tfrecord")
    policy_eval_options.check(_GOOD)
    policy_eval_options.check(_changed(policy="random", num_episodes=1, history_length=1))
    policy_eval_options.check(_changed(policy="particle_green_then_blue", dataset_path=dataset))
    policy_eval_options.check(_changed(replicas=1, dataset_path=dataset))
    policy_eval_options.check(
        _changed(policy=None, saved_model_path=policy, checkpoint_path=checkpoint)
    )
    assert not os.path.exists(os.path.dirname(dataset))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_episodes": 0}, "--num_episodes must be at least 1, got 0"),
        ({"replicas": 0, "dataset_path": "a"}, "--replicas must be at least 1, got 0"),
        ({"replicas": -2}, "--replicas must be at least 1, got -2"),
        ({"history_length": 0}, "--history_length must be at least 1, got 0"),
        ({"seed": -1}, "--seed must be at least 0, got -1"),
        ({"task": None}, "--task is missing; set it to one of: REACH, PUSH"),
        ({"task": "PARTICEL"}, "did you mean PARTICLE"),
        ({"task": "PUHS", "policy": "oracle_push"}, "did you mean PUSH"),
        ({"use_image_obs": True}, "no image observations"),
        ({"shared_memory": True}, "no shared-memory variant"),
        ({"policy": None}, "no policy is given; set --policy to one of: random, oracle, particle"),
        ({"policy": "oracle_push"}, "policy 'oracle_push' belongs to task PUSH and INSERT"),
        ({"policy": "randon"}, "did you mean random"),
        ({"checkpoint_path": "/tmp"}, "--checkpoint_path needs --saved_model_path"),
        ({"saved_model_path": "/tmp"}, "--policy and --saved_model_path exclude each other"),
        ({"replicas": 2}, "--replicas needs --dataset_path"),
        (
            {"task": "PUSH", "policy": "oracle", "shared_memory": True}
            | {"replicas": 2, "dataset_path": "a"},
            "--shared_memory shows one environment",
        ),
        ({"dataset_path": "/tmp"}, "--dataset_path=/tmp is a folder; add a file name"),
        ({"dataset_path": "/tmp/new/"}, "is a folder; add a file name"),
        ({"dataset_path": ""}, "--dataset_path='' is no file name"),
        ({"dataset_path": "a.tfrecord.spec"}, "--dataset_path=a.tfrecord.spec would never be"),
        ({"dataset_path": "a\0"}, "--dataset_path='a\\x00' holds a null byte"),
        ({"replicas": 10**9, "dataset_path": "a"}, "--replicas must be at most 10000, got 10000"),
        ({"num_episodes": 10**20}, "--num_episodes must be at most 2147483647, got 10000"),
        ({"dataset_path": "/dev/null"}, "--dataset_path=/dev/null is a device"),
        ({"history_length": 1_000_000_000}, "--history_length must be at most 10000, got 10000"),
    ],
)
def test_senseless_options_are_explained(changes, message):
    with pytest.raises(ValueError) as error:
        policy_eval_options.check(_changed(**changes))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_exported_policy_is_named(exported, tmp_path):
    policy, _ = exported
    with pytest.raises(FileNotFoundError, match=r"--saved_model_path=\S+ holds no saved_model.pb"):
        policy_eval_options.check(_changed(policy=None, saved_model_path=str(tmp_path)))
    with pytest.raises(FileNotFoundError, match=r"holds no variables/variables\.index"):
        policy_eval_options.check(
            _changed(policy=None, saved_model_path=policy, checkpoint_path=str(tmp_path))
        )


@pytest.mark.parametrize("flag", ["dataset_path", "output_path"])
def test_folder_that_cannot_be_made_is_named(tmp_path, flag):
    (tmp_path / "file").touch()
    options = _changed(video=True, **{flag: str(tmp_path / "file" / "a.tfrecord")})
    with pytest.raises(NotADirectoryError, match=f"--{flag}: .*file is a file"):
        policy_eval_options.check(options)


def test_folder_without_permission_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match=f"--dataset_path: no permission .*{tmp_path}"):
        policy_eval_options.check(_changed(dataset_path=str(tmp_path / "a.tfrecord")))


def test_output_folder_does_not_matter_without_output(tmp_path):
    (tmp_path / "file").touch()
    policy_eval_options.check(_changed(output_path=str(tmp_path / "file" / "out")))


@pytest.mark.parametrize(
    ("dataset", "replicas", "expected"),
    [
        ("/d/2d_oracle.tfrecord", 3, "/d/2d_oracle_1.tfrecord"),
        ("/d/2d_oracle.tfrecord", None, "/d/2d_oracle.tfrecord"),
        ("/d.e/oracle", 3, "/d.e/oracle_1"),
        (None, None, None),
    ],
)
def test_replicas_number_their_shards(dataset, replicas, expected):
    assert _changed(dataset_path=dataset, replicas=replicas).shard_path(1) == expected


def test_each_replica_has_a_place_for_its_shard(tmp_path):
    (tmp_path / "a_1.tfrecord").mkdir()
    options = _changed(dataset_path=str(tmp_path / "a.tfrecord"), replicas=1)
    policy_eval_options.check(options)
    with pytest.raises(ValueError, match=r"--dataset_path: \S+/a_1.tfrecord is a folder"):
        policy_eval_options.check(dataclasses.replace(options, replicas=3))


def test_only_names_of_which_something_is_there_are_checked(tmp_path, monkeypatch):
    checked = []
    monkeypatch.setattr(
        "ibc.data.records.shard_files.check_name",
        lambda path, flag: checked.append(os.path.basename(path)),
    )
    for name in (
        "a_7.tfrecord",
        "a_8.tfrecord.spec",
        "b_9.tfrecord",
        "a_10.txt",
        "a_999999.tfrecord",
    ):
        (tmp_path / name).touch()
    policy_eval_options.check(_changed(dataset_path=str(tmp_path / "a.tfrecord"), replicas=5000))
    assert checked == ["a.tfrecord", "a_7.tfrecord", "a_8.tfrecord", "a_4999.tfrecord"]


def test_the_longest_name_of_a_replica_has_to_fit(tmp_path):
    options = _changed(dataset_path=str(tmp_path / ("a" * 225)), replicas=100)
    policy_eval_options.check(options)
    with pytest.raises(ValueError, match="has a file name of 229 bytes"):
        policy_eval_options.check(dataclasses.replace(options, replicas=101))


def test_replicas_number_their_pictures():
    assert _changed(output_path="/o").output_file("video", 0, ".mp4") == "/o/video.mp4"
    assert _changed(output_path="/o", replicas=2).output_file("v", 1, ".mp4") == "/o/v_1.mp4"
