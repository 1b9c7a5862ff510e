import os
import subprocess
import sys

import pytest

from ibc.utils import atomic_file


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "folder" / "video.mp4"
    with atomic_file.replacing(path) as temporary:
        temporary.write_text("half")
        assert temporary.suffix == ".mp4" and not path.exists()
    assert path.read_text() == "half"
    assert [p.name for p in path.parent.iterdir()] == ["video.mp4"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    atomic_file.write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_file.replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("existing", [False, True])
def test_a_folder_is_replaced_as_a_whole(tmp_path, existing):
    path = tmp_path / "policy"
    if existing:
        path.mkdir()
        (path / "stale").touch()
    with atomic_file.replacing_folder(path) as temporary:
        temporary.mkdir()
        (temporary / "fresh").touch()
    assert [p.name for p in path.iterdir()] == ["fresh"]
    assert [p.name for p in tmp_path.iterdir()] == ["policy"]


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("file/a.png", "/file is a regular file, not a folder"),
        ("file/new/a.png", "/file is a regular file, not a folder"),
        ("pipe/a.png", "/pipe is a named pipe, not a folder"),
        ("loop/a.png", "/loop is a link to itself, not a folder"),
        ("/proc/new/a.png", "No such file or directory in /proc"),
        ("a" * 256, "File name too long"),
        ("new/" * 1250 + "a.png", "File name too long"),
    ],
)
def test_places_where_no_file_can_be_made_are_named(tmp_path, monkeypatch, path, reason):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    os.mkfifo("pipe")
    os.symlink("loop", "loop")
    before = os.listdir()
    with pytest.raises(OSError) as caught:
        atomic_file.check_place(path, "--picture=")
    message = str(caught.value)
    assert message.startswith(f"--picture={path[:200]}") and f"{reason}); give another" in message
    assert "\n" not in message and len(message) < 500 and os.listdir() == before
    with pytest.raises((OSError, StopIteration)):
        atomic_file.write_text(path, "what the check foresees")


@pytest.mark.parametrize("path", ["a", "new/folder/a", "~/a", "a" * 255, "file", "link/new/a"])
def test_places_where_a_file_can_be_made_pass_and_stay_as_they_are(tmp_path, monkeypatch, path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "file").touch()
    (tmp_path / "target").mkdir()
    os.symlink("target", "link")
    atomic_file.check_place(path)
    assert sorted(os.listdir()) == ["file", "link", "target"] and not os.listdir("target")


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / ".policy.tmp-12").mkdir()
    (tmp_path / ".a.tmp-3.json").touch()
    (tmp_path / "kept.json").touch()
    atomic_file.remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]


def test_leftovers_of_one_process_are_removed_and_nothing_else(tmp_path):
    kept = {".a.tmp-123.mp4", "a.tmp-12.mp4", ".a.mp4", "a.tfrecord"}
    for name in kept | {".a.tmp-12.mp4", ".b.tfrecord.old-12"}:
        (tmp_path / name).touch()
    (tmp_path / ".policy.tmp-12").mkdir()
    atomic_file.remove_leftovers_of(12, tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == kept
    atomic_file.remove_leftovers_of(12, tmp_path / "missing")


@pytest.fixture
def dead_process() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_writer_removes_what_dead_writers_of_its_name_have_left(tmp_path, dead_process):
    alive = os.getppid()
    kept = {f".video.tmp-{alive}.mp4", f".other.tmp-{dead_process}.mp4", ".video.tmp-x.mp4"}
    gone = {f".video.tmp-{dead_process}.mp4", f".video.old-{dead_process}"}
    for name in kept | gone:
        (tmp_path / name).touch()
    atomic_file.write_text(tmp_path / "video.mp4", "new")
    assert {path.name for path in tmp_path.iterdir()} == {*kept, "video.mp4"}


def _make_special(path, kind):
    if kind == "a named pipe":
        os.mkfifo(path)
    elif kind == "a device":
        path.symlink_to(os.devnull)
    elif kind == "a link to itself":
        path.symlink_to(path)
    elif kind == "a folder":
        path.mkdir()
    else:
        path.touch()


_SPECIAL = ("a named pipe", "a device", "a link to itself")


@pytest.mark.parametrize(
    ("replacing", "kind"),
    [
        *((atomic_file.replacing, kind) for kind in (*_SPECIAL, "a folder")),
        *((atomic_file.replacing_folder, kind) for kind in (*_SPECIAL, "a regular file")),
    ],
)
def test_only_what_is_of_the_same_kind_is_replaced(tmp_path, replacing, kind):
    path = tmp_path / "a.mp4"
    _make_special(path, kind)
    before = os.lstat(path)
    # Looking at it may count as an access.
    same = (before.st_mode, before.st_ino, before.st_mtime_ns)
    with pytest.raises(FileExistsError, match=f"^{path} is {kind}, but .* give another name"):
        with replacing(path):
            raise AssertionError("begun")
    after = os.lstat(path)
    assert (after.st_mode, after.st_ino, after.st_mtime_ns) == same
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("existing", [False, True])
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path, existing):
    link, folder_link = tmp_path / "latest.mp4", tmp_path / "policy"
    file, folder = tmp_path / "disk" / "7", tmp_path / "disk" / "8"
    link.symlink_to(file)
    folder_link.symlink_to(folder)
    if existing:
        folder.mkdir(parents=True)
        (folder / "stale").touch()
        file.touch()
    with atomic_file.replacing(link) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".mp4"
    with atomic_file.replacing_folder(folder_link) as temporary:
        temporary.mkdir()
        (temporary / "fresh").touch()
    assert link.is_symlink() and folder_link.is_symlink()
    assert file.read_text() == "new" and os.listdir(folder) == ["fresh"]
    assert sorted(os.listdir(tmp_path / "disk")) == ["7", "8"]
