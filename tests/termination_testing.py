"""Signals, and compiled code that spoils their exceptions, for tests."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from ibc.utils import termination

each_signal = pytest.mark.parametrize(
    ("number", "error"),
    [(signal.SIGTERM, termination.Terminated), (signal.SIGINT, KeyboardInterrupt)],
)
"""Runs a test with SIGTERM and with Ctrl-C, and the exception of each."""


@contextlib.contextmanager
def restored() -> Iterator[None]:
    """Restores what the signals did: after `termination.watched` SIGTERM may be ignored."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def signalled(function: Callable, number: signal.Signals) -> Callable:
    """Returns `function` as compiled code that a signal hits: an exception comes out as another."""

    def compiled(*arguments, **keywords):
        try:
            os.kill(os.getpid(), number)
            return function(*arguments, **keywords)
        except BaseException as error:
            raise SystemError("returned a result with an exception set") from error

    return compiled
