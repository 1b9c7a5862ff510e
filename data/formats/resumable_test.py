"""Tests of conversions that are interrupted, and of reading back."""

import os

import numpy as np
import pytest

from ibc.data.formats import convert, resumable
from ibc.data.records import shard_reader
from ibc.utils import termination
from tests import own_data_testing, shard_testing

_EPISODES = own_data_testing.episodes()


class _Ending:
    """A source that is interrupted when an episode is read."""

    def __init__(self, source, number, error):
        self._source, self._number, self._error = source, number, error
        self.read = []

    def __getattr__(self, name):
        return getattr(self._source, name)

    def frames(self, number):
        if number == self._number:
            raise self._error
        self.read.append(number)
        return self._source.frames(number)


@pytest.fixture
def source(tmp_path):
    return convert.open_source(own_data_testing.npz(tmp_path, _EPISODES))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), termination.Terminated("x")])
def test_an_interrupted_conversion_goes_on(tmp_path, source, error):
    path = tmp_path / "out" / "a.tfrecord"
    with pytest.raises(type(error)):
        convert.convert(_Ending(source, 2, error), path)
    assert sorted(os.listdir(path.parent)) == [
        ".a.tfrecord.unfinished",
        ".a.tfrecord.unfinished.journal",
        ".a.tfrecord.unfinished.spec",
    ]
    counts, again = [], _Ending(source, None, None)
    done = convert.convert(again, path, on_frames=counts.append)
    assert again.read == [2] and counts == [6, 5, 8] and done.frames == 19
    found = shard_reader.read_shard(str(path)).frames
    whole = convert.convert(source, tmp_path / "whole.tfrecord")
    shard_testing.assert_equal(found, shard_reader.read_shard(whole.path).frames)
    assert len(os.listdir(path.parent)) == 3


def test_other_options_or_another_input_begin_anew(tmp_path, source):
    path = tmp_path / "out" / "a.tfrecord"
    with pytest.raises(KeyboardInterrupt):
        convert.convert(_Ending(source, 2, KeyboardInterrupt()), path, asked={"keys": "a"})
    again = _Ending(source, 2, KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        convert.convert(again, path, asked={"keys": "b"})
    assert again.read == [0, 1]
    os.utime(source.path, ns=(1, 1))
    again = _Ending(source, None, None)
    convert.convert(again, path, asked={"keys": "b"})
    assert again.read == [0, 1, 2]


def test_errors_leave_nothing(tmp_path, source):
    for error in (ValueError("bad"), OSError("full")):
        with pytest.raises(type(error)):
            convert.convert(_Ending(source, 2, error), tmp_path / "out" / "a.tfrecord")
        assert os.listdir(tmp_path / "out") == []


def test_what_was_written_is_read_back(tmp_path, source, monkeypatch):
    real = shard_reader.read_parts

    def changed(path):
        for part in real(path):
            part.frames.action[7] += np.float32(1e-6)
            yield part

    monkeypatch.setattr(resumable.shard_reader, "read_parts", changed)
    with pytest.raises(ValueError, match="what is read back of episode 1 is not what was written"):
        convert.convert(source, tmp_path / "out" / "a.tfrecord")
    assert os.listdir(tmp_path / "out") == []


def test_a_conversion_in_the_making_is_waited_for(tmp_path, source, monkeypatch):
    monkeypatch.setattr(resumable.journals, "LONGEST_WAIT_SECONDS", 0.0)
    path = tmp_path / "a.tfrecord"
    with resumable.Shard(str(path), source.spec(), {}, {}) as shard:
        with pytest.raises(ValueError, match="is being recorded by another process"):
            convert.convert(source, path)
        shard.append(source.frames(0))
    assert len(shard_reader.read_shard(str(path))) == 6
