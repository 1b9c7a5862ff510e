"""Tests of Push-T demonstrations as sources of record files."""

import pathlib
import sys

import numpy as np
import pytest
import tensorflow as tf

from ibc.data import ibc_data
from ibc.data.formats import convert
from ibc.data.records import shard_reader

_ENDS = np.array([4, 9])
_KEYS = ["agent_pos", "block_pose", "keypoints"]


def _arrays(**changed):
    random = np.random.RandomState(0)
    arrays = {
        "state": random.uniform(1, 6, (9, 5)).astype(np.float32),
        "action": random.uniform(0, 512, (9, 2)).astype(np.float32),
        "episode_ends": _ENDS,
        **changed,
    }
    return {name: values for name, values in arrays.items() if values is not None}


def _npz(tmp_path, **changed):
    np.savez(tmp_path / "a.npz", **_arrays(**changed))
    return str(tmp_path / "a.npz")


def _zarr(tmp_path, **changed):
    zarr = pytest.importorskip("zarr", reason="Push-T's zarr needs the package zarr")
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    for name, values in _arrays(**changed).items():
        root[f"meta/{name}" if name == "episode_ends" else f"data/{name}"] = values
    return str(tmp_path / "a.zarr")


def _points(state):
    """Returns the key-points [n, 9, 2] of states [n, 5], each turned by complex numbers."""
    from ibc.environments.pusht import keypoints

    local = keypoints.LOCAL_KEYPOINTS @ [1, 1j]
    points = state[:, 2:3] + 1j * state[:, 3:4] + np.exp(1j * state[:, 4:5]) * local
    return np.stack([points.real, points.imag], axis=-1)


def _read(source, tmp_path):
    return shard_reader.read_shard(convert.convert(source, tmp_path / "a.tfrecord").path)


@pytest.mark.parametrize("write", [_npz, _zarr])
def test_frames_are_the_steps_and_a_joining_one(tmp_path, write):
    arrays = _arrays()
    shard = _read(convert.open_source(write(tmp_path)), tmp_path)
    frames, state = shard.frames, arrays["state"]
    rows = [0, 1, 2, 3, 3, 4, 5, 6, 7, 8, 8]
    assert sorted(frames.observation) == _KEYS
    np.testing.assert_array_equal(frames.observation["agent_pos"], state[rows, :2])
    np.testing.assert_array_equal(frames.observation["block_pose"], state[rows, 2:])
    expected = _points(np.float64(state))[rows].reshape(-1, 18)
    np.testing.assert_allclose(frames.observation["keypoints"], expected, atol=1e-4)
    np.testing.assert_array_equal(frames.action, arrays["action"][rows])
    np.testing.assert_array_equal(frames.step_type, [0, 1, 1, 1, 2, 0, 1, 1, 1, 1, 2])
    assert frames.discount.all() and not frames.reward.any()


def test_a_robot_with_arrays_of_the_same_sizes_is_not_push_t(tmp_path):
    state = np.random.RandomState(0).uniform(-1, 1, (9, 5)).astype(np.float32)
    source = convert.open_source(_npz(tmp_path, state=state, action=state[:, :2]))
    np.testing.assert_array_equal(source.frames(1).observation["state"][:-1], state[4:])


