"""What the command lines of this project have in common."""

import os
import signal
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import NoReturn

from absl import flags, logging

# Python's levels; absl's own numbers differ.
_INFO, _WARNING = 20, 30

DEBUG_HELP = "Show the traceback of an error, too."
"""What --debug does in every command."""

# What these say below the level of an error is about their own workings.
_LIBRARIES = ("tensorflow", "tf_keras", "tf_agents/policies", "tf_agents/utils")


def without_lone_dashes(argv: Sequence[str]) -> list[str]:
    """Drops a lone `--` directly after the program name, as published command lines have it.

    absl would take everything behind it for positional arguments.
    """
    argv = list(argv)
    if argv[1:2] == ["--"]:
        del argv[1]
    return argv


def define_debug(values: flags.FlagValues = flags.FLAGS) -> flags.FlagHolder:
    """Defines the flag --debug, whose value is for `fail`."""
    return flags.DEFINE_bool("debug", False, DEBUG_HELP, flag_values=values)


def list_in_help(names: Iterable[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Makes --help list flags, under whatever name their command was started."""
    for name in names:
        values.register_key_flag_for_module(sys.argv[0], values[name])


def say(text: str) -> None:
    """Prints a command's result; ends the program quietly if nobody reads it any more.

    Raises:
      OSError: It cannot be written, for example because the disk is full.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        # The interpreter would complain once more when it writes what is left, at its end.
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise
        sys.exit(128 + signal.SIGPIPE)


def fail(error: object, status: int = 1, debug: bool = False) -> NoReturn:
    """Ends the program with one line on standard error: the first of the error's message.

    Args:
      error: An exception or a message.
      status: Exit status.
      debug: Whether to show an exception's traceback, before the line.
    """
    if debug and isinstance(error, BaseException):
        traceback.print_exception(error)
    # gin appends lines about where a configurable was called; the first one is the message.
    first_line = (str(error).strip() or "unknown error").splitlines()[0]
    print(f"error: {first_line}", file=sys.stderr, flush=True)
    sys.exit(status)


def parse_flags(argv: Sequence[str], values: flags.FlagValues = flags.FLAGS) -> list[str]:
    """Parses flags, for `app.run`; returns what is left. A wrong one ends the program."""
    try:
        return values(list(argv))
    except flags.Error as error:
        fail(f"{' '.join(str(error).split())} (--help lists the flags)")


def reject_positional(argv: Sequence[str]) -> None:
    """Ends the program if the command line has anything but flags."""
    if len(argv) > 1:
        name = argv[1].partition("=")[0]
        fail(f"unexpected argument '{argv[1]}'; flags begin with --: did you mean --{name}=...?")


def set_up_logging() -> None:
    """Shows log lines from the info level on, as time and message, and only this project's."""
    logging.set_verbosity(max(logging.get_verbosity(), logging.INFO))
    handler = logging.get_absl_handler()
    handler.setFormatter(_Formatter())
    handler.addFilter(_is_for_the_user)


def _is_for_the_user(record) -> bool:
    inside = any(f"/{library}/" in record.pathname for library in _LIBRARIES)
    return record.levelno > _WARNING or not inside


class _Formatter(logging.PythonFormatter):
    """Time and message; the level only where it is more than information."""

    def format(self, record) -> str:
        time = self.formatTime(record, "%H:%M:%S")
        level = "" if record.levelno <= _INFO else f"{record.levelname}: "
        return f"{time} {level}{record.getMessage()}"
