"""Sixteen replicas on however few cores: all work, and all end when one of them fails."""

import os
import pathlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from ibc.data.records import shard_reader
from tests import commands

pytestmark = pytest.mark.slow

_REPLICAS = 16
_LONGEST_SECONDS = 300
# From a replica's death, or a signal, to the end of the command and of all its processes.
_NOTICED_SECONDS = 15


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[[int], subprocess.Popen]]:
    """Returns a function that starts the command for a number of episodes; ends what is left."""
    processes = []

    def start(num_episodes: int) -> subprocess.Popen:
        numbers = (f"--replicas={_REPLICAS}", f"--num_episodes={num_episodes}")
        flags = ("--policy=oracle", *numbers, f"--dataset_path={tmp_path}/a.tfrecord")
        command = ("-m", "ibc.data.policy_eval", "--task=PARTICLE", *flags)
        processes.append(commands.start_at_once(*command, cwd=tmp_path, stderr=subprocess.PIPE))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()


def _wait_until_all_record(process: subprocess.Popen, folder: pathlib.Path) -> list[psutil.Process]:
    """Returns the command's processes as soon as every replica writes to its file."""
    commands.wait_for_files(process, folder, ".a_*.journal", _REPLICAS)
    return psutil.Process(process.pid).children(recursive=True)


def _end(process: subprocess.Popen, family: list[psutil.Process], at_most: float) -> str:
    """Waits for the command's end; returns its error line, when nobody is left in time."""
    begin = time.monotonic()
    _, errors = process.communicate(timeout=_LONGEST_SECONDS)
    assert not psutil.wait_procs(family, timeout=_LONGEST_SECONDS)[1]
    seconds = time.monotonic() - begin
    print(f"{len(family)} processes ended {seconds:.1f} s later")
    assert seconds < at_most
    return commands.only_error(errors)


def test_all_record_and_no_two_alike(tmp_path, start):
    process = start(5)
    output, errors = process.communicate(timeout=_LONGEST_SECONDS)
    assert process.returncode == 0, errors
    assert f"Ran {5 * _REPLICAS} episodes" in output
    shards = [shard_reader.read_shard(f"{tmp_path}/a_{i}.tfrecord") for i in range(_REPLICAS)]
    assert {len(shard) for shard in shards} == {5 * 51}
    starts = {s.frames.observation["pos_agent"][::51].tobytes() for s in shards}
    assert len(starts) == _REPLICAS
    assert len(list(tmp_path.iterdir())) == 3 * _REPLICAS


def test_a_killed_one_is_named_and_nobody_is_left(tmp_path, start):
    process = start(10**6)
    family = _wait_until_all_record(process, tmp_path)
    (recording,) = [
        p for p in family if any("/.a_7.tfrecord" in file.path for file in p.open_files())
    ]
    recording.kill()
    assert _end(process, family, _NOTICED_SECONDS) == "error: replica 7 was killed by SIGKILL."
    assert process.returncode == 1
    assert not [p for p in tmp_path.iterdir() if ".unfinished" not in p.name]


def test_an_error_of_one_is_given_and_nobody_is_left(tmp_path, start):
    process = start(50)
    family = _wait_until_all_record(process, tmp_path)
    (tmp_path / "a_7.tfrecord" / "kept").mkdir(parents=True)
    # The error is that of its last episode, which is still to come.
    line = _end(process, family, _LONGEST_SECONDS)
    assert line.startswith("error: replica 7: IsADirectoryError: ")
    assert process.returncode == 1
    assert not [p for p in tmp_path.glob(".*") if ".unfinished" not in p.name]


@pytest.mark.parametrize("group", [False, True])
def test_ctrl_c_leaves_nobody(tmp_path, start, group):
    process = start(10**6)
    family = _wait_until_all_record(process, tmp_path)
    (os.killpg if group else os.kill)(process.pid, signal.SIGINT)
    assert _end(process, family, _NOTICED_SECONDS).startswith("error: interrupted")
    assert process.returncode == 130
    assert not [p for p in tmp_path.iterdir() if ".unfinished" not in p.name]
