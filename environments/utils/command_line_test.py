"""Tests of what command lines have in common."""

import pytest

from ibc.environments.utils import command_line


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