def test_key_points_are_the_environments(tmp_path, golden):
    recorded = np.load(golden("sequences/pusht.npz"))
    states = recorded["reset_state"]
    source = convert.open_source(
        _npz(
            tmp_path,
            state=states,
            action=states[:, :2],
            episode_ends=np.array([len(states)]),
        )
    )
    observation = source.frames(0).observation
    found = np.concatenate([observation["keypoints"], observation["agent_pos"]], axis=1)[:-1]
    np.testing.assert_allclose(found, recorded["reset_observation"], rtol=1e-6, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
def test_pictures_and_recorded_points_are_taken(tmp_path, dtype):
    images = np.random.RandomState(1).randint(0, 256, (9, 16, 24, 3)).astype(dtype)
    points = _points(_arrays()["state"]) + 0.25
    path = _npz(tmp_path, img=images, keypoint=np.float32(points))
    shard = _read(convert.open_source(path), tmp_path)
    assert shard.spec.observation["image"].dtype == np.uint8
    np.testing.assert_allclose(
        shard.frames.observation["keypoints"][:4], points[:4].reshape(4, 18), rtol=1e-6
    )
    frames = convert.open_source(path).frames(1)
    np.testing.assert_array_equal(frames.observation["image"], images[[4, 5, 6, 7, 8, 8]])


def test_keys_and_task_are_chosen(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    ibc_data.main(["convert", _npz(tmp_path), "a.tfrecord", "--keys=keypoints,agent_pos"])
    assert sorted(shard_reader.load_spec("a.tfrecord").observation) == ["agent_pos", "keypoints"]
    assert "Converted 2 of 2 episodes (11 frames, " in capsys.readouterr().out
    with pytest.raises(ValueError, match="no observation 'rgb'; it has: keypoints, agent_pos, b"):
        convert.open_source(_npz(tmp_path), keys=["rgb"])
    assert len(convert.open_source(_npz(tmp_path), "PUSHT").lengths) == 2
    with pytest.raises(ValueError, match="Push-T demonstrations, whose task is not door-human-v0"):
        convert.open_source(_npz(tmp_path), "door-human-v0")


def test_the_published_demonstrations_are_read(golden):
    demonstrations = golden("../data/pusht_demos.npz")
    source, arrays = convert.open_source(demonstrations), np.load(demonstrations)
    assert len(source.lengths) == 206
    np.testing.assert_array_equal(np.cumsum(source.lengths - 1), arrays["episode_ends"])
    found = [source.frames(number) for number in range(206)]
    np.testing.assert_array_equal([len(frames.step_type) for frames in found], source.lengths)
    steps = tf.nest.map_structure(lambda *parts: np.concatenate([p[:-1] for p in parts]), *found)
    seen = [steps.observation[key] for key in ("agent_pos", "block_pose")]
    np.testing.assert_array_equal(np.concatenate(seen, axis=1), arrays["state"])
    np.testing.assert_array_equal(steps.action, arrays["action"])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"action": None, "acts": np.zeros((9, 2))},
            "has no action or actions; it holds .*--rename",
        ),
        ({"state": None}, "has no observations; it holds action"),
        (
            {"state": np.zeros((8, 5))},
            r"state is float64 \[8, 5\], expected numbers of shape \[9, 5",
        ),
        ({"action": np.full((9, 2), "a")}, r"action is <U1\[2\], expected numbers"),
        ({"keypoint": np.zeros((9, 8, 2))}, r"expected numbers of shape \[9, 18\] or \[9, 9, 2\]"),
        ({"keypoint": np.zeros((9, 9, 2))}, "keypoint of step . is .* pixels from where the block"),
        ({"img": np.zeros((9, 16, 24))}, r"img is float64 \[9, 16, 24\], expected levels of shape"),
        ({"img": np.full((9, 4, 4, 3), 0.5)}, "img holds values from 0.5 to 0.5, expected levels"),
        ({"episode_ends": np.array([4, 8])}, "must rise from above 0 to 9, the number of actions"),
        ({"episode_ends": np.array([4, 4, 9])}, "or falls in between"),
        ({"episode_ends": np.array([4.0, 9.0])}, r"episode_ends is float64 \[2\], expected whole"),
        ({"action": np.full((9, 2), np.nan)}, "action is not finite in episode 0"),
    ],
)
@pytest.mark.parametrize("write", [_npz, _zarr])
def test_what_is_wrong_is_told_in_one_line(tmp_path, write, changed, message):
    path = write(tmp_path, **changed)
    with pytest.raises(ValueError, match=message) as error:
        _read(convert.open_source(path), tmp_path)
    assert path in str(error.value) and "\n" not in str(error.value)
    assert not (tmp_path / "a.tfrecord").exists()


def test_damaged_files_are_told_in_one_line(tmp_path):
    path = pathlib.Path(_npz(tmp_path))
    contents = path.read_bytes()
    for damaged in (
        contents[: len(contents) // 2],
        b"text",
        contents.replace(b"\x93NUMPY", b"?" * 6),
    ):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match="is no npz file of numbers, or a damaged one"):
            convert.open_source(path)
    np.savez(path, **_arrays(state=np.array([None] * 9)))
    with pytest.raises(ValueError, match="is no npz file of numbers"):
        convert.open_source(path)
    np.savez(path, something=np.zeros(3))
    with pytest.raises(ValueError, match="has no action or actions; it holds something"):
        convert.open_source(path)


def test_damaged_zarrs_are_told_in_one_line(tmp_path):
    path = pathlib.Path(_zarr(tmp_path))
    chunk = path / "data" / "action" / "0.0"
    contents = chunk.read_bytes()
    for damaged in (contents[:-5], contents[:9], b""):
        chunk.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"data/action/0.0 is damaged \(\d+ bytes, expected"):
            convert.open_source(path)
    chunk.unlink()
    with pytest.raises(ValueError, match="data/action has 0 of 1 chunks: copy it again"):
        convert.open_source(path)
    for name in ("data/action/.zarray", "data/.zgroup"):
        (path / name).write_text("{}")
        with pytest.raises(ValueError, match=f"{path} .*damaged"):
            convert.open_source(path)


def test_other_zarrs_and_a_missing_package_are_told(tmp_path, monkeypatch):
    (tmp_path / "zarr.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "zarr", None)
    with pytest.raises(ImportError, match=r"needs the package zarr.*pip install 'ibc-tf\[zarr\]'"):
        convert.open_source(tmp_path)
    monkeypatch.undo()
    pytest.importorskip("zarr")
    with pytest.raises(ValueError, match="is of zarr's format 3, expected 2"):
        convert.open_source(tmp_path)
