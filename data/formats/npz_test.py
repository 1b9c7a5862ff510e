"""Tests of npz files, and of replay buffers, as sources: both are arrays by name."""

import pathlib

import numpy as np
import pytest

from ibc.data import ibc_data
from ibc.data.formats import convert
from ibc.data.records import manifest, shard_reader
from tests import own_data_testing

_EPISODES = own_data_testing.episodes()


def _read(source, tmp_path):
    return shard_reader.read_shard(convert.convert(source, tmp_path / "a.tfrecord").path)


@pytest.mark.parametrize("write", own_data_testing.ARRAYS.values(), ids=own_data_testing.ARRAYS)
def test_episodes_come_back(tmp_path, write):
    source = convert.open_source(write(tmp_path, _EPISODES))
    assert source.lengths.tolist() == [6, 5, 8]
    np.testing.assert_allclose(source.returns, [np.sum(e["reward"]) for e in _EPISODES], rtol=1e-6)
    frames = _read(source, tmp_path).frames
    rows = [np.append(np.arange(len(e["action"])), len(e["action"]) - 1) for e in _EPISODES]
    for name, found in {"action": frames.action, **frames.observation}.items():
        if name != "front":
            expected = [e[name][r] for e, r in zip(_EPISODES, rows, strict=True)]
            np.testing.assert_array_equal(found, np.concatenate(expected).reshape(found.shape))
    for number, episode in enumerate(_EPISODES):
        pictures = source.frames(number).observation["front"]
        np.testing.assert_array_equal(pictures[:-1], episode["front"])


def test_a_last_row_of_observations_is_what_was_seen_at_the_end(tmp_path):
    seen = np.float32(np.arange(8).reshape(4, 2))
    np.savez(tmp_path / "a.npz", joints=seen, actions=np.arange(3))
    source = convert.open_source(tmp_path / "a.npz")
    frames = source.frames(0)
    np.testing.assert_array_equal(frames.observation["joints"], seen)
    np.testing.assert_array_equal(frames.action, [[0], [1], [2], [2]])
    assert source.spec().action.shape == (1,)


def test_files_come_in_their_natural_order(tmp_path):
    for number in (10, 9, 1):
        np.savez(tmp_path / f"log_{number}.npz", x=np.full((4, 1), number), action=np.zeros(4))
    for path in (tmp_path, tmp_path / "log_*.npz"):
        source = convert.open_source(path)
        assert [int(source.frames(n).observation["x"][0, 0]) for n in range(3)] == [1, 9, 10]


@pytest.mark.parametrize("scale", [1, 255])
@pytest.mark.parametrize("is_first", [False, True])
def test_pictures_of_floats_and_with_channels_first_are_understood(tmp_path, scale, is_first):
    levels = np.random.RandomState(0).randint(0, 256, (5, 16, 24, 3))
    images = np.float32(levels / 255 * scale)
    images = np.moveaxis(images, -1, 1) if is_first else images
    np.savez(tmp_path / "a.npz", img=images, action=np.zeros((5, 2)))
    source = convert.open_source(tmp_path / "a.npz")
    assert source.spec().observation["img"].shape == (16, 24, 3)
    np.testing.assert_array_equal(source.frames(0).observation["img"][:-1], levels)


def test_rows_are_read_in_any_order_and_compressed(tmp_path):
    values = np.random.RandomState(0).randn(1000, 3)
    np.savez_compressed(
        tmp_path / "a.npz",
        x=np.asfortranarray(values),
        y=values,
        action=values,
        episode_ends=np.array([300, 1000]),
    )
    source = convert.open_source(tmp_path / "a.npz")
    for number, rows in ((1, slice(300, 1000)), (0, slice(0, 300))):
        for key in "xy":
            found = source.frames(number).observation[key][:-1]
            np.testing.assert_array_equal(found, np.float32(values[rows]))


def _convert(path, tmp_path, capsys, *options):
    ibc_data.main(["convert", str(path), str(tmp_path / "a.tfrecord"), *options])
    return capsys.readouterr().out.splitlines()


