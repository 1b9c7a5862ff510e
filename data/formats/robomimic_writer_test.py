"""Tests of robomimic files that are written: what is in them, and that they come back equal."""

import json
import os
import resource

import numpy as np
import pytest
import tensorflow as tf

from ibc.data import episodes, ibc_data
from ibc.data.formats import convert, robomimic_writer
from ibc.data.records import shard_reader
from tests import shard_testing

h5py = pytest.importorskip("h5py")
convert_testing = pytest.importorskip("tests.convert_testing")


def _logs(image=False, action_size=2):
    random = np.random.RandomState(3)
    for length, terminated in ((4, True), (1, False), (3, False)):
        observation = {
            "joints": random.randn(length + 1, 3).astype(np.float32),
            "at": random.randn(length + 1, 2).astype(np.float32),
        }
        if image:
            ramp = np.linspace(0, 200, 16 * 24).reshape(16, 24, 1) + random.rand(3)
            observation["rgb"] = np.uint8(ramp + np.arange(length + 1)[:, None, None, None])
        actions = random.uniform(-1, 1, (length, action_size)).astype(np.float32)
        yield episodes.Episode(observation, actions, random.randn(length), terminated)


def _record_file(tmp_path, **options):
    return episodes.write_episodes(tmp_path / "a.tfrecord", _logs(**options))


def _written(source, path, **options):
    return robomimic_writer.write(convert.open_source(source), path, **options)


def test_record_files_come_back_equal(tmp_path, capsys):
    path = _record_file(tmp_path)
    ibc_data.main(["convert", path, str(tmp_path / "a.hdf5")])
    assert "Converted 3 of 3 episodes (11 frames, " in capsys.readouterr().out
    ibc_data.main(["convert", str(tmp_path / "a.hdf5"), str(tmp_path / "back.tfrecord")])
    written, back = (
        shard_reader.read_shard(str(tmp_path / n)) for n in ("a.tfrecord", "back.tfrecord")
    )
    tf.nest.map_structure(np.testing.assert_array_equal, back.frames, written.frames)
    assert back.spec == written.spec


def test_what_robomimic_reads_is_there(tmp_path):
    path = tmp_path / "a.hdf5"
    logs = list(_logs(image=True))
    _written(_record_file(tmp_path, image=True), path)
    with h5py.File(path) as file:
        data = file["data"]
        assert data.attrs["total"] == 8
        found = json.loads(data.attrs["env_args"])
        assert found == {"env_name": "a", "type": 2, "env_kwargs": {}}
        assert list(data) == ["demo_0", "demo_1", "demo_2"]
        for demo, log in zip(data.values(), logs, strict=True):
            length = len(log.action)
            assert demo.attrs["num_samples"] == length
            np.testing.assert_array_equal(demo["actions"], log.action)
            np.testing.assert_array_equal(demo["rewards"], np.float32(log.reward))
            assert np.flatnonzero(demo["dones"]).tolist() == [length - 1] * log.terminated
            assert sorted(demo["obs"]) == sorted(demo["next_obs"]) == ["at", "joints", "rgb"]
            for key in ("at", "joints"):
                np.testing.assert_array_equal(demo["obs"][key], log.observation[key][:-1])
                np.testing.assert_array_equal(demo["next_obs"][key], log.observation[key][1:])
            # Record files hold images as JPEG.
            image = np.int64(demo["obs/rgb"][:])
            assert image.shape == (length, 16, 24, 3) and demo["obs/rgb"].dtype == np.uint8
            assert np.abs(image - log.observation["rgb"][:-1]).max() <= 6


def test_images_come_back_nearly_equal(tmp_path):
    path = _record_file(tmp_path, image=True)
    _written(path, tmp_path / "a.hdf5")
    done = convert.convert(convert.open_source(tmp_path / "a.hdf5"), tmp_path / "b.tfrecord")
    images = [
        convert.open_source(p).frames(0).observation["rgb"].astype(int) for p in (path, done.path)
    ]
    difference = np.abs(images[0] - images[1])
    assert difference.max() <= 8 and difference.mean() <= 3
    with pytest.raises(ValueError, match="would lose quality when compressed again"):
        convert.convert(convert.open_source(path), tmp_path / "c.tfrecord")


@pytest.mark.parametrize("arms", [1, 2])
def test_absolute_actions_come_back(tmp_path, arms):
    logs = [convert_testing.episode(n, 3, 7 * arms, n) for n in (4, 3)]
    path = convert_testing.write_robomimic(tmp_path / "a.hdf5", logs, (True, False))
    shard, back = str(tmp_path / "a.tfrecord"), str(tmp_path / "b.hdf5")
    for source, target in ((path, shard), (shard, back)):
        ibc_data.main(["convert", source, target, "--absolute_actions"])
    assert shard_reader.load_spec(shard).action.shape == [10 * arms]
    with h5py.File(back) as file:
        for demo, log in zip(file["data"].values(), logs, strict=True):
            np.testing.assert_allclose(demo["actions"], log["actions"], atol=1e-5)


