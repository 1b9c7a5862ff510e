"""Tests of Minari data sets in Arrow format: what they hold, and what is wrong with them."""

import json
import pathlib

import numpy as np
import pytest

from ibc.data.formats import convert
from tests import own_data_testing

pyarrow = pytest.importorskip("pyarrow", reason="Minari's Arrow files need pyarrow")
_EPISODES = own_data_testing.episodes()


@pytest.mark.parametrize("kind", ["arrow", "parquet"])
def test_episodes_come_back(tmp_path, kind):
    source = convert.open_source(own_data_testing.minari_arrow(tmp_path, _EPISODES, kind))
    for number, episode in enumerate(_EPISODES):
        frames = source.frames(number)
        np.testing.assert_array_equal(frames.observation["joints"][:-1], episode["joints"])
        np.testing.assert_array_equal(frames.observation["front"][:-1], episode["front"])
        np.testing.assert_array_equal(frames.action[:-1], episode["action"])
        np.testing.assert_array_equal(frames.reward[:-1], episode["reward"])
        assert frames.discount[-2] == 0


def test_an_observation_without_parts_is_no_dict(tmp_path):
    """As Minari stores a Box: the HDF5 file of the same data gives the same."""
    folder = own_data_testing.minari_arrow(tmp_path, _EPISODES)
    for file in pathlib.Path(folder, "data").glob("*/part-0.arrow"):
        with pyarrow.memory_map(str(file)) as opened:
            table = pyarrow.ipc.open_file(opened).read_all()
        joints = table.column("observations").combine_chunks().field("joints")
        table = table.set_column(0, "observations", joints)
        with pyarrow.ipc.new_file(str(file) + ".new", table.schema) as writer:
            writer.write_table(table)
        pathlib.Path(str(file) + ".new").replace(file)
    source = convert.open_source(folder)
    assert source.spec().observation.shape == (2,)
    np.testing.assert_array_equal(source.frames(1).observation[:-1], _EPISODES[1]["joints"])
    assert list(source.stored()) == ["observation", "action"]


def test_ids_are_looked_up_in_the_local_store(tmp_path, monkeypatch):
    own_data_testing.minari_arrow(tmp_path, _EPISODES)
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "store"))
    assert len(convert.open_source("mine/arm-v0").lengths) == 3
    with pytest.raises(FileNotFoundError, match="no recorded episodes at mine/leg-v0"):
        convert.open_source("mine/leg-v0")


def _column(name, change):
    """Changes a column of the second episode's file."""

    def apply(data):
        file = data / "1" / "part-0.arrow"
        with pyarrow.OSFile(str(file)) as stored:
            table = pyarrow.ipc.open_file(stored).read_all()
        values = change(table.column(name))
        table = table.remove_column(table.schema.get_field_index(name))
        if values is not None:
            table = table.append_column(name, values)
        with pyarrow.ipc.new_file(str(file), table.schema) as writer:
            writer.write_table(table)

    return apply


def _list(change):
    return lambda column: pyarrow.array(change(column.to_pylist()))


def _meta(name, **changed):
    def apply(data):
        file = data / name
        file.write_text(json.dumps({**json.loads(file.read_text()), **changed}))

    return apply


def _file(name, contents):
    def apply(data):
        found = (data / name).read_bytes()
        (data / name).unlink()
        if contents is not None:
            (data / name).write_bytes(contents(found))

    return apply


_NAN = float("nan")
_ARROW = "1/part-0.arrow"
BAD = {
    "cut": (_file(_ARROW, lambda data: data[: len(data) // 2]), "is damaged, or not all of it"),
    "text": (_file(_ARROW, lambda data: b"text"), "is damaged, or not all of it is there"),
    "missing": (_file(_ARROW, None), "has 0 arrow files, expected one"),
    "no description": (_file("1/metadata.json", None), "metadata.json is missing"),
    "description cut": (_file("metadata.json", lambda data: data[:9]), "no JSON or damaged"),
    "episodes missing": (_meta("metadata.json", total_episodes=5), "folders of 3 episodes"),
    "steps missing": (_meta("1/metadata.json", total_steps=9), "has 5 rows, expected 10"),
    "no actions": (_column("actions", lambda column: None), "part-0.arrow has no actions"),
    "no rewards": (_column("rewards", lambda column: None), "part-0.arrow has no rewards"),
    "ragged": (_column("actions", _list(lambda v: [*v[:-1], [1.0]])), "actions has rows of 1 and"),
    "other size": (_column("actions", _list(lambda v: [[1.0]] * len(v))), "actions is float64[1]"),
    "text values": (_column("rewards", _list(lambda v: ["a"] * len(v))), "rewards is <U1"),
    "empty cell": (_column("rewards", _list(lambda v: [None, *v[1:]])), "has 1 empty cells"),
    "NaN": (_column("actions", _list(lambda v: [[_NAN] * 3, *v[1:]])), "action is not finite in"),
    "pictures": (
        _column("observations", _list(lambda v: [{**row, "front": b"x"} for row in v])),
        "observations.front of row 0 is no PNG or JPEG picture",
    ),
    "parts missing": (
        _column("observations", _list(lambda v: [{"front": row["front"]} for row in v])),
        "part-0.arrow has no observations.joints",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_data_sets_are_told_in_one_line(tmp_path, change, message):
    path = own_data_testing.minari_arrow(tmp_path, _EPISODES)
    change(pathlib.Path(path) / "data")
    text = own_data_testing.problem(path, tmp_path / "out")
    assert message in text and path in text
