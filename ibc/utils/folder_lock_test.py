"""One process at a time in a folder, whatever becomes of the process."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys

import pytest

from ibc.utils import folder_lock
from tests import commands

_HOLDING = """
import pathlib, sys, time
from ibc.utils import folder_lock, program
with program.one_line_errors(), folder_lock.held(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
    """A process that holds the lock of tmp_path."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_told_who_is_there(tmp_path, holder):
    expected = rf"{tmp_path} is in use: process {holder.pid} of .* since 20.*, or use --tag\."
    with pytest.raises(BlockingIOError, match=expected), folder_lock.held(tmp_path, "use --tag"):
        pass
    # The one that was refused has disturbed nothing.
    assert json.loads((tmp_path / folder_lock.FILE).read_text())["pid"] == holder.pid
    with pytest.raises(BlockingIOError), folder_lock.held(tmp_path):
        pass


def test_a_process_that_was_stopped_still_holds_it(tmp_path, holder):
    holder.send_signal(signal.SIGSTOP)
    with pytest.raises(BlockingIOError), folder_lock.held(tmp_path):
        pass


def test_what_a_killed_process_held_is_taken_over_and_said(tmp_path, holder, caplog):
    holder.kill()
    holder.wait()
    assert (tmp_path / folder_lock.FILE).exists()
    with folder_lock.held(tmp_path):
        assert json.loads((tmp_path / folder_lock.FILE).read_text())["pid"] == os.getpid()
    assert f"Taking over {tmp_path / folder_lock.FILE}: process {holder.pid} of " in caplog.text


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_program_that_a_signal_ends_leaves_nothing(tmp_path, holder, number, status):
    holder.send_signal(number)
    assert holder.wait(60) == status and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "left",
    [
        json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": "another boot"}),
        json.dumps({"host": "another", "pid": 1, "started": "2020-01-01"}),
        '{"host": "half',
        "[]",
    ],
    # Processes that run tests side by side have to call them alike.
    ids=["own process", "another host", "half", "empty"],
)
def test_a_file_that_nobody_holds_keeps_nobody_out(tmp_path, left, caplog):
    (tmp_path / folder_lock.FILE).write_text(left)
    with folder_lock.held(tmp_path):
        assert json.loads((tmp_path / folder_lock.FILE).read_text())["host"] == socket.gethostname()
    assert "Taking over" in caplog.text and not list(tmp_path.iterdir())


def test_a_program_that_its_holder_has_started_does_not_hold_it(tmp_path):
    with folder_lock.held(tmp_path):
        child = subprocess.Popen(["sleep", "60"], close_fds=False)
    try:
        with folder_lock.held(tmp_path):
            pass
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("end", [ValueError, KeyboardInterrupt, SystemExit])
def test_at_any_end_the_lock_and_empty_folders_are_gone(tmp_path, end):
    with pytest.raises(end), folder_lock.held(tmp_path / "new" / "run"):
        raise end
    assert not list(tmp_path.iterdir())
    with folder_lock.held(tmp_path / "new" / "run"):
        (tmp_path / "new" / "run" / "result").touch()
    assert [path.name for path in (tmp_path / "new" / "run").iterdir()] == ["result"]


def test_a_folder_that_cannot_be_made_is_one_clear_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=r"cannot make the folder .*; use --tag"):
        with folder_lock.held(tmp_path / "file" / "x", "use --tag"):
            pass


def start(folder: pathlib.Path, data: str, steps: int) -> subprocess.Popen:
    """Starts a training that never ends by itself if it has many steps to make."""
    bindings = (
        f"train_eval.root_dir = '{folder}'",
        f"train_eval.dataset_path = '{data}'",
        f"train_eval.num_iterations = {steps}",
        "train_eval.batch_size = 16",
        "train_eval.checkpoint_interval = 1",
        "train_eval.fused_train_steps = 1",
        "train_eval.policy_save_interval = 0",
        "train_eval.learning_rate_schedule = 'exponential'",
        "MLPMSE.width = 16",
    )
    command = ["-m", "ibc.train_eval", "--task=PARTICLE", "--skip_eval", "--gin_file=mlp_mse.gin"]
    command += [f"--gin_bindings={binding}" for binding in bindings]
    return commands.start_at_once(*command, stderr=subprocess.PIPE)


def test_two_trainings_in_one_folder(tmp_path, particle_data):
    first = start(tmp_path, particle_data, 10**6)
    try:
        for line in first.stderr:
            if "Step: " in line or "This run is kept" in line:
                break
        second = start(tmp_path, particle_data, 10**6)
        _, errors = second.communicate(timeout=200)
        lines = [line for line in errors.splitlines() if line.startswith("error: ")]
        assert second.returncode == 1 and len(lines) == 1
        assert f"is in use: process {first.pid} of " in lines[0]
        assert first.poll() is None
    finally:
        first.kill()
        first.communicate()
    third = start(tmp_path, particle_data, 1)
    _, errors = third.communicate(timeout=200)
    assert third.returncode == 0, errors
    assert "Taking over" in errors and not (tmp_path / folder_lock.FILE).exists()
