"""Tests of what is wrong with replay buffers; what is right with them is in `npz_test`."""

import json
import pathlib
import shutil

import numpy as np
import pytest

from ibc.data.formats import convert
from tests import own_data_testing

zarr = pytest.importorskip("zarr", reason="replay buffers need the package zarr")
_EPISODES = own_data_testing.episodes()


def _array(name, change):
    """Replaces an array by what a function makes of it; nothing if that is None."""

    def apply(path):
        root = zarr.open_group(str(path), mode="r+")
        values = change(root[name][:])
        del root[name]
        if values is not None:
            root[name] = values

    return apply


def _file(name, contents):
    def apply(path):
        data = (path / name).read_bytes()
        (path / name).write_bytes(contents(data))

    return apply


def _nan(values):
    values[6] = np.nan
    return values


def _without_zarray_key(data):
    described = json.loads(data)
    del described["chunks"]
    return json.dumps(described).encode()


def _with_another_compressor(data):
    return json.dumps({**json.loads(data), "compressor": {"id": "jpegxl"}}).encode()


BAD = {
    "no ends": (_array("meta/episode_ends", lambda e: None), "has no episode_ends"),
    "falling ends": (_array("meta/episode_ends", lambda e: e[::-1]), "episode_ends must rise"),
    "empty episode": (_array("meta/episode_ends", lambda e: e[[0, 0, 2]]), "episode_ends must"),
    "ends too soon": (_array("meta/episode_ends", lambda e: e - 1), "must rise from above 0 to 16"),
    "ends of floats": (_array("meta/episode_ends", lambda e: e + 0.5), "episode_ends is float64"),
    "no action": (_array("data/action", lambda a: None), "has no action or actions"),
    "action of text": (_array("data/action", lambda a: a.astype("U")), "action is <U"),
    "matrix": (_array("data/action", lambda a: a[:, :, None]), "action is float32[3, 1] in each"),
    "other length": (_array("data/joints", lambda j: j[:-2]), "joints has 14 rows"),
    "NaN": (_array("data/joints", _nan), "observation/joints is not finite in episode 1"),
    "NaN action": (_array("data/action", _nan), "action is not finite in episode 1"),
    "falling times": (_array("data/timestamp", lambda t: -t), "episode 0: timestamp must rise"),
    "one number": (_array("data/gripper", lambda g: np.float32(1)), "gripper is one number"),
    "levels": (_array("data/front", lambda f: np.float32(f) - 9), "front holds levels from -"),
    "type of levels": (_array("data/front", lambda f: np.uint16(f)), "front is uint16[16, 24, 3]"),
    "cut chunk": (_file("data/action/0.0", lambda data: data[:-3]), "data/action/0.0 is damaged"),
    "damaged description": (_file("data/joints/.zarray", _without_zarray_key), "is damaged"),
    "no description": (_file("data/joints/.zarray", lambda data: b""), "is damaged"),
    "compressor": (
        _file("data/joints/.zarray", _with_another_compressor),
        "is compressed by what zarr alone cannot read (codec not available: 'jpegxl')",
    ),
}


@pytest.mark.parametrize("is_zip", [False, True])
@pytest.mark.parametrize(("change", "message"), BAD.values(), ids=BAD)
def test_bad_stores_are_told_in_one_line(tmp_path, change, message, is_zip):
    path = own_data_testing.replay_buffer(tmp_path, _EPISODES)
    change(pathlib.Path(path))
    if is_zip:
        path = shutil.make_archive(f"{path}.zarr", "zip", path)
    text = own_data_testing.problem(path, tmp_path / "out")
    assert message in text and path in text


def _flipped(data):
    at = data.index(b"data/joints/1.0") + 40
    return data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("contents", "message"),
    [
        (lambda data: data[: len(data) // 2], "is damaged, or not all of it is there"),
        (lambda data: b"text", "is damaged, or not all of it is there"),
        (_flipped, "is damaged, or not all of it is there (Bad CRC-32 for file 'data/joints/1.0')"),
    ],
)
def test_bad_archives_are_told_in_one_line(tmp_path, contents, message):
    path = pathlib.Path(own_data_testing.replay_buffer_zip(tmp_path, _EPISODES))
    path.write_bytes(contents(path.read_bytes()))
    text = own_data_testing.problem(path, tmp_path / "out")
    assert message in text and str(path) in text


def test_an_archive_may_have_any_name_and_hold_a_folder(tmp_path):
    own_data_testing.replay_buffer(tmp_path, _EPISODES)
    path = shutil.make_archive(tmp_path / "pusht", "zip", tmp_path, "buffer.zarr")
    source = convert.open_source(path)
    np.testing.assert_array_equal(source.frames(1).action[:-1], _EPISODES[1]["action"])


def test_chunks_may_be_in_folders(tmp_path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    chunks = {"chunks": (2, 3), "dimension_separator": "/"}
    root.create_dataset("data/action", data=np.ones((4, 6)), **chunks)
    root["data/joints"], root["meta/episode_ends"] = np.ones((4, 2)), np.array([4])
    assert convert.open_source(tmp_path / "a.zarr").spec().action.shape == (6,)


def test_a_missing_chunk_is_told(tmp_path):
    path = pathlib.Path(own_data_testing.replay_buffer(tmp_path, _EPISODES))
    (path / "data" / "joints" / "1.0").unlink()
    with pytest.raises(ValueError, match="data/joints has 3 of 4 chunks: copy it again"):
        convert.open_source(path)


def test_groups_in_groups_are_read(tmp_path):
    root = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    root["data/obs/joints"], root["data/action"] = np.ones((4, 2)), np.zeros((4, 2))
    root["meta/episode_ends"] = np.array([4])
    source = convert.open_source(tmp_path / "a.zarr")
    assert list(source.spec().observation) == ["joints"]
