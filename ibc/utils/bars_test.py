import fcntl
import io
import os
import re
import struct
import sys
import termios

import pytest
import tqdm
from absl import flags, logging

from ibc.utils import bars


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    """Stands for the time module; moves when told."""

    def __init__(self):
        self.now = 1000.0

    def time(self):
        return self.now

    monotonic = time


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(bars, "time", clock)
    monkeypatch.setattr(tqdm.std, "time", clock.time)
    return clock


@pytest.fixture
def shows(monkeypatch):
    """Shows progress, at the level of information, as in a program."""
    handler, verbosity = logging.get_absl_handler(), logging.get_verbosity()
    monkeypatch.setattr(bars, "_shows", False)
    monkeypatch.setattr(logging, "_warn_preinit_stderr", False)
    monkeypatch.setattr(logging.get_absl_logger(), "handlers", [handler])
    # A program that was called before in this process has given it to the root, too.
    monkeypatch.setattr(logging.get_absl_logger(), "propagate", False)
    logging.set_verbosity(logging.INFO)
    # It has set its own, too.
    formatter = handler.python_handler.formatter
    handler.setFormatter(logging.PythonFormatter())
    bars.show()
    yield
    handler.setFormatter(formatter)
    del handler.python_handler.emit
    logging.set_verbosity(verbosity)


def shown_on(stream, monkeypatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(logging.get_absl_handler().python_handler, "stream", stream)
    return stream


def test_the_first_part_does_not_count(shows, clock, monkeypatch):
    stream = shown_on(Terminal(), monkeypatch)
    with bars.bar(1000, "step", "training") as advance:
        clock.now += 60  # It is compiled.
        advance()
        assert "1/1000 [00:00<?, ?step/s]" in stream.getvalue()
        for _ in range(20):
            clock.now += 0.5
            advance()
    assert "21/1000 [00:10<08:09,  2.00step/s]" in stream.getvalue()
    assert not re.search(r"<\d+:\d\d:\d\d", stream.getvalue())


def test_time_for_something_else_does_not_count(shows, clock, monkeypatch):
    shown_on(Terminal(), monkeypatch)
    shown = tqdm.tqdm(total=100)
    bars.start_clock(shown, 10)
    clock.now += 10
    shown.update(10)
    clock.now += 1000
    bars.leave_out(shown, 1000)
    clock.now += 10
    shown.update(10)
    assert "30/100 [00:20<01:10,  1.00it/s]" in str(shown)
    shown.close()


def test_lines_come_now_and_then_where_there_is_no_terminal(shows, clock, monkeypatch):
    stream = shown_on(io.StringIO(), monkeypatch)
    with bars.bar(600, "episode", "recording") as advance:
        clock.now += 30
        for _ in range(250):
            clock.now += 1
            advance()
    lines = [line.partition("] ")[2] for line in stream.getvalue().splitlines()]
    assert lines[:3] == [
        "recording: 0/600 episodes",
        "recording: 1/600 episodes",
        "recording: 5/600 episodes, 1 episodes/s, 09:55 left",
    ]
    assert lines[-1] == "recording: 241/600 episodes, 1 episodes/s, 05:59 left"
    assert len(lines) == 9
    assert "\r" not in stream.getvalue()
    clock.now += 350
    advance(350)
    assert stream.getvalue().endswith("] recording: 600/600 episodes, 1 episodes/s\n")


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_what_passes_quickly_is_not_shown(shows, monkeypatch, kind):
    stream = shown_on(kind(), monkeypatch)
    with bars.bar(10, "frame", "statistics", passing=True) as advance:
        for _ in range(10):
            advance()
    assert stream.getvalue() == ""


@pytest.mark.parametrize("kind", [Terminal, io.StringIO])
def test_below_the_level_of_information_nothing_is_shown(shows, monkeypatch, kind):
    stream = shown_on(kind(), monkeypatch)
    logging.set_verbosity(logging.WARNING)
    with bars.bar(10, "frame", "converting") as advance:
        advance(10)
    assert not bars.on_terminal() and stream.getvalue() == ""
    assert flags.FLAGS["verbosity"].value == -1


def test_log_lines_stand_above_the_bar_of_a_terminal(shows, monkeypatch):
    parent, child = os.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    with os.fdopen(child, "w") as stream, open(parent, "rb", buffering=0) as screen:
        shown_on(stream, monkeypatch)
        with bars.bar(3, "episode", "recording") as advance:
            advance()
            logging.info("kept")
            advance(2)
        text = ""
        while "3/3" not in text:  # What is written comes in pieces.
            text += screen.read(1 << 16).decode()
    (line,) = [line for line in text.split("\n") if "kept" in line]
    # The bar was removed from the line first.
    assert re.search(r"\r +\rI.*\] kept\r$", line)
    assert "3/3" in text.split("\n", 1)[1]
