"""SIGTERM, as job schedulers send it, and Ctrl-C: exceptions, at once or where it does no harm."""

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
    interrupted = False
    """Whether Ctrl-C was pressed."""
    polled = 0
    """How many blocks that look for signals themselves are being executed."""


@contextlib.contextmanager
def watched() -> Iterator[None]:
    """Turns SIGTERM into `Terminated` inside the block, and notes Ctrl-C, so that none is lost.

    Only the first SIGTERM: what is then being saved or removed is not disturbed by another, and
    further ones are ignored until the process ends. Ctrl-C is left alone where somebody else
    handles it. In threads other than the main one signals stay as they are.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _State.requested, _State.deferred, _State.by_agreement = False, 0, False
    _State.interrupted, _State.polled = False, 0
    previous = signal.signal(signal.SIGTERM, _handle)
    handles_interrupts = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if handles_interrupts:
        signal.signal(signal.SIGINT, _handle_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN if _State.requested else previous)
        if handles_interrupts:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        _State.requested, _State.interrupted = False, False


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
def polled() -> Iterator[None]:
    """Lets signals be only noted; the block calls `check` often, and one is made at its end.

    For loops of small steps: an exception that a signal raises while compiled code is at work
    may be lost in it, or come out of it as another error. A second Ctrl-C is an exception at once.
    """
    _State.polled += 1
    try:
        yield
    finally:
        _State.polled -= 1
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
    """Raises KeyboardInterrupt if Ctrl-C was pressed, or `Terminated` if SIGTERM has arrived.

    The latter not inside `deferred` or `by_agreement`. To be called in loops: an exception that
    a signal raises is lost if it hits a destructor.
    """
    if _State.interrupted:
        raise KeyboardInterrupt
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
        if not _State.polled:
            check()


def _handle_interrupt(number, frame) -> None:
    first, _State.interrupted = not _State.interrupted, True
    if not (first and _State.polled):
        raise KeyboardInterrupt
