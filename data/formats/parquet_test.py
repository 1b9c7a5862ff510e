"""Tests of what is wrong with parquet files; what is right with them is in `npz_test`."""

import pathlib

import numpy as np
import pytest

from ibc.data.formats import convert
from tests import own_data_testing

pyarrow = pytest.importorskip("pyarrow", reason="parquet files need pyarrow")
_EPISODES = own_data_testing.episodes()


def _column(name, change):
    """Changes a column, or takes it out."""

    def apply(path):
        table = pyarrow.parquet.read_table(path)
        values = change(table.column(name).to_pylist())
        table = table.remove_column(table.schema.get_field_index(name))
        if values is not None:
            table = table.append_column(name, pyarrow.array(values))
        pyarrow.parquet.write_table(table, path)

    return apply


def _rows(change):
    def apply(path):
        pyarrow.parquet.write_table(change(pyarrow.parquet.read_table(path)), path)

    return apply


def _file(contents):
    return lambda path: path.write_bytes(contents(path.read_bytes()))


def _with(values, row, value):
    values[row] = value
    return values


_NAN = float("nan")
BAD = {
    "cut": (_file(lambda data: data[: len(data) // 2]), "is damaged, or not all of it is there"),
    "end only": (_file(lambda data: b"PAR1" + data[-200:]), "is damaged, or not all of it"),
    "no rows": (_rows(lambda table: table.slice(0, 0)), "has no rows, expected one for each step"),
    "no action": (_column("action", lambda v: None), "has no action or actions"),
    "no episodes": (_column("episode_index", lambda v: None), "has no episode_index and no done"),
    "mixed episodes": (
        _column("episode_index", lambda v: _with(v, -1, 0)),
        "the rows of episode_index 0 are not together: sort the rows",
    ),
    "ragged": (_column("action", lambda v: _with(v, 6, [1.0])), "action has rows of 1 and of 3"),
    "matrices": (_column("action", lambda v: [[x] for x in v]), "action is float64[1, 3] in each"),
    "text": (_column("action", lambda v: ["left"] * len(v)), "action is <U4[], expected numbers"),
    "empty cell": (_column("gripper", lambda v: _with(v, 6, None)), "gripper has 1 empty cells"),
    "NaN": (
        _column("joints", lambda v: _with(v, 6, [_NAN, 0.0])),
        "observation/joints is not finite in episode 1",
    ),
    "falling times": (
        _column("timestamp", lambda v: _with(v, 6, 0.0)),
        "episode 1: timestamp must rise from step to step",
    ),
    "other rate": (
        _column("timestamp", lambda v: [3 * t if row > 8 else t for row, t in enumerate(v)]),
        "episode 2: timestamp has 3.333 steps per second, expected 10",
    ),
    "pictures": (
        _column("front", lambda v: _with(v, 6, {"bytes": b"x", "path": None})),
        "front of row ",
    ),
    "sizes of pictures": (
        _column(
            "front",
            lambda v: _with(
                v, 6, {"bytes": own_data_testing.png(np.zeros((8, 8, 3), np.uint8)), "path": None}
            ),
        ),
        "front has pictures of [16, 24, 3] and of [8, 8, 3]",
    ),
}


@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_files_are_told_in_one_line(tmp_path, change, message):
    path = own_data_testing.parquet(tmp_path, _EPISODES)
    change(pathlib.Path(path))
    text = own_data_testing.problem(path, tmp_path / "out")
    assert message in text and path in text


def test_flags_divide_episodes_where_nothing_else_does(tmp_path):
    done = np.arange(9) % 4 == 3
    arrays = {"x": np.zeros((9, 2)), "action": np.zeros((9, 2)), "done": done}
    own_data_testing.write_table(tmp_path / "a", arrays)
    source = convert.open_source(tmp_path / "a")
    assert source.lengths.tolist() == [5, 5, 2]
    assert [int(source.frames(number).discount[-2]) for number in range(3)] == [0, 0, 1]
