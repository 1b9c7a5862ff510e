"""Signals that arrive where compiled code would spoil an exception, for tests."""

import os
import signal
from collections.abc import Callable


def signalled(function: Callable, number: signal.Signals) -> Callable:
    """Returns `function` as compiled code that a signal hits: an exception comes out as another."""

    def compiled(*arguments, **keywords):
        try:
            os.kill(os.getpid(), number)
            return function(*arguments, **keywords)
        except BaseException as error:
            raise SystemError("returned a result with an exception set") from error

    return compiled
