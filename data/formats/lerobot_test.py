"""Tests of what LeRobot folders hold besides arrays, and of what is wrong with them.

That arrays come back is in `npz_test`.
"""

import json
import pathlib
import sys

import numpy as np
import pytest

from ibc.data import ibc_data
from ibc.data.formats import convert, video
from ibc.data.records import manifest
from tests import own_data_testing

pyarrow = pytest.importorskip("pyarrow", reason="LeRobot's folders need pyarrow")
pytest.importorskip("av", reason="LeRobot's videos need av")
_EPISODES = own_data_testing.episodes()
_VERSIONS = {"2": own_data_testing.lerobot_2, "3": own_data_testing.lerobot_3}
_DATA = {"2": "data/chunk-000/episode_000001.parquet", "3": "data/chunk-000/file-000.parquet"}
_VIDEO = {
    "2": "videos/chunk-000/observation.images.front/episode_000001.mp4",
    "3": "videos/observation.images.front/chunk-000/file-000.mp4",
}


@pytest.mark.parametrize("write", _VERSIONS.values(), ids=_VERSIONS)
def test_tasks_and_rate_are_kept_and_told(tmp_path, capsys, write):
    path = write(tmp_path, _EPISODES)
    ibc_data.main(["info", path])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{path}: a LeRobot folder, 3 episodes"
    assert lines[1:4] == [
        "  steps per second: 10",
        "  task: 'push the block', 2 episodes",
        "  task: 'open the door', 1 episodes",
    ]
    assert "  observation/front: uint8[16, 24, 3]" in lines
    ibc_data.main(["convert", path, str(tmp_path / "a.tfrecord"), "--episodes=1,2"])
    about = manifest.load(str(tmp_path / "a.tfrecord")).about
    assert about == {"fps": 10.0, "tasks": ["open the door", "push the block"]}


def test_keys_that_are_left_out_need_no_video(tmp_path):
    path = own_data_testing.lerobot_3(tmp_path, _EPISODES)
    (pathlib.Path(path) / _VIDEO["3"]).write_bytes(b"")
    source = convert.open_source(path, keys=["joints"])
    assert list(source.frames(2).observation) == ["joints"]


def test_pictures_of_a_video_are_read_in_any_order(tmp_path):
    images = np.concatenate([episode["front"] for episode in own_data_testing.episodes((80, 80))])
    own_data_testing.write_video(tmp_path / "a.mp4", images)
    opened = video.Video(str(tmp_path / "a.mp4"))
    for rows in ([100, 101, 140], [3, 4, 5], [5, 7], [159], [0]):
        found = opened.pictures(np.array(rows) / 10, 0.01)
        np.testing.assert_array_equal(found, images[rows])


def test_missing_packages_are_told(tmp_path, monkeypatch):
    path = own_data_testing.lerobot_3(tmp_path, _EPISODES)
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(ImportError, match=r"needs the package av.*pip install 'ibc-tf\[lerobot\]'"):
        convert.open_source(path)


def _info(**changed):
    def change(path, version):
        file = path / "meta/info.json"
        info = json.loads(file.read_text())
        for key, value in changed.items():
            if value is None:
                del info[key]
            else:
                info[key] = value(info[key]) if callable(value) else value
        file.write_text(json.dumps(info))

    return change


def _column(name, change):
    """Changes a column of the file that the second episode is in."""

    def apply(path, version):
        file = path / _DATA[version]
        table = pyarrow.parquet.read_table(file)
        values = change(table.column(name).to_pylist())
        at = table.schema.get_field_index(name)
        table = table.remove_column(at)
        if values is not None:
            table = table.append_column(name, pyarrow.array(values))
        pyarrow.parquet.write_table(table, file)

    return apply


def _file(names, contents):
    def change(path, version):
        file = path / (names[version] if isinstance(names, dict) else names)
        data = file.read_bytes()
        file.unlink()
        if contents is not None:
            file.write_bytes(contents(data))

    return change


def _video(images, fps=own_data_testing.FPS):
    def change(path, version):
        own = _EPISODES[1:2] if version == "2" else _EPISODES
        frames = np.concatenate([episode["front"] for episode in own])
        own_data_testing.write_video(path / _VIDEO[version], images(frames), fps)

    return change


def _with(values, row, value):
    values[row] = value
    return values


def _wrong_shape(features):
    features["action"]["shape"] = [7]
    return features


