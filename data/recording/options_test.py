import dataclasses
import os

import pytest

from ibc.data.recording import options as recording_options

_GOOD = recording_options.EvaluationOptions(task="PARTICLE", policy="oracle")


_COLLECTION = recording_options.CollectionOptions(
    task="PARTICLE", dataset_path="/tmp/none/a.tfrecord"
)


def _changed(**changes):
    return dataclasses.replace(_GOOD, **changes)


def _collection(**changes):
    return dataclasses.replace(_COLLECTION, **changes)


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
    _GOOD.check()
    _changed(policy="random", num_episodes=1, history_length=1).check()
    _changed(policy="particle_green_then_blue", dataset_path=dataset).check()
    _changed(replicas=1, dataset_path=dataset).check()
    _changed(policy=None, saved_model_path=policy, checkpoint_path=checkpoint).check()
    assert not os.path.exists(os.path.dirname(dataset))


def test_size_and_renderer_of_images_are_bindings_of_the_environment():
    pixels = _changed(task="PUSH", policy="oracle", image_size="90x120", renderer="auto")
    pixels.check()
    bound = ("BlockPush.image_size = (90, 120)", "BlockPush.renderer = 'auto'")
    assert pixels.bindings() == bound
    first = ("BlockPushMultimodal.image_size = (1, 1)",)
    two = dataclasses.replace(pixels, task="PUSH_MULTIMODAL", renderer=None, gin_bindings=first)
    assert two.bindings() == (*first, "BlockPushMultimodal.image_size = (90, 120)")
    assert _GOOD.bindings() == ()


# Of both programs: what is changed in good options → what is said.
_SENSELESS = [
    ({"num_episodes": 0}, "--num_episodes must be at least 1, got 0"),
    ({"num_episodes": 10**20}, "--num_episodes must be at most 2147483647, got 10000"),
    ({"history_length": 0}, "--history_length must be at least 1, got 0"),
    ({"history_length": 1_000_000_000}, "--history_length must be at most 10000, got 10000"),
    ({"seed": -1}, "--seed must be at least 0, got -1"),
    ({"task": None}, "--task is missing; set it to one of: REACH, PUSH"),
    ({"task": "PARTICEL"}, "did you mean PARTICLE"),
    ({"task": "PUHS", "policy": "oracle_push"}, "did you mean PUSH"),
    ({"use_image_obs": True}, "no image observations"),
    ({"image_size": "90x120"}, "task PARTICLE has one kind of pictures; leave out --image_size"),
    ({"renderer": "egl"}, "task PARTICLE has one kind of pictures; leave out --renderer"),
    *(
        ({"image_size": size}, f"--image_size must be HEIGHTxWIDTH, such as 90x120, got '{size}'")
        for size in ("90", "90,120", "0x120", "-1x5", "90x120x3", "")
    ),
    ({"renderer": "opengl"}, "--renderer must be one of tiny, egl, auto, got 'opengl'"),
    ({"shared_memory": True}, "no shared-memory variant"),
    ({"policy": "oracle_push"}, "policy 'oracle_push' belongs to task PUSH and INSERT"),
    ({"policy": "randon"}, "did you mean random"),
    ({"dataset_path": "/tmp"}, "--dataset_path=/tmp is a folder; add a file name"),
    ({"dataset_path": "/tmp/new/"}, "is a folder; add a file name"),
    ({"dataset_path": ""}, "--dataset_path='' is no file name"),
    ({"dataset_path": "a.tfrecord.spec"}, "--dataset_path=a.tfrecord.spec would never be"),
    ({"dataset_path": "a\0"}, "--dataset_path='a\\x00' holds a null byte"),
    ({"dataset_path": "/dev/null"}, "--dataset_path=/dev/null is a device"),
]
_SENSELESS_EVALUATIONS = [
    ({"replicas": 0, "dataset_path": "a"}, "--replicas must be at least 1, got 0"),
    ({"replicas": -2}, "--replicas must be at least 1, got -2"),
    ({"policy": None}, "no policy is given; set --policy to one of: random, oracle, particle"),
    ({"checkpoint_path": "/tmp"}, "--checkpoint_path needs --saved_model_path"),
    ({"saved_model_path": "/tmp"}, "--policy and --saved_model_path exclude each other"),
    ({"replicas": 2}, "--replicas needs --dataset_path"),
    (
        {"task": "PUSH", "shared_memory": True, "replicas": 2, "dataset_path": "a"},
        "--shared_memory shows one environment",
    ),
    ({"replicas": 10**9, "dataset_path": "a"}, "--replicas must be at most 10000, got 10000"),
]
_SENSELESS_COLLECTIONS = [
    ({"policy": "random"}, "--policy=random is no oracle"),
    ({"num_shards": 0}, "--num_shards must be at least 1, got 0"),
    ({"num_shards": 10**9}, "--num_shards must be at most 100000, got 1000000000"),
    ({"num_workers": 0}, "--num_workers must be at least 1, got 0"),
    ({"worker_id": 1}, "--worker_id must be from 0 to 0, since --num_workers is 1; got 1"),
    ({"worker_id": -1, "num_workers": 4}, "--worker_id must be from 0 to 3"),
    (
        {"task": "PUSH", "shared_memory": True, "num_shards": 2},
        "--shared_memory shows one environment",
    ),
]


