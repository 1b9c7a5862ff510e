"""Tests of what command lines have in common."""

import os

import pytest

from ibc.utils import command_line
from tests import command_line_testing


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["prog", "--", "--task=A"], ["prog", "--task=A"]),
        (["prog", "--task=A"], ["prog", "--task=A"]),
        (["prog", "--task=A", "--", "x"], ["prog", "--task=A", "--", "x"]),
        (["prog"], ["prog"]),
    ],
)
def test_only_a_leading_lone_dash_is_dropped(argv, expected):
    assert command_line.without_lone_dashes(argv) == expected


def test_failure_is_one_line_and_a_status(capsys):
    with pytest.raises(SystemExit) as end:
        command_line.fail(ValueError("n_dim is wrong\n  In call to configurable"), status=3)
    assert end.value.code == 3
    assert capsys.readouterr().err == "error: n_dim is wrong\n"


def test_debug_shows_where_an_error_comes_from_and_still_ends_with_the_line(capsys):
    try:
        raise ValueError("n_dim is wrong\n  In call to configurable")
    except ValueError as error:
        with pytest.raises(SystemExit):
            command_line.fail(error, debug=True)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("Traceback") and 'raise ValueError("n_dim is' in "".join(lines)
    assert lines[-1] == "error: n_dim is wrong"


def test_debug_of_a_message_is_the_message(capsys):
    with pytest.raises(SystemExit):
        command_line.fail("interrupted", debug=True)
    assert capsys.readouterr().err == "error: interrupted\n"


def test_what_nobody_reads_any_more_ends_the_program_quietly(capsys):
    with command_line_testing.unread_output(), pytest.raises(SystemExit) as end:
        command_line.say("result")
    assert end.value.code == 141
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full here")
def test_a_result_that_cannot_be_written_is_an_error(monkeypatch):
    with open("/dev/full", "w") as output:
        monkeypatch.setattr("sys.stdout", output)
        with pytest.raises(OSError, match="No space left"):
            command_line.say("result")
