"""Damaged HDF5 files: each is refused in one line, or converted to what it holds, in time."""

import collections
import contextlib
import io
import pathlib
import random
import signal

import numpy as np
import pytest
import tensorflow as tf

from ibc.data import ibc_data
from ibc.data.records import shard_reader
from tests import fuzz_testing

pytest.importorskip("h5py")
from tests import fuzz_hdf5_testing

_DAMAGED, _CHANGED = 150, 75
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
    errors = io.StringIO()
    signal.setitimer(signal.ITIMER_PROF, _LONGEST_SECONDS)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            ibc_data.main(["convert", path, str(output)])
    except SystemExit:
        lines = errors.getvalue().replace("\r", "\n").splitlines()
        lines = [line for line in lines if line.strip() and "frame/s" not in line]
        (line,) = [line for line in lines if "?frame" not in line]
        assert line.startswith("error: ") and path in line, line
        assert not list(output.parent.glob(f"{output.name}*")), line
        return None
    shard = shard_reader.read_shard(str(output))
    for made in output.parent.glob(f"{output.name}*"):
        made.unlink()
    return tf.nest.flatten(shard.frames)


def _same(found: list[np.ndarray], whole: list[np.ndarray]) -> bool:
    return len(found) == len(whole) and all(map(np.array_equal, found, whole))


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz_hdf5_testing.FILES)
def test_damaged_files_are_refused_or_converted_alike(tmp_path, kind, report):
    write, guarded = fuzz_hdf5_testing.FILES[kind]
    path = pathlib.Path(write(tmp_path))
    contents = path.read_bytes()
    whole = _convert(str(path), tmp_path / "whole.tfrecord")
    rng = random.Random(kind)
    found = collections.Counter()
    for _ in range(_DAMAGED):
        damaged = fuzz_testing.mutate_anything(contents, rng)
        path.write_bytes(damaged)
        numbers = _convert(str(path), tmp_path / "damaged.tfrecord")
        outcome = "refused" if numbers is None else "same" if _same(numbers, whole) else "other"
        # Where nothing is guarded by a checksum, another number is as good as the right one.
        assert outcome != "other" or not guarded, damaged
        assert numbers is None or all(np.isfinite(array).all() for array in numbers)
        found[outcome] += 1
    report(f"{_DAMAGED} damaged HDF5 files {kind}: {dict(found)}")
    assert found["refused"] > 0.2 * _DAMAGED


@pytest.mark.slow
@pytest.mark.parametrize("kind", fuzz_hdf5_testing.FILES)
def test_files_of_other_things_are_refused_or_converted_alike(tmp_path, kind, report):
    write, _ = fuzz_hdf5_testing.FILES[kind]
    path = pathlib.Path(write(tmp_path))
    contents = path.read_bytes()
    whole = _convert(str(path), tmp_path / "whole.tfrecord")
    rng = random.Random(kind)
    found = collections.Counter()
    for _ in range(_CHANGED):
        path.write_bytes(contents)
        what = fuzz_hdf5_testing.change_meaning(str(path), rng)
        numbers = _convert(str(path), tmp_path / "changed.tfrecord")
        found["refused" if numbers is None else "converted"] += 1
        if numbers is not None:
            assert all(np.isfinite(array).all() for array in numbers), what
            assert _same(numbers, whole) or what.startswith(fuzz_hdf5_testing.OTHER), what
    report(f"{_CHANGED} HDF5 files {kind} of other things than expected: {dict(found)}")
    assert found["refused"] > 0.2 * _CHANGED


def test_links_that_lead_nowhere_are_one_line(tmp_path):
    import h5py

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
    import h5py

    path = fuzz_hdf5_testing.write_d4rl(tmp_path)
    with h5py.File(path, "r+") as file:
        for key in ("actions", "rewards", "terminals", "timeouts", "observations"):
            shape = (1 << 40, *file[key].shape[1:])
            del file[key]
            file.create_dataset(key, shape, "f4", chunks=True)
    assert _convert(path, tmp_path / "a.tfrecord") is None
