import multiprocessing
import os
import signal
import time

import pytest

from ibc.utils import child_process, termination

_SPAWN = multiprocessing.get_context("spawn")


def _work_until_told(ready, folder):
    with child_process.led_by_parent():
        try:
            (folder / "half").touch()
            ready.set()
            while True:
                time.sleep(0.01)
                termination.check()
        finally:
            # What a second signal would break off.
            time.sleep(0.5)
            (folder / "half").unlink()


def _work_in_compiled_code(ready):
    with child_process.led_by_parent():
        try:
            ready.set()
            while True:
                time.sleep(0.01)
        except termination.Terminated as error:
            raise SystemError("returned a result with an exception set") from error


def test_a_signal_that_hits_compiled_code_ends_without_a_traceback(capfd):
    ready = _SPAWN.Event()
    process = _SPAWN.Process(target=_work_in_compiled_code, args=(ready,))
    process.start()
    assert ready.wait(60)
    process.terminate()
    process.join()
    assert process.exitcode == 1 and "Traceback" not in capfd.readouterr().err


@pytest.fixture
def worker(tmp_path):
    ready = _SPAWN.Event()
    process = _SPAWN.Process(target=_work_until_told, args=(ready, tmp_path))
    process.start()
    assert ready.wait(60)
    yield process
    process.kill()
    process.join()


def test_a_second_signal_does_not_break_off_what_the_first_has_begun(worker, tmp_path):
    worker.terminate()
    time.sleep(0.1)
    worker.terminate()
    worker.join(10)
    assert worker.exitcode == 1
    assert not list(tmp_path.iterdir())


def test_an_interrupt_is_left_to_the_parent(worker):
    os.kill(worker.pid, signal.SIGINT)
    worker.join(0.5)
    assert worker.is_alive()


@pytest.mark.parametrize(("number", "name"), [(signal.SIGKILL, "SIGKILL"), (40, "signal 40")])
def test_the_end_of_a_process_is_told(worker, number, name):
    os.kill(worker.pid, number)
    assert child_process.cause_of_death(worker) == f"was killed by {name}"


def test_errors_are_told_in_one_line():
    assert child_process.summary(ValueError("a\nb")) == "a"
    assert child_process.summary(OSError("")) == "OSError: no message"
