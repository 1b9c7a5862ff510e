"""The frame of every command line: flags, log lines, and an end in one line and a status.

Exit status: 0 done; 1 an error in what was given or met; 2 wrong arguments of a subcommand; 3 a
loss that became infinite or NaN; 130 Ctrl-C; 141 nobody reads the output; 143 SIGTERM.
"""

import argparse
import contextlib
import errno
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NoReturn

from absl import app, flags, logging

from ibc.utils import bars, child_process, termination

DEBUG_HELP = "Show the traceback of an error, too."
"""What --debug does in every command."""
VERBOSITY_HELP = (
    "How much is said: 0, what is done and how far it is; 1, details too; -1, only results, "
    "warnings and errors; -2, without warnings."
)
"""What --verbosity does in every command."""
DIVERGED = 3
"""Exit status where the loss became infinite or NaN."""

# Errors in what the user gave or in what the program met; others are defects, with a traceback.
_EXPECTED = (ValueError, OSError, ImportError, child_process.WorkerError)
# Python's levels; absl's own numbers differ.
_INFO, _WARNING = 20, 30
# What these say below the level of an error is about their own workings.
_LIBRARIES = ("tensorflow", "tf_keras", "tf_agents/policies", "tf_agents/utils")

_DECORATION = re.compile(r"\{\{.*?\}\} ?|\[Op:.*")
# What TensorFlow makes of the operating system's errors, from the most to the least frequent.
_MEANINGS = {
    "ResourceExhaustedError": "the disk, or the memory, is full",
    "PermissionDeniedError": "a file or folder may not be written",
    "DataLossError": "a file is damaged",
    "OutOfRangeError": "a file has reached the size limit",
    "FailedPreconditionError": "a file or folder cannot be written",
    "NotFoundError": "a file or folder is missing",
    "AlreadyExistsError": "a file is in the way of a folder",
    "UnknownError": "the file system failed",
}
# The first three are about nothing else; the others only where the operating system is quoted.
_UNMISTAKABLE = ("ResourceExhaustedError", "PermissionDeniedError", "DataLossError")
_QUOTED = tuple(os.strerror(number).lower() for number in errno.errorcode)


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with arguments, for programs that take more than flags."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with the status 2."""
        fail(f"{message} ({self.prog} --help lists the arguments)", status=2)


def run(main: Callable[[list[str]], None], flag_names: Iterable[str]) -> NoReturn:
    """Parses the command line's flags and calls `main` with what is left, the program's name.

    Args:
      main: the program; its work stands inside `one_line_errors`.
      flag_names: flags that --help lists.
    """
    flags.FLAGS["verbosity"].help = VERBOSITY_HELP
    list_in_help([*flag_names, "verbosity"])
    app.run(main, argv=without_lone_dashes(sys.argv), flags_parser=parse_flags)


@contextlib.contextmanager
def one_line_errors(
    debug: bool = False,
    interrupted: str = "interrupted; unfinished files were removed.",
    terminated: str | None = None,
    memory_advice: str = "use less data or a smaller network.",
) -> Iterator[None]:
    """Runs a program's work: any foreseeable failure is one line and a non-zero status.

    Signals become exceptions in it, see `termination.watched`.

    Args:
      debug: whether to show an error's traceback, before the line.
      interrupted: what is said after Ctrl-C.
      terminated: what is said after SIGTERM; what was saved, as the exception has it, if None.
      memory_advice: what is said of how to get along with less memory.
    """
    try:
        with termination.watched(), plain_errors():
            yield
    except FloatingPointError as error:
        fail(error, DIVERGED, debug)
    except _EXPECTED as error:
        fail(error, debug=debug)
    except MemoryError as error:
        reason = f"{error}; " if str(error) else ""  # Python's own is often empty.
        message = f"out of memory: {reason}{memory_advice}"
        fail(MemoryError(message).with_traceback(error.__traceback__), debug=debug)
    except termination.Terminated as error:
        termination.end(terminated or error)
    except KeyboardInterrupt:
        fail(interrupted, status=128 + signal.SIGINT)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Raises OSError, in one line, for TensorFlow's errors about disks, files and folders.

    TensorFlow need not have been imported. Its other errors are defects and pass unchanged.
    """
    try:
        yield
    except Exception as error:
        message = described_file_error(error)
        if message is None:
            raise
        raise OSError(message) from error


def described_file_error(error: Exception) -> str | None:
    """Returns one line about one of TensorFlow's errors, None if it is not about files."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return None
    for kind, meaning in _MEANINGS.items():
        if isinstance(error, getattr(tensorflow.errors, kind)):
            quoted = any(phrase in error.message.lower() for phrase in _QUOTED)
            if not quoted and kind not in _UNMISTAKABLE:
                return None
            text = _DECORATION.sub("", error.message).strip() or kind
            cause = text.splitlines()[0].rstrip(". ")
            return (
                f"{meaning} ({cause}). What was complete before is whole; once this is mended, "
                "the same command goes on from it."
            )
    return None