def _half(data):
    return data[: len(data) // 2]


_NAN = float("nan")
BAD = {
    "info cut": (_file("meta/info.json", _half), "info.json is no JSON, or damaged"),
    "info a list": (_file("meta/info.json", lambda data: b"[1]"), "info.json holds list"),
    "no fps": (_info(fps=None), "info.json has no fps"),
    "fps of text": (_info(fps="ten"), "fps is 'ten', expected steps per second"),
    "other version": (_info(codebase_version="v1.6"), "codebase_version is 'v1.6', expected v2.0"),
    "episodes missing": (_info(total_episodes=9), "total_episodes is 9, but 3 are listed"),
    "path out of it": (_info(data_path="../{x}.parquet"), "does not say where episodes are"),
    "huge path": (_info(data_path="{x:099999999d}"), "data_path is '{x:099999999d}', expected"),
    "outside": (_info(data_path="../a.parquet"), "../a.parquet is outside of the folder"),
    "shape": (_info(features=_wrong_shape), "action is float32[3], expected [7]"),
    "no action": (_info(features=lambda f: {k: f[k] for k in f if k != "action"}), "has no action"),
    "data missing": (_file(_DATA, None), "parquet is missing: copy the folder again"),
    "data cut": (_file(_DATA, _half), "parquet is damaged, or not all of it is there"),
    "column missing": (_column("action", lambda v: None), "has no action"),
    "other size": (_column("observation.joints", lambda v: [[1.0]] * len(v)), "joints is "),
    "ragged": (_column("action", lambda v: _with(v, -1, [1.0])), "action has rows of 1 and of 3"),
    "text": (_column("observation.joints", lambda v: ["a"] * len(v)), "observation.joints is <U1"),
    "empty cell": (_column("next.reward", lambda v: _with(v, -1, None)), "has 1 empty cells"),
    "rows missing": (_column("action", lambda v: _with(v, -1, [_NAN] * 3)), "action is not finite"),
    "NaN": (
        _column("observation.joints", lambda v: _with(v, -1, [_NAN, 0.0])),
        "observation/joints is not finite in episode 1",
    ),
    "falling times": (
        _column("timestamp", lambda v: _with(v, -1, 0.0)),
        "episode 1: timestamp must rise from step to step",
    ),
    "other rate": (
        _column("timestamp", lambda v: [3 * x for x in v]),
        "steps per second, expected",
    ),
    "video missing": (_file(_VIDEO, None), "mp4 is missing: copy the folder again"),
    "video cut": (_file(_VIDEO, _half), "does not fit its episodes, or is damaged"),
    "video of text": (_file(_VIDEO, lambda data: b"text"), "does not fit its episodes"),
    "video short": (_video(lambda images: images[:-2]), "front is "),
    "video of another rate": (_video(lambda images: images, 30), "has 30 pictures per second"),
    "video of another size": (
        _video(lambda images: images[:, :8]),
        "observation.images.front is of [8, 24, 3], expected [16, 24, 3]",
    ),
}


@pytest.mark.parametrize("version", "23")
@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_folders_are_told_in_one_line(tmp_path, change, message, version):
    path = _VERSIONS[version](tmp_path, _EPISODES)
    change(pathlib.Path(path), version)
    text = own_data_testing.problem(path, tmp_path / "out")
    assert message in text and path in text


def _lines(change):
    def apply(path):
        file = path / "meta/episodes.jsonl"
        lines = list(map(json.loads, file.read_text().splitlines()))
        file.write_text("\n".join(map(json.dumps, change(lines))))

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda lines: lines[::-1], "episodes.jsonl: line 1 is of episode 2, expected 0"),
        (lambda lines: [], "meta lists no episodes"),
        (lambda lines: [{"episode_index": 0}], "'length' is missing or wrong"),
        (lambda lines: [*lines[:2], {**lines[2], "length": 9}], "has 7 rows, but episode 2 is"),
        (lambda lines: [*lines[:2], {**lines[2], "length": 0}], "said to have 0 from row 0"),
    ],
)
def test_wrong_lists_of_episodes_are_told(tmp_path, change, message):
    path = own_data_testing.lerobot_2(tmp_path, _EPISODES)
    _lines(change)(pathlib.Path(path))
    with pytest.raises(ValueError, match=message):
        convert.open_source(path)
