"""Tests of npz files and LeRobot folders that are written of record files, and read again."""

import json
import os

import numpy as np
import pytest

from ibc.data import action_parts, episodes, ibc_data
from ibc.data.formats import convert
from ibc.data.records import manifest
from tests import own_data_testing

pytest.importorskip("pyarrow", reason="LeRobot's folders need pyarrow")
pytest.importorskip("av", reason="LeRobot's videos need av")
_EPISODES = own_data_testing.episodes()
_TARGETS = {"npz": ("out.npz",), "lerobot": ("out", "--to=lerobot")}


@pytest.fixture
def record_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = own_data_testing.lerobot_3(tmp_path, _EPISODES)
    ibc_data.main(["convert", path, "a.tfrecord"])
    return "a.tfrecord"


@pytest.mark.parametrize("target", _TARGETS.values(), ids=_TARGETS)
def test_episodes_come_back(record_file, target):
    ibc_data.main(["convert", record_file, *target])
    source = convert.open_source(target[0])
    assert source.lengths.tolist() == [6, 5, 8]
    for number, episode in enumerate(_EPISODES):
        frames = source.frames(number)
        for key in ("joints", "gripper"):
            found = frames.observation[key][:-1].reshape(episode[key].shape)
            np.testing.assert_array_equal(found, episode[key])
        np.testing.assert_array_equal(frames.action[:-1], episode["action"])
        np.testing.assert_array_equal(frames.reward[:-1], episode["reward"])
        difference = np.int32(frames.observation["front"][:-1]) - episode["front"]
        assert np.abs(difference).mean() < 4
    assert not [name for name in os.listdir() if name.startswith(".")]


def test_lerobot_folders_say_what_is_in_them(record_file):
    ibc_data.main(["convert", record_file, *_TARGETS["lerobot"], "--fps=5"])
    source = convert.open_source("out")
    assert (source.fps, source.lengths.tolist()) == (5.0, [4, 3, 5])
    assert source.tasks == ("push the block", "open the door", "push the block")
    info = json.load(open("out/meta/info.json"))
    assert (info["codebase_version"], info["total_frames"], info["total_tasks"]) == ("v3.0", 9, 2)
    shapes = {name: feature["shape"] for name, feature in info["features"].items()}
    assert shapes["observation.images.front"] == [16, 24, 3] and shapes["action"] == [3]
    kept = np.concatenate([episode["joints"][::2] for episode in _EPISODES])
    stats = json.load(open("out/meta/stats.json"))
    for title in ("min", "max", "mean", "std"):
        expected = getattr(np, title)(np.float64(kept), axis=0)
        np.testing.assert_allclose(stats["observation.joints"][title], expected, rtol=1e-6)
    assert np.shape(stats["observation.images.front"]["mean"]) == (3, 1, 1)
    # pandas finds the index of a table, the words, by the column's description.
    parquet = pytest.importorskip("pyarrow.parquet")
    schema = parquet.read_schema("out/meta/tasks.parquet")
    assert [column["field_name"] for column in schema.pandas_metadata["columns"]] == schema.names
    assert schema.pandas_metadata["index_columns"] == ["__index_level_0__"]
    # A second time it is replaced.
    ibc_data.main(["convert", record_file, *_TARGETS["lerobot"]])
    assert convert.open_source("out").fps == 10


@pytest.mark.parametrize("target", _TARGETS.values(), ids=_TARGETS)
def test_the_names_of_an_actions_parts_come_back(tmp_path, monkeypatch, capsys, target):
    monkeypatch.chdir(tmp_path)
    done = {"gripper": np.arange(4), "arm": np.ones((4, 2))}
    episodes.write_episodes("a.tfrecord", [episodes.Episode({"joints": np.ones((4, 2))}, done)])
    options = ["--fps=10"] if len(target) > 1 else []
    ibc_data.main(["convert", "a.tfrecord", *target, *options])
    ibc_data.main(["info", target[0]])
    assert "  parts of actions: arm [0:2], gripper [2:3]" in capsys.readouterr().out.splitlines()
    ibc_data.main(["convert", target[0], "back.tfrecord", "--keys=joints"])
    about = manifest.load("back.tfrecord").about
    assert about["action_parts"] == {"arm": [0, 2], "gripper": [2, 3]}
    ibc_data.main(["convert", "back.tfrecord", "again.tfrecord"])
    assert manifest.load("again.tfrecord").about == about


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["x", "y"], {"x": (0, 1), "y": (1, 2)}),
        ({"motors": ["left[0]", "left[1]", "hand"]}, {"left": (0, 2), "hand": (2, 3)}),
        (["x", "y", "x"], {}),
        (None, {}),
        ([1, 2], {}),
        ({"a": ["x"], "b": ["y"]}, {}),
    ],
)
def test_names_of_numbers_tell_parts(names, expected):
    assert action_parts.from_names(names) == expected


@pytest.mark.parametrize("target", _TARGETS.values(), ids=_TARGETS)
def test_what_cannot_be_written_is_told_and_leaves_nothing(tmp_path, monkeypatch, capsys, target):
    monkeypatch.chdir(tmp_path)
    broken = own_data_testing.episodes()
    broken[1]["action"][0] = np.nan
    path = own_data_testing.npz(tmp_path, broken)
    with pytest.raises(SystemExit):
        ibc_data.main(["convert", path, *target])
    assert "action is not finite in episode 1" in capsys.readouterr().err.splitlines()[-1]
    assert os.listdir() == ["all.npz"]


def test_rates_and_places_are_checked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    steps = [{key: e[key] for key in ("joints", "action")} for e in _EPISODES]
    own_data_testing.npz(tmp_path, steps)
    for arguments, message in (
        (("out", "--to=lerobot"), "does not tell how many steps per second it has"),
        ((".", "--to=lerobot"), "holds something else than a LeRobot folder"),
    ):
        with pytest.raises(SystemExit):
            ibc_data.main(["convert", "all.npz", *arguments])
        assert message in capsys.readouterr().err
    ibc_data.main(["convert", "all.npz", "out", "--to=lerobot", "--fps=12.5"])
    assert convert.open_source("out").fps == 12.5
