"""Tests of the names under which record files may be written."""

import os

import pytest

from ibc.data.records import shard_files, shard_writer, shards
from tests import shard_testing

# Each with what is said of it; what is below a folder that is not there must not be made.
_REFUSED = {
    "": "'' is no file name",
    " ": "' ' is no file name",
    "new/": "new/ is a folder",
    "folder": "folder is a folder",
    ".": ". is a folder",
    "new/a.spec": "ends in .spec or .manifest.json",
    "new/a.manifest.json": "ends in .spec or .manifest.json",
    "new/.a": "begins with a dot",
    "new/a*.tfrecord": "holds a character of glob patterns",
    "new/a?": "holds a character of glob patterns",
    "new/[a]": "holds a character of glob patterns",
    "new/a,b": "holds a comma",
    "new/a ": "begins or ends with a space",
    "new/a\0b": "holds a null byte",
    "new\0/a": "holds a null byte",
    "taken": "taken needs taken.spec beside it, which is a folder",
    "pipe": "pipe is a named pipe, which a record file would replace",
    "device": "device is a device, which",
    "/dev/null": "/dev/null is a device, which",
    "loop": "loop is a link to itself",
    "piped": "piped needs piped.manifest.json beside it, which is a named pipe; move it",
    "new/" + "a" * 229: "has a file name of 229 bytes, but 228 are the most that",
    "new/" + "ä" * 115: "has a file name of 230 bytes, but 228 are the most that",
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "taken.spec").mkdir()
    os.mkfifo("pipe")
    os.mkfifo("piped.manifest.json")
    os.symlink(os.devnull, "device")
    os.symlink("loop", "loop")


@pytest.mark.parametrize("path", _REFUSED)
def test_a_name_that_cannot_be_read_later_is_refused_before_anything_is_made(
    folders, tmp_path, path
):
    before = sorted((entry.name, entry.lstat().st_mode) for entry in tmp_path.iterdir())
    with pytest.raises(ValueError) as error:
        shard_writer.ShardWriter(path, shard_testing.frame_spec())
    assert _REFUSED[path] in str(error.value)
    assert "\n" not in str(error.value) and "\0" not in str(error.value)
    with pytest.raises(ValueError, match=r"^--dataset_path="):
        shard_files.check_name(path, "--dataset_path=")
    after = sorted((entry.name, entry.lstat().st_mode) for entry in tmp_path.iterdir())
    assert after == before
    assert os.listdir("folder") == os.listdir("taken.spec") == []


@pytest.mark.parametrize(
    "name", ["a", "a.tfrecord", "a.spec.b", "spec", "a b", "ä{1}-!~", "a.b.", "a" * 228]
)
def test_what_is_written_under_a_name_that_passes_is_found(tmp_path, name):
    path = shard_testing.write(tmp_path / name)
    assert shards.find_shards(path) == shards.find_shards(f"{tmp_path}/*") == [path]
    assert sorted(map(str, tmp_path.iterdir())) == sorted(shard_files.files_of(path))
