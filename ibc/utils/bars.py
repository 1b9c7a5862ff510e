"""Progress of what takes long: a bar on a terminal, a line now and then elsewhere.

Nothing is shown before a program asks for it (`show`), or below the log's information level.
"""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import tqdm
from absl import logging

Advance = Callable[..., object]
"""Is told how much more has been done, by default one."""

_SECONDS_TO_FIRST_LINE, _MOST_SECONDS = 2.0, 60.0
_SECONDS_TO_PASSING_BAR = 1.0
_shows = False


def show() -> None:
    """Lets this process show progress; log lines then stand above bars."""
    global _shows
    _shows = True
    handler = logging.get_absl_handler().python_handler
    emit = type(handler).emit

    def emit_above_bars(record: Any) -> None:
        with tqdm.tqdm.external_write_mode(sys.stderr):
            emit(handler, record)

    handler.emit = emit_above_bars


def on_terminal() -> bool:
    """Whether bars are shown, and not lines."""
    return _is_shown() and sys.stderr.isatty()


@contextlib.contextmanager
def bar(total: int, unit: str, what: str, passing: bool = False) -> Iterator[Advance]:
    """Shows how much of something is done, its speed and the time left.

    Args:
      total: how much there is to do.
      unit: what is counted, such as 'episode'.
      what: what is done, such as 'recording'.
      passing: nothing is shown of what is done within a second, or remains when it is done.

    Yields:
      Function to call with how much more has been done.
    """
    if not _is_shown():
        yield lambda count=1: None
    elif sys.stderr.isatty():
        delay = _SECONDS_TO_PASSING_BAR if passing else 0
        arguments = dict(total=total, unit=unit, desc=what, leave=not passing, delay=delay)
        with tqdm.tqdm(**arguments) as shown:
            yield steadily(shown)
    else:
        yield Lines(total, unit, what, passing)


def steadily(shown: tqdm.tqdm) -> Advance:
    """Returns what advances a bar whose clock starts when the first part is done.

    What comes before is start-up, of processes or of compiled functions, and says nothing of the
    time that the rest takes.
    """
    is_timed = False

    def advance(count: int = 1) -> None:
        nonlocal is_timed
        if is_timed:
            shown.update(count)
        else:
            is_timed = True
            start_clock(shown, shown.n + count)

    return advance


def start_clock(shown: tqdm.tqdm, done: int) -> None:
    """Makes a bar estimate from now on, when so much is done."""
    shown.n = shown.initial = shown.last_print_n = done
    shown.start_t = shown.last_print_t = time.time()
    if not shown.delay:
        shown.refresh()


def leave_out(shown: tqdm.tqdm, seconds: float) -> None:
    """Makes a bar's estimate forget time that was spent on something else."""
    shown.start_t += seconds
    shown.last_print_t += seconds


class Lines:
    """Logs how much is done: at first after seconds, later every minute, and at the end."""

    def __init__(self, total: int, unit: str, what: str, passing: bool = False):
        """Creates it; arguments are those of `bar`."""
        self._total, self._unit, self._what = total, unit, what
        self._done, self._first = 0, 0
        self._started: float | None = None
        self._passing, self._wait = passing, _SECONDS_TO_FIRST_LINE
        self._last = time.monotonic()
        if not passing:
            logging.info("%s: 0/%d %ss", what, total, unit)

    def __call__(self, count: int = 1) -> None:
        """Takes note of what has been done, and logs it if there has been no line for a while."""
        now = time.monotonic()
        self._done += count
        if self._started is None:
            self._started, self._first = now, self._done
        is_last = self._done >= self._total and not self._passing
        if now - self._last < self._wait and not is_last:
            return
        self._last, self._wait = now, min(2 * self._wait, _MOST_SECONDS)
        text = f"{self._what}: {self._done}/{self._total} {self._unit}s"
        if self._done > self._first and now > self._started:
            rate = (self._done - self._first) / (now - self._started)
            text += f", {rate:.3g} {self._unit}s/s"
            if not is_last:
                left = (self._total - self._done) / rate
                text += f", {tqdm.tqdm.format_interval(left)} left"
        logging.info("%s", text)


def _is_shown() -> bool:
    return _shows and logging.get_verbosity() >= logging.INFO