def fail(error: object, status: int = 1, debug: bool = False) -> NoReturn:
    """Ends the program with one line on standard error: the one of the message that counts.

    Args:
      error: an exception or a message.
      status: exit status.
      debug: whether to show an exception's traceback, before the line.
    """
    if debug and isinstance(error, BaseException):
        traceback.print_exception(error)
    print(f"error: {_first_line(error)}", file=sys.stderr, flush=True)
    sys.exit(status)


def _first_line(error: object) -> str:
    """Returns an error's message without what libraries put around it."""
    lines = [line for line in str(error).splitlines() if line.strip()] or ["unknown error"]
    # Keras says first in which layer, then what has happened; gin says where at the end.
    wrapped = lines[0].startswith("Exception encountered when calling layer") and len(lines) > 1
    return lines[1 if wrapped else 0].strip()


def say(text: str) -> None:
    """Prints a command's result; ends the program quietly if nobody reads it any more.

    Raises:
      OSError: it cannot be written, for example because the disk is full.
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


def without_lone_dashes(argv: Sequence[str]) -> list[str]:
    """Drops a lone `--` directly after the program name, as published command lines have it.

    absl would take everything behind it for positional arguments.
    """
    argv = list(argv)
    if argv[1:2] == ["--"]:
        del argv[1]
    return argv


def define_debug(values: flags.FlagValues = flags.FLAGS) -> flags.FlagHolder:
    """Defines the flag --debug, whose value is for `one_line_errors`."""
    return flags.DEFINE_bool("debug", False, DEBUG_HELP, flag_values=values)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Adds what every command that takes more than flags has: --debug and --verbosity."""
    parser.add_argument("--debug", action="store_true", help=DEBUG_HELP)
    parser.add_argument(
        "--verbosity", type=int, action=_SetVerbosity, metavar="N", help=VERBOSITY_HELP
    )


class _SetVerbosity(argparse.Action):
    """Sets the verbosity of the log as soon as it is read."""

    def __call__(self, parser, namespace, values, option_string=None):
        logging.set_verbosity(values)


def list_in_help(names: Iterable[str], values: flags.FlagValues = flags.FLAGS) -> None:
    """Makes --help list flags, under whatever name their command was started."""
    for name in names:
        values.register_key_flag_for_module(sys.argv[0], values[name])


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


def is_quiet() -> bool:
    """Whether only results, warnings and errors are shown."""
    return logging.get_verbosity() < logging.INFO


def set_up_logging() -> None:
    """Shows progress, and log lines as time and message, and only this project's.

    The flag --verbosity says from which level on, otherwise it is that of information.
    """
    if not flags.FLAGS.is_parsed():
        # A program with a parser of its own, which absl does not start: its log waits for that.
        flags.FLAGS.mark_as_parsed()
        logging.use_absl_handler()
    if flags.FLAGS["verbosity"].using_default_value:
        logging.set_verbosity(logging.INFO)
    bars.show()
    handler = logging.get_absl_handler()
    handler.setFormatter(_Formatter())
    handler.addFilter(_is_for_the_user)


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Keeps away what libraries log of their own workings, where no command's logging is set up."""
    logger = logging.get_absl_logger()
    logger.addFilter(_is_for_the_user)
    try:
        yield
    finally:
        logger.removeFilter(_is_for_the_user)


def _is_for_the_user(record) -> bool:
    inside = any(f"/{library}/" in record.pathname for library in _LIBRARIES)
    return record.levelno > _WARNING or not inside


class _Formatter(logging.PythonFormatter):
    """Time and message; the level only where it is more than information."""

    def format(self, record) -> str:
        time = self.formatTime(record, "%H:%M:%S")
        level = "" if record.levelno <= _INFO else f"{record.levelname}: "
        return f"{time} {level}{record.getMessage()}"