def test_options_choose_rename_resize_thin_and_cut(tmp_path, capsys):
    path = own_data_testing.npz_folder(tmp_path, _EPISODES)
    options = (
        *("--keys=front,arm", "--rename=joints=arm", "--resize=8x12"),
        *("--fps=5", "--episodes=0,2:"),
    )
    lines = _convert(path, tmp_path, capsys, *options, "--dry_run")
    assert "would be made of 2 of 2 episodes, 9 frames (4 to 5 each)" in lines[1]
    assert "  observation/front: uint8[8, 12, 3]" in lines and "  steps per second: 5" in lines
    assert not (tmp_path / "a.tfrecord").exists()
    _convert(path, tmp_path, capsys, *options)
    shard = shard_reader.read_shard(str(tmp_path / "a.tfrecord"))
    assert sorted(shard.frames.observation) == ["arm", "front"]
    first, last = _EPISODES[0], _EPISODES[2]
    expected = [first["joints"][[0, 2, 4, 4]], last["joints"][[0, 2, 4, 6, 6]]]
    np.testing.assert_array_equal(shard.frames.observation["arm"], np.concatenate(expected))
    np.testing.assert_array_equal(shard.frames.step_type, [0, 1, 1, 2, 0, 1, 1, 1, 2])
    rewards = np.add.reduceat(first["reward"], [0, 2, 4])
    np.testing.assert_allclose(shard.frames.reward[:3], rewards, rtol=1e-6)
    assert manifest.load(str(tmp_path / "a.tfrecord")).about == {"fps": 5.0}


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--keys=back", "has no observation 'back'; it has: "),
        ("--rename=none=action", "has no none to rename; its observations are "),
        ("--rename=joints", "--rename=joints is not old=new"),
        ("--rename=joints=front", "calls both"),
        ("--resize=96", "--resize=96 is no size; give height x width"),
        ("--fps=20", "has 10 steps per second, less than --fps=20"),
        ("--fps=0", "--fps must be above 0"),
        ("--episodes=3", "has 3 episodes, 0 to 2, and none in 3"),
        ("--episodes=a", "is no list of numbers and ranges"),
        ("--task=PUSHT", "is read as npz files, not as data of task PUSHT"),
        ("--mask=train", "which has no --mask"),
    ],
)
def test_wrong_options_are_told_in_one_line(tmp_path, capsys, option, message):
    path = own_data_testing.npz_folder(tmp_path, _EPISODES)
    with pytest.raises(SystemExit):
        _convert(path, tmp_path, capsys, option)
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line and not (tmp_path / "a.tfrecord").exists()


def _written(tmp_path, change):
    """Writes a folder whose second file is changed; returns folder and that file."""
    folder = pathlib.Path(own_data_testing.npz_folder(tmp_path, _EPISODES))
    file = sorted(folder.glob("*.npz"))[1]
    arrays = dict(np.load(file))
    contents = change(arrays)
    if contents is None:
        np.savez(file, **arrays)
    else:
        file.write_bytes(contents(file.read_bytes()))
    return folder, file


def _set(**changed):
    def change(arrays):
        for name, value in changed.items():
            if value is None:
                del arrays[name]
            else:
                arrays[name] = value(arrays[name]) if callable(value) else value

    return change


def _nan(values):
    values[2] = np.nan
    return values


BAD = {
    "cut": (lambda arrays: lambda data: data[: len(data) // 2], "or a damaged one"),
    "text": (lambda arrays: lambda data: b"text", "or a damaged one"),
    "flipped": (lambda arrays: lambda data: _flipped(data), "or a damaged one"),
    "objects": (_set(joints=np.array([None] * 4)), "joints holds Python objects"),
    "missing action": (_set(action=None), "has no action, which the first file has"),
    "missing key": (_set(joints=None), "has no joints, which the first file has"),
    "text values": (_set(joints=np.full((4, 2), "a")), "joints is <U1[2] in each step"),
    "other size": (_set(joints=np.zeros((4, 3))), "joints is float64[3] in each step, expected"),
    "too short": (_set(joints=np.zeros((2, 2))), "joints has 2 rows, but there are 4 actions"),
    "no steps": (lambda a: a.update({k: v[:0] for k, v in a.items()}), "has no steps"),
    "NaN": (_set(joints=_nan), "observation/joints is not finite in episode 1"),
    "NaN action": (_set(action=_nan), "action is not finite in episode 1"),
    "falling times": (_set(timestamp=lambda t: t[::-1]), "timestamp must rise from step to step"),
    "other rate": (_set(timestamp=lambda t: 3 * t), "timestamp has 3.333 steps per second"),
    "levels": (_set(front=lambda i: i * 3.0), "front holds levels from"),
    "reward": (_set(reward=np.zeros((4, 2))), "reward is float64[4, 2], expected one number"),
}


def _flipped(data):
    at = data.index(b"joints.npy") + 60
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_told_in_one_line(tmp_path, change, message):
    folder, file = _written(tmp_path, change)
    text = own_data_testing.problem(folder, tmp_path / "out")
    assert message in text
    assert str(file) in text or "in episode 1" in text
