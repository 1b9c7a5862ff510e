"""Tests of files that appear only when complete."""

import pathlib

import pytest

from ibc.environments.utils import atomic_file


def test_file_appears_at_the_end_under_its_name(tmp_path):
    target = tmp_path / "new" / "a.txt"
    with atomic_file.replacing(target) as temporary:
        pathlib.Path(temporary).write_text("whole")
        assert not target.exists()
        assert temporary.endswith(".txt")
    assert target.read_text() == "whole"
    assert list(target.parent.iterdir()) == [target]


def test_exception_leaves_the_old_file_and_nothing_else(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError), atomic_file.replacing(target) as temporary:
        pathlib.Path(temporary).write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