def test_the_environment_is_kept_or_given(tmp_path, capsys):
    logs = [convert_testing.episode(4, 3, 7, 0)]
    absolute = '{"env_name": "Can", "env_kwargs": {"control_delta": false}}'
    path = convert_testing.write_robomimic(tmp_path / "a.hdf5", logs, [True], env_args=absolute)
    ibc_data.main(["convert", path, str(tmp_path / "b.hdf5")])
    with h5py.File(tmp_path / "b.hdf5") as file:
        assert json.loads(file["data"].attrs["env_args"]) == json.loads(absolute)
        np.testing.assert_allclose(file["data/demo_0/actions"], logs[0]["actions"], atol=1e-6)
    (tmp_path / "env.json").write_text('{"env_name": "Square", "type": 1, "env_kwargs": {}}')
    given = f"--env_args={tmp_path}/env.json"
    ibc_data.main(["convert", path, str(tmp_path / "b.hdf5"), given])
    with h5py.File(tmp_path / "b.hdf5") as file:
        assert json.loads(file["data"].attrs["env_args"])["env_name"] == "Square"
    (tmp_path / "env.json").write_text("{")
    for target, message in (("c.hdf5", "is no JSON"), ("c.tfrecord", "kept in HDF5 files only")):
        with pytest.raises(SystemExit):
            ibc_data.main(["convert", path, str(tmp_path / target), given])
        assert message in capsys.readouterr().err
        assert not (tmp_path / target).exists()


def test_recordings_without_joining_frames_lose_no_action(tmp_path):
    logs = [convert_testing.episode(n, 3, 2, n) for n in (4, 3)]
    path = convert_testing.write_d4rl(tmp_path / "d4rl.hdf5", logs, (True, False))
    _written(path, tmp_path / "a.hdf5")
    with h5py.File(tmp_path / "a.hdf5") as file:
        for demo, log in zip(file["data"].values(), logs, strict=True):
            np.testing.assert_array_equal(demo["actions"], log["actions"])
            np.testing.assert_array_equal(demo["obs/flat"], log["observations"][:-1])
        assert [int(demo["dones"][-1]) for demo in file["data"].values()] == [1, 0]


def test_the_best_episodes_alone_are_written(tmp_path):
    path = _record_file(tmp_path)
    done = _written(path, tmp_path / "a.hdf5", top_fraction=0.3)
    best = max(_logs(), key=lambda log: log.reward.sum())
    assert (done.episodes, done.of_episodes) == (1, 3)
    assert done.mean_return == pytest.approx(best.reward.sum(), rel=1e-5)
    with h5py.File(tmp_path / "a.hdf5") as file:
        np.testing.assert_array_equal(file["data/demo_0/actions"], best.action)


class _Unfinished:
    """A source that fails in its second episode."""

    def __init__(self, source):
        self.path, self.lengths, self.returns = source.path, source.lengths, source.returns
        self.spec, self._frames = source.spec, source.frames

    def frames(self, number):
        if number:
            raise OSError("gone")
        return self._frames(number)


def test_half_a_file_never_shows(tmp_path):
    source = convert.open_source(_record_file(tmp_path))
    (tmp_path / "out").mkdir()
    with pytest.raises(OSError, match="gone"):
        robomimic_writer.write(_Unfinished(source), tmp_path / "out" / "a.hdf5")
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize("room", [1000, 9000])
def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, capsys, room):
    path = _record_file(tmp_path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(SystemExit):
            ibc_data.main(["convert", path, str(tmp_path / "out" / "a.hdf5")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "File too large" in capsys.readouterr().err
    assert os.listdir(tmp_path / "out") == []


@pytest.mark.parametrize(
    ("observation", "action_size", "absolute", "message"),
    [
        ({"arm": {"pose": tf.TensorSpec([2], tf.float32)}}, 2, False, "arm/pose is a part of a "),
        ({"arm": tf.TensorSpec([2], tf.float32)}, 7, True, "actions of 7 numbers, expected 10 or"),
    ],
)
def test_what_cannot_be_kept_is_refused(tmp_path, observation, action_size, absolute, message):
    spec = shard_testing.frame_spec(observation, tf.TensorSpec([action_size], tf.float32))
    path = shard_testing.write(tmp_path / "a.tfrecord", spec=spec)
    with pytest.raises(ValueError, match=message):
        _written(path, tmp_path / "a.hdf5", absolute_actions=absolute)
    assert not (tmp_path / "a.hdf5").exists()
