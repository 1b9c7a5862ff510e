"""Processes that work for this one: how they end, and what they say when they fail."""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from multiprocessing import process as base_process

from ibc.utils import termination

STOP_SECONDS = 5.0


class WorkerError(RuntimeError):
    """A process that works for this one failed or was killed; the message says which and why."""


class WorkerTraceback(Exception):
    """The cause of a `WorkerError`: where the process failed, as it has written it."""

    def __str__(self) -> str:
        return f"in the process:\n{self.args[0]}"


def num_cores() -> int:
    """Returns how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def led_by_parent() -> Iterator[None]:
    """Runs a child process's work: its parent ends it, and no file stays half-written."""
    # Ctrl-C reaches the whole group of processes.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # An exception, unlike the default action, lets half-written files be removed.
        with termination.watched():
            try:
                yield
            except SystemError:
                # Compiled code, TensorFlow's say, that was hit by it cannot hand it on.
                termination.check()
                raise
    except termination.Terminated:
        sys.exit(1)


def stop(process: base_process.BaseProcess) -> None:
    """Ends a process, by force if it does not end when asked to."""
    process.terminate()
    process.join(STOP_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


def summary(error: Exception) -> str:
    """Returns an error in one line."""
    line = (str(error).strip() or "no message").splitlines()[0]
    return line if isinstance(error, ValueError) else f"{type(error).__name__}: {line}"


def cause_of_death(process: base_process.BaseProcess) -> str:
    """Says how a process has ended: 'was killed by SIGKILL'."""
    process.join(STOP_SECONDS)
    code = process.exitcode
    if code is not None and code < 0:
        return f"was killed by {_signal_name(-code)}"
    return f"ended without a result (status {code})"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal: Python names only the first and the last one
        return f"signal {number}"
