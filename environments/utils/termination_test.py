import os
import signal
import subprocess
import sys
import threading

import pytest

from ibc.environments.utils import termination


def sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture(autouse=True)
def handler():
    """Restores what SIGTERM did before the test."""
    before = signal.getsignal(signal.SIGTERM)
    yield before
    signal.signal(signal.SIGTERM, before)


def test_sigterm_is_an_exception_inside_watched_only(handler):
    with termination.watched():
        assert signal.getsignal(signal.SIGTERM) is not handler
    assert signal.getsignal(signal.SIGTERM) is handler
    with pytest.raises(termination.Terminated), termination.watched():
        sigterm()
    sigterm()  # The process is ending.
    assert not termination.requested()


def test_a_deferred_block_is_completed_first():
    done = []
    with pytest.raises(termination.Terminated), termination.watched():
        with termination.deferred():
            with termination.deferred():
                sigterm()
                done.append("inner")
            done.append("outer")
            assert termination.requested()
        done.append("after")
    assert done == ["inner", "outer"]


def test_by_agreement_a_signal_is_noted_and_acted_on_when_it_is_agreed():
    done = []
    with pytest.raises(termination.Terminated), termination.watched(), termination.by_agreement():
        with termination.deferred():
            sigterm()
            done.append("before")
        termination.check()
        done.append("after")
        assert termination.requested()
        termination.request()
        termination.check()
        done.append("never")
    assert done == ["before", "after"]


def test_without_agreement_a_signal_waits_for_the_end_of_the_block():
    done = []
    with pytest.raises(termination.Terminated), termination.watched():
        with termination.by_agreement():
            sigterm()
            done.append("all")
        done.append("never")
    assert done == ["all"]


def test_an_error_in_a_deferred_block_is_not_replaced():
    with pytest.raises(ValueError, match="disk"), termination.watched():
        with termination.deferred():
            sigterm()
            raise ValueError("disk")


def test_a_second_sigterm_does_not_disturb_what_is_being_saved():
    saved = []
    with termination.watched():
        try:
            sigterm()
        except termination.Terminated:
            sigterm()
            saved.append("checkpoint")
    assert saved == ["checkpoint"]


def test_an_exception_lost_in_a_destructor_is_raised_at_the_next_check(monkeypatch):
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: None)

    class Simulator:
        def __del__(self):
            sigterm()
            for _ in range(1000):  # The handler runs between two instructions.
                pass

    with termination.watched():
        simulator = Simulator()
        del simulator
        with pytest.raises(termination.Terminated):
            termination.check()


def test_other_threads_leave_signals_alone():
    before, inside = signal.getsignal(signal.SIGTERM), []

    def work():
        with termination.watched(), termination.deferred():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert inside == [before]


def test_another_machines_sigterm_ends_the_next_deferred_block():
    with pytest.raises(termination.Terminated), termination.watched():
        with termination.deferred():
            termination.request()


def test_a_program_ends_with_one_line_its_status_and_what_was_left_to_do():
    code = """
import atexit
from ibc.environments.utils import termination
atexit.register(print, "closed")
termination.end("terminated.")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "closed\n", "error: terminated.\n")
