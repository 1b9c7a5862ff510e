"""Runs the command lines in this process, as fast as functions, and as programs."""

import contextlib
import io
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import gin
from absl import flags, logging
from absl.testing import flagsaver

from ibc import (
    export_policy,
    info,
    online_train_eval,
    policy_bench,
    train_eval,
    train_ncsn,
    train_video_encoder,
)
from ibc.benchmark import __main__ as benchmark
from ibc.data import generate_videos, ibc_data, policy_eval
from ibc.environments.collect import collect_oracle
from ibc.landscape import __main__ as landscape
from ibc.open_loop import __main__ as open_loop
from ibc.report import __main__ as report
from ibc.tune import __main__ as tune
from ibc.utils import program
from tests import fork_server

MODULES = {
    "train_eval": train_eval,
    "online_train_eval": online_train_eval,
    "train_ncsn": train_ncsn,
    "train_video_encoder": train_video_encoder,
    "policy_eval": policy_eval,
    "generate_videos": generate_videos,
    "ibc-data": ibc_data,
    "collect_oracle": collect_oracle,
    "ibc-export": export_policy,
    "ibc-info": info,
    "ibc-policy-bench": policy_bench,
    "ibc-open-loop": open_loop,
    "ibc-landscape": landscape,
    "ibc-report": report,
    "ibc-benchmark": benchmark,
    "ibc-tune": tune,
}
_WITHOUT_FLAGS = (
    "online_train_eval",
    "train_ncsn",
    "train_video_encoder",
    "generate_videos",
    "ibc-data",
    "ibc-export",
    "ibc-info",
    "ibc-policy-bench",
    "ibc-open-loop",
    "ibc-landscape",
    "ibc-report",
    "ibc-benchmark",
    "ibc-tune",
)
_LONGEST_SECONDS = 300
_IN_SESSION = {
    "stdout": subprocess.PIPE,
    "stderr": subprocess.STDOUT,
    "text": True,
    "start_new_session": True,
}
# Log lines begin with the time.
_NOT_AN_ERROR = re.compile(r"\d\d:\d\d:\d\d |\s*$")


class Done(NamedTuple):
    """How a command has ended."""

    status: int
    """Exit status."""
    output: str
    """Standard output."""
    errors: list[str]
    """Lines on standard error that are not logged."""


def in_process(command: str, arguments: Sequence[str], unread: bool = False) -> Done:
    """Runs a command by its main function; what is no SystemExit passes through.

    Its output may be a pipe that nobody reads.
    """
    output, errors = io.StringIO(), io.StringIO()
    status = 0
    gin.clear_config()
    with _ended_in_time(), _captured(output, errors):
        try:
            with unread_output() if unread else contextlib.nullcontext():
                _call(command, list(arguments))
        except SystemExit as end:
            status = end.code
        finally:
            gin.clear_config()
    return Done(status, output.getvalue(), errors_among(errors.getvalue()))


def as_program(command: str, arguments: Sequence[str], folder: pathlib.Path) -> Done:
    """Runs a command in a process of its own, in a folder."""
    done = python("-m", MODULES[command].__name__, *arguments, cwd=folder)
    return Done(done.returncode, done.stdout, errors_among(done.stderr))


def python(*arguments: str | os.PathLike, **options: Any) -> subprocess.CompletedProcess:
    """Runs Python to its end; `options` are those of `subprocess.run`."""
    options = {"capture_output": True, "text": True, "timeout": _LONGEST_SECONDS, **options}
    return subprocess.run([sys.executable, *arguments], **options)


def python_at_once(*arguments: str, **options: Any) -> subprocess.CompletedProcess:
    """Runs Python to its end, from where TensorFlow is imported; for `options`, see `Popen`."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with fork_server.Popen(arguments, **{**pipes, **options}) as process:
        output, errors = process.communicate(timeout=_LONGEST_SECONDS)
    return subprocess.CompletedProcess(arguments, process.returncode, output, errors)


def start(*arguments: str, **options: Any) -> subprocess.Popen:
    """Starts Python in a session of its own, with one pipe for all that it writes."""
    return subprocess.Popen([sys.executable, *arguments], **{**_IN_SESSION, **options})


def start_at_once(*arguments: str, **options: Any) -> subprocess.Popen:
    """Does as `start`, from where TensorFlow is imported, with the arguments `-m` or `-c`."""
    return fork_server.Popen(arguments, **{**_IN_SESSION, **options})


def contents(folder: pathlib.Path) -> dict[pathlib.Path, bytes]:
    """Reads all files of a folder; returns what is in them by their places in it."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files}


def wait_for(process: subprocess.Popen, pattern: str) -> None:
    """Reads a command's output up to a line with a pattern."""
    output = ""
    for line in process.stdout:
        output += line
        if re.search(pattern, line):
            return
    raise AssertionError(output)


def wait_for_files(
    process: subprocess.Popen, folder: pathlib.Path, pattern: str, count: int
) -> None:
    """Waits until a command that goes on has made as many files."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    while len(list(folder.glob(pattern))) < count:
        assert process.poll() is None, (process.stderr or process.stdout).read()
        assert time.monotonic() < deadline, f"there are no {count} files {pattern}"
        time.sleep(0.05)


def finished(process: subprocess.Popen) -> str:
    """Waits for a command that succeeds; returns its output."""
    output, _ = process.communicate(timeout=_LONGEST_SECONDS)
    assert process.returncode == 0, output
    return output


def only_error(text: str) -> str:
    """Returns the one line of error of a command that has failed without a traceback."""
    assert "Traceback" not in text
    (line,) = [line for line in text.splitlines() if line.startswith("error: ")]
    return line


@contextlib.contextmanager
def unread_output() -> Iterator[None]:
    """Makes standard output a pipe that nobody reads, as behind `| true`.

    Like the interpreter at its end, it finally writes what is left.
    """
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as output, contextlib.redirect_stdout(output):
        yield
        sys.stdout.flush()


def _call(command: str, arguments: list[str]) -> None:
    module = MODULES[command]
    if command in _WITHOUT_FLAGS:
        module.main(arguments)
    elif command == "train_eval":
        with flagsaver.flagsaver():
            module.main(program.parse_flags([command, *arguments]))
    else:
        values = flags.FlagValues()
        module.define_flags(values)
        module.main(program.parse_flags([command, *arguments], values), values)


@contextlib.contextmanager
def _captured(output: io.StringIO, errors: io.StringIO) -> Iterator[None]:
    handler = logging.get_absl_handler().python_handler
    stream = handler.stream
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        handler.stream = errors
        try:
            yield
        finally:
            handler.stream = stream


@contextlib.contextmanager
def _ended_in_time() -> Iterator[None]:
    def end(number, frame):
        raise AssertionError(f"still running after {_LONGEST_SECONDS} s")

    previous = signal.signal(signal.SIGALRM, end)
    signal.alarm(_LONGEST_SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, previous)


def errors_among(text: str) -> list[str]:
    lines = text.replace("\r", "\n").splitlines()
    return [line for line in lines if not _NOT_AN_ERROR.match(line) or line.startswith("error:")]
