import os
import signal
import subprocess
import sys
import threading

import pytest

from ibc.utils import termination
from tests import termination_testing


def sigterm() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(autouse=True)
def handler():
    """Handlers as a program begins with them; restores what the signals did before the test."""
    with termination_testing.restored():
        signal.signal(signal.SIGINT, signal.default_int_handler)
        yield signal.getsignal(signal.SIGTERM)


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


@termination_testing.each_signal
def test_an_exception_lost_in_a_destructor_is_raised_at_the_next_check(monkeypatch, number, error):
    monkeypatch.setattr("sys.unraisablehook", lambda unraisable: None)

    class Simulator:
        def __del__(self):
            os.kill(os.getpid(), number)
            for _ in range(1000):  # The handler runs between two instructions.
                pass

    with termination.watched():
        simulator = Simulator()
        del simulator
        with pytest.raises(error):
            termination.check()
    termination.check()


@termination_testing.each_signal
@pytest.mark.parametrize("looked_for", [True, False])
def test_a_polled_block_is_ended_where_it_looks_for_signals(number, error, looked_for):
    done = []
    with pytest.raises(error), termination.watched():
        with termination.polled():
            os.kill(os.getpid(), number)
            done.append("in compiled code")
            if looked_for:
                termination.check()
            done.append("its last step")
        done.append("after")
    assert done == ["in compiled code", "its last step"][: 1 if looked_for else 2]


def test_whoever_presses_ctrl_c_twice_does_not_wait():
    with pytest.raises(KeyboardInterrupt), termination.watched(), termination.polled():
        ctrl_c()
        for _ in range(1000):
            ctrl_c()
        pytest.fail("polled to its end")


def test_ctrl_c_is_an_exception_at_once_as_ever():
    with pytest.raises(KeyboardInterrupt), termination.watched():
        ctrl_c()
        pytest.fail("not at once")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_that_somebody_else_handles_is_left_alone():
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with termination.watched():
        ctrl_c()
        termination.check()
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


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
from ibc.utils import termination
from tests import termination_testing
atexit.register(print, "closed")
termination.end("terminated.")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (143, "closed\n", "error: terminated.\n")
