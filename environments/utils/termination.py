"""SIGTERM, as job schedulers send it: an exception, at once or when a step is complete."""

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

STATUS = 128 + signal.SIGTERM
"""Exit status of a command that SIGTERM has ended, as a shell reports it."""


class Terminated(BaseException):
    """SIGTERM has arrived; the message says what was saved.

    No `Exception`: like KeyboardInterrupt it is not a failure that anybody should handle.
    """


class _State:
    """A process has one handler per signal, so there is one state."""

    requested = False
    """Whether SIGTERM has arrived."""
    deferred = 0
    """How many blocks that must not be broken off are being executed."""
    by_agreement = False
    """Whether nothing happens before `request`."""


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Turns SIGTERM into `Terminated` inside the block.

    Only the first one: what is then being saved or removed is not disturbed by another, and
    further ones are ignored until the process ends. In threads other than the main one signals
    stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.requested, _State.deferred, _State.by_agreement = False, 0, False
    previous = signal.signal(signal.SIGTERM, _handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if _State.requested else previous)
        _State.requested = False


@contextlib.contextmanager
def deferred() -> Iterator[None]:
    """Lets the block be completed first: `Terminated` is raised at its end."""
    _State.deferred += 1
    try:
        yield
    finally:
        _State.deferred -= 1
    check()


@contextlib.contextmanager
def by_agreement() -> Iterator[None]:
    """Lets SIGTERM be only noted (`requested`) until `request` is called or the block ends.

    For machines that work in step: one that left alone would be lost to the others.
    """
    _State.by_agreement = True
    try:
        yield
    finally:
        _State.by_agreement = False
    check()


def requested() -> bool:
    """Whether SIGTERM has arrived."""
    return _State.requested


def request() -> None:
    """Acts from now on on a SIGTERM that was only noted, or that another machine was sent."""
    _State.requested, _State.by_agreement = True, False


def check() -> None:
    """Raises `Terminated` if SIGTERM has arrived, unless inside `deferred` or `by_agreement`.

    To be called in loops: an exception that a signal raises is lost if it hits a destructor.
    """
    if _State.requested and not (_State.deferred or _State.by_agreement):
        raise Terminated(
            "terminated; the same command goes on from what is complete, if anything is."
        )


def end(message: object) -> NoReturn:
    """Ends the program with one line on standard error and the status 143.

    What was registered with atexit is done. Taking TensorFlow apart is not: it takes seconds, on
    a busy machine more than schedulers wait.
    """
    print(f"error: {message}", file=sys.stderr, flush=True)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(STATUS)


def _handle(number, frame) -> None:
    if not _State.requested:
        _State.requested = True
        check()
