"""Tests of recordings that are trained on directly."""

import os
import pathlib
import threading

import numpy as np
import pytest

from ibc.data.formats import cache, convert
from ibc.data.records import shard_reader
from tests import own_data_testing, shard_testing

_EPISODES = own_data_testing.episodes()


def test_record_files_stay_as_they_are(tmp_path):
    shard_testing.write(tmp_path / "a.tfrecord")
    for path in (f"{tmp_path}/*.tfrecord", f"{tmp_path}/a*, none/*", "nowhere", str(tmp_path)):
        assert cache.record_files(path) == ",".join(part.strip() for part in path.split(","))


def test_a_recording_is_converted_once_and_again_when_it_changes(tmp_path):
    path, notes = own_data_testing.npz(tmp_path, _EPISODES), []
    target = cache.record_files(path, note=notes.append)
    assert target == f"{tmp_path}/all.npz.ibc-cache/all.npz.tfrecord"
    assert notes == [f"{path} is not converted: converting 3 episodes to {target}"]
    written = os.stat(target).st_mtime_ns
    assert cache.record_files(path, note=notes.append) == target
    assert "was converted before" in notes[1] and os.stat(target).st_mtime_ns == written
    own_data_testing.npz(tmp_path, _EPISODES[:2])
    cache.record_files(path, note=notes.append)
    assert "has changed since it was converted: converting 2 episodes" in notes[2]
    assert len(shard_reader.read_shard(target)) == 11


def test_a_cache_that_was_cut_is_made_anew(tmp_path):
    path = own_data_testing.npz(tmp_path, _EPISODES)
    target = pathlib.Path(cache.record_files(path))
    target.write_bytes(target.read_bytes()[:100])
    cache.record_files(path)
    assert len(shard_reader.read_shard(str(target))) == 19


@pytest.mark.parametrize("name", ["folder of npz", "zarr"])
def test_folders_have_their_cache_beside_them(tmp_path, name):
    path = own_data_testing.ARRAYS[name](tmp_path, _EPISODES)
    other = shard_testing.write(tmp_path / "a.tfrecord")
    first, last = cache.record_files(f"{path},{other}").split(",")
    assert last == other and os.path.dirname(first) == f"{path}.ibc-cache"
    assert cache.record_files(path) == first


def test_a_recording_without_actions_is_not_cloned(tmp_path):
    path = tmp_path / "states.npz"
    np.savez(path, state=np.ones((9, 2)), episode_ends=[4, 9])
    with pytest.raises(ValueError, match="has states alone: without actions nothing can be cloned"):
        cache.record_files(str(path))
    assert os.listdir(tmp_path) == ["states.npz"]


def test_a_damaged_recording_leaves_no_cache(tmp_path):
    broken = own_data_testing.episodes()
    broken[1]["action"][0] = np.nan
    path = own_data_testing.npz(tmp_path, broken)
    with pytest.raises(ValueError, match="action is not finite in episode 1"):
        cache.record_files(path)
    assert os.listdir(f"{path}.ibc-cache") == [".lock"]


def test_two_programs_at_once_do_not_collide(tmp_path, monkeypatch):
    path, notes, times = own_data_testing.npz(tmp_path, _EPISODES), [], []
    real, begun = convert.convert, threading.Event()

    def slow(*arguments, **options):
        times.append(1)
        begun.set()
        waited.wait(10)
        return real(*arguments, **options)

    waited = threading.Event()

    def note(line):
        notes.append(line)
        if "waiting" in line:
            waited.set()

    monkeypatch.setattr(cache.convert, "convert", slow)
    first = threading.Thread(target=cache.record_files, args=(path, (), note))
    first.start()
    begun.wait(10)
    target = cache.record_files(path, note=note)
    first.join()
    assert len(times) == 1 and any("is being converted; waiting" in line for line in notes)
    assert len(shard_reader.read_shard(target)) == 19
