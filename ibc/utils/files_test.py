import pytest

from ibc.utils import files


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    path = tmp_path / "folder" / "video.mp4"
    with files.replaced_file(path) as temporary:
        temporary.write_text("half")
        assert temporary.suffix == ".mp4" and not path.exists()
    assert path.read_text() == "half"
    assert [p.name for p in path.parent.iterdir()] == ["video.mp4"]


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")
    with pytest.raises(RuntimeError), files.replaced_file(path) as temporary:
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
    with files.replaced_folder(path) as temporary:
        temporary.mkdir()
        (temporary / "fresh").touch()
    assert [p.name for p in path.iterdir()] == ["fresh"]
    assert [p.name for p in tmp_path.iterdir()] == ["policy"]


def test_leftovers_of_killed_writers_are_removed_and_nothing_else(tmp_path):
    (tmp_path / ".policy.tmp-12").mkdir()
    (tmp_path / ".a.tmp-3.json").touch()
    (tmp_path / "kept.json").touch()
    files.remove_leftovers(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept.json"]