@pytest.mark.parametrize(
    ("good", "changes", "message"),
    [(_GOOD, *case) for case in _SENSELESS + _SENSELESS_EVALUATIONS]
    + [(_COLLECTION, *case) for case in _SENSELESS + _SENSELESS_COLLECTIONS],
)
def test_senseless_options_are_explained(good, changes, message):
    with pytest.raises(ValueError) as error:
        dataclasses.replace(good, **changes).check()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_missing_exported_policy_is_named(exported, tmp_path):
    policy, _ = exported
    with pytest.raises(FileNotFoundError, match=r"--saved_model_path=\S+ holds no saved_model.pb"):
        _changed(policy=None, saved_model_path=str(tmp_path)).check()
    with pytest.raises(FileNotFoundError, match=r"holds no variables/variables\.index"):
        _changed(policy=None, saved_model_path=policy, checkpoint_path=str(tmp_path)).check()


@pytest.mark.parametrize("flag", ["dataset_path", "output_path"])
@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("file/a", "file is a regular file, not a folder"),
        ("/proc/a/b", "No such file or directory in /proc"),
        ("new/" * 1250, "File name too long"),
    ],
)
def test_a_place_where_nothing_can_be_written_is_named(tmp_path, monkeypatch, flag, place, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    options = _changed(video=True, **{flag: f"{place}/a.tfrecord"})
    with pytest.raises(OSError, match=f"--{flag}.*{reason}.*give another place") as error:
        options.check()
    assert "\n" not in str(error.value) and len(str(error.value)) < 400
    with pytest.raises(OSError if flag == "dataset_path" else TypeError, match=flag):
        _collection(**{flag: f"{place}/a.tfrecord"}).check()


def test_every_place_of_a_collection_is_looked_at(tmp_path):
    (tmp_path / "a.collection").touch()
    with pytest.raises(OSError, match=r"--dataset_path: .*/a.collection is a regular file, not"):
        _collection(dataset_path=str(tmp_path / "a.tfrecord")).check()
    os.symlink("/proc/none/b_1.tfrecord", tmp_path / "b_1.tfrecord")
    for options in (_collection(num_shards=2), _changed(replicas=2)):
        with pytest.raises(OSError, match=r"--dataset_path: .*b_1.tfrecord: no file can be made"):
            dataclasses.replace(options, dataset_path=str(tmp_path / "b.tfrecord")).check()


def test_output_folder_does_not_matter_without_output(tmp_path):
    (tmp_path / "file").touch()
    _changed(output_path=str(tmp_path / "file" / "out")).check()


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
    options.check()
    with pytest.raises(ValueError, match=r"--dataset_path: \S+/a_1.tfrecord is a folder"):
        dataclasses.replace(options, replicas=3).check()


def test_only_names_of_which_something_is_there_are_checked(tmp_path, monkeypatch):
    checked = []
    monkeypatch.setattr(
        "ibc.data.records.shard_files.check_name",
        lambda path, flag: checked.append(os.path.basename(path)),
    )
    for name in ("a_7.tfrecord", "a_8.tfrecord.spec", "b_9.tfrecord", "a_10.txt"):
        (tmp_path / name).touch()
    (tmp_path / "a_999999.tfrecord").touch()
    _changed(dataset_path=str(tmp_path / "a.tfrecord"), replicas=5000).check()
    assert checked == ["a.tfrecord", "a_7.tfrecord", "a_8.tfrecord", "a_4999.tfrecord"]


def test_the_longest_name_of_a_replica_has_to_fit(tmp_path):
    options = _changed(dataset_path=str(tmp_path / ("a" * 225)), replicas=100)
    options.check()
    with pytest.raises(ValueError, match="has a file name of 229 bytes"):
        dataclasses.replace(options, replicas=101).check()


def test_replicas_number_their_pictures():
    assert _changed(output_path="/o").output_file("video", 0, ".mp4") == "/o/video.mp4"
    assert _changed(output_path="/o", replicas=2).output_file("v", 1, ".mp4") == "/o/v_1.mp4"


def test_good_options_of_a_collection_pass_and_make_nothing(tmp_path):
    folder = tmp_path / "new"
    _collection(dataset_path=str(folder / "a.tfrecord")).check()
    _collection(num_shards=1, num_workers=3, worker_id=2).check()
    _collection(num_shards=100_000).check()
    _collection(task="PUSH", policy="oracle_push", use_image_obs=True).check()
    assert not folder.exists()


@pytest.mark.parametrize("num_workers", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("num_shards", [1, 6, 7])
def test_every_shard_is_made_by_one_worker(num_shards, num_workers):
    made = [
        shard
        for worker in range(num_workers)
        for shard in _collection(
            num_shards=num_shards, num_workers=num_workers, worker_id=worker
        ).shards()
    ]
    assert sorted(made) == list(range(num_shards))
    options = _collection(num_shards=7, num_workers=3, worker_id=1)
    assert list(options.shards()) == [1, 4]


def test_names_of_files_follow_from_the_dataset_path():
    options = _collection(dataset_path="/d.e/oracle.tfrecord", num_shards=12)
    assert options.shard_path(10) == "/d.e/oracle_10.tfrecord"
    assert options.shard_folder(10) == "/d.e/oracle.collection/shard_10"


def test_default_place_is_where_training_looks():
    options = _collection(task="PUSH", dataset_path=None)
    assert options.shard_path(0) == os.path.abspath("datasets/push/oracle_push_0.tfrecord")
