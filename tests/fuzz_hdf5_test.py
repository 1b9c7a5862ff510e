"""Damaged HDF5 files: each is refused in one line, or converted to what it holds, in time."""

import collections
import gc
import pathlib
import random
import signal

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import shard_reader
from tests import commands, fuzz_testing

pytest.importorskip("h5py")
import h5py

from tests import fuzz_hdf5_testing

_LONGEST_SECONDS = 20


@pytest.fixture(autouse=True)
def one_after_another():
    """Ends a conversion that hangs."""

    def end(number, frame):
        raise AssertionError(f"still converting after {_LONGEST_SECONDS} s of processor time")

    previous = signal.signal(signal.SIGPROF, end)
    yield
    signal.setitimer(signal.ITIMER_PROF, 0)
    signal.signal(signal.SIGPROF, previous)


def _convert(path: str, output: pathlib.Path) -> list[np.ndarray] | None:
    """Returns all numbers of the record file made of an HDF5 file; None if it was refused."""
    signal.setitimer(signal.ITIMER_PROF, _LONGEST_SECONDS)
    done = commands.in_process("ibc-data", ["convert", path, str(output)])
    if done.status:
        gc.collect()  # From Python 3.12 on an error is a cycle, which holds the file open.
        (line,) = done.errors
        assert line.startswith("error: ") and path in line, line
        assert not list(output.parent.glob(f"{output.name}*")), line
        return None
    shard = shard_reader.read_shard(str(output))
    for made in output.parent.glob(f"{output.name}*"):
        made.unlink()
    return tf.nest.flatten(shard.frames)


def _same(found: list[np.ndarray], whole: list[np.ndarray]) -> bool:
    return len(found) == len(whole) and all(map(np.array_equal, found, whole))


def _damage(path: pathlib.Path, contents: bytes, guarded: bool, rng) -> tuple[object, bool]:
    damaged = fuzz_testing.mutate_anything(contents, rng)
    path.write_bytes(damaged)
    # Where nothing is guarded by a checksum, another number is as good as the right one.
    return damaged, not guarded


def _change(path: pathlib.Path, contents: bytes, guarded: bool, rng) -> tuple[object, bool]:
    path.write_bytes(contents)
    what = fuzz_hdf5_testing.change_meaning(str(path), rng)
    return what, what.startswith(fuzz_hdf5_testing.OTHER)


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz_hdf5_testing.FILES)
@pytest.mark.parametrize("spoil, count", [(_damage, 150), (_change, 75)])
def test_spoilt_files_are_refused_or_converted_alike(tmp_path, kind, spoil, count, report):
    write, guarded = fuzz_hdf5_testing.FILES[kind]
    path = pathlib.Path(write(tmp_path))
    contents = path.read_bytes()
    whole = _convert(str(path), tmp_path / "whole.tfrecord")
    rng = random.Random(kind)
    found = collections.Counter()
    for _ in range(count):
        what, may_differ = spoil(path, contents, guarded, rng)
        numbers = _convert(str(path), tmp_path / "spoilt.tfrecord")
        outcome = "refused" if numbers is None else "same" if _same(numbers, whole) else "other"
        assert outcome != "other" or may_differ, what
        assert numbers is None or all(np.isfinite(array).all() for array in numbers), what
        found[outcome] += 1
    report(f"{count} HDF5 files {kind}, {spoil.__name__[1:]}d: {dict(found)}")
    assert found["refused"] > 0.2 * count


def test_links_that_lead_nowhere_are_one_line(tmp_path):
    path = fuzz_hdf5_testing.write_d4rl(tmp_path)
    for link in (
        h5py.SoftLink("/nowhere"),
        h5py.SoftLink("/actions"),
        h5py.ExternalLink("nowhere.hdf5", "/actions"),
    ):
        with h5py.File(path, "r+") as file:
            del file["actions"]
            file["actions"] = link
        assert _convert(path, tmp_path / "a.tfrecord") is None


def test_values_that_were_never_written_are_not_made_up(tmp_path):
    path = fuzz_hdf5_testing.write_d4rl(tmp_path)
    with h5py.File(path, "r+") as file:
        for key in ("actions", "rewards", "terminals", "timeouts", "observations"):
            shape = (1 << 40, *file[key].shape[1:])
            del file[key]
            file.create_dataset(key, shape, "f4", chunks=True)
    assert _convert(path, tmp_path / "a.tfrecord") is None
