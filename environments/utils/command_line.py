"""What the command lines of this project have in common."""

import sys
from collections.abc import Sequence
from typing import NoReturn


def without_lone_dashes(argv: Sequence[str]) -> list[str]:
    """Drops a lone `--` directly after the program name, as published command lines have it.

    absl would take everything behind it for positional arguments.
    """
    argv = list(argv)
    if argv[1:2] == ["--"]:
        del argv[1]
    return argv


def fail(error: object, status: int = 1) -> NoReturn:
    """Ends the program with one line on standard error: the first of the error's message."""
    # gin appends lines about where a configurable was called; the first one is the message.
    first_line = (str(error).strip() or "unknown error").splitlines()[0]
    print(f"error: {first_line}", file=sys.stderr, flush=True)
    sys.exit(status)
