"""What a command shows: short log lines, one-line errors, and published command lines accepted."""

import sys
from collections.abc import Callable, Sequence

from absl import app, flags, logging

# Errors in what the user gave; anything else is a defect of ours and keeps its traceback.
USER_ERRORS = (ValueError, FileNotFoundError, PermissionError, FileExistsError, ImportError)

_INFO, _WARNING = 20, 30  # Python's levels; absl's own numbers differ

_DEBUG = flags.DEFINE_bool("debug", False, "Show the traceback of an error.")


def run(main: Callable[[Sequence[str]], int | None]) -> None:
    """Parses the command line and runs `main` with logging at the info level.

    A lone `--` before the flags, as the published commands have it, is dropped. An error in
    what the user gave is printed as one line on stderr with exit status 1.

    Args:
      main: called with the program's name and nothing else; returns the exit status.
    """
    arguments = sys.argv[:1] + [a for i, a in enumerate(sys.argv[1:], 1) if (i, a) != (1, "--")]
    app.run(lambda argv: _guarded(main, argv), argv=arguments)


def _guarded(main: Callable[[Sequence[str]], int | None], argv: Sequence[str]) -> int:
    if len(argv) > 1:
        flag = argv[1].lstrip("-").partition("=")[0]
        print(f"Unexpected argument {argv[1]!r}; did you mean --{flag}=...?", file=sys.stderr)
        return 2
    if not flags.FLAGS["verbosity"].present:
        logging.set_verbosity(logging.INFO)
    handler = logging.get_absl_handler()
    handler.setFormatter(_Formatter())
    handler.addFilter(_is_for_the_user)
    try:
        return main(argv) or 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except USER_ERRORS as error:
        if _DEBUG.value:
            raise
        # gin appends lines about where a configurable was called.
        print(f"Error: {str(error).splitlines()[0]}", file=sys.stderr)
        return 1


def _is_for_the_user(record) -> bool:
    """Drops what TensorFlow and Keras say about their own workings, short of errors."""
    inside = any(f"/{library}/" in record.pathname for library in ("tensorflow", "tf_keras"))
    return record.levelno > _WARNING or not inside


class _Formatter(logging.PythonFormatter):
    """Time and message; the level only where it is more than information."""

    def format(self, record) -> str:
        time = self.formatTime(record, "%H:%M:%S")
        level = "" if record.levelno <= _INFO else f"{record.levelname}: "
        return f"{time} {level}{record.getMessage()}"
