"""Starts commands of ours within milliseconds: forks of a process that has imported TensorFlow.

Importing it takes four seconds of CPU, and most of what tests start is killed or ends soon after.
What a command does while it starts is tested where it is started by itself (program_contract_test).
"""

import atexit
import functools
import importlib
import os
import pathlib
import pickle
import runpy
import select
import signal
import socket
import subprocess
import sys
import types
from typing import Any, NamedTuple

from ibc.utils import startup

_ROOT = pathlib.Path(__file__).parent.parent
_LONGEST_REQUEST = 1 << 20


class _Request(NamedTuple):
    """What to run, as `subprocess.Popen` has it; its standard files and a pipe come beside it."""

    arguments: list[str]
    cwd: str
    env: dict[str, str]
    start_new_session: bool
    prepare: Any


class Popen(subprocess.Popen):
    """A process forked from the server: `-m module` or `-c code`, with arguments.

    It is the server's child, not this process's, so its status comes through a pipe.
    """

    def _execute_child(self, args, executable, preexec_fn, close_fds, pass_fds, cwd, env, *more):
        input_end, input_pipe, output_pipe, output_end, error_pipe, error_end = more[3:9]
        ends = [input_end, output_end, error_end]
        files = [fd if end == -1 else end for fd, end in enumerate(ends)]
        self._status, status = os.pipe()
        asked = _Request(
            list(args),
            str(cwd or os.getcwd()),
            dict(os.environ if env is None else env),
            self._new_session,
            preexec_fn,
        )
        server = _server()
        socket.send_fds(server, [pickle.dumps(asked)], [*files, status])
        self.pid = int(server.recv(32))
        self._child_created = True
        pipes = zip(ends, (input_pipe, output_pipe, error_pipe), strict=True)
        for fd in {status, *(end for end, ours in pipes if ours != -1)}:
            os.close(fd)

    def __init__(self, *args, start_new_session: bool = False, **options):
        """Takes the arguments of `subprocess.Popen`; `preexec_fn` has to be picklable."""
        self._new_session = start_new_session
        super().__init__(*args, **options)

    def _internal_poll(self, *_, **__):
        if self.returncode is None and select.select([self._status], [], [], 0)[0]:
            self._take_status()
        return self.returncode

    def _wait(self, timeout):
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout)
            self._take_status()
        return self.returncode

    def _take_status(self) -> None:
        # Without a server, at the end of the tests, nobody knows.
        self.returncode = int(os.read(self._status, 32) or -signal.SIGKILL)
        os.close(self._status)


@functools.cache
def _server() -> socket.socket:
    """Starts this process's server, which ends with it; returns the connection to it."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LONGEST_REQUEST)
    command = [sys.executable, "-m", "tests.fork_server", str(theirs.fileno())]
    process = subprocess.Popen(
        command, pass_fds=[theirs.fileno()], cwd=_ROOT, stdin=subprocess.DEVNULL
    )
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)
    return ours


def _serve(connection: socket.socket) -> _Request:
    """Forks a child per request until the connection ends; returns in the children alone."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    statuses: dict[int, int] = {}
    while True:
        ready, _, _ = select.select([connection, reader], [], [])
        if reader in ready:
            os.read(reader, 4096)
            _report_ended(statuses)
        if connection not in ready:
            continue
        message, fds, _, _ = socket.recv_fds(connection, _LONGEST_REQUEST, 4)
        if not message:
            os._exit(0)
        pid = os.fork()
        if pid:
            statuses[pid] = fds.pop()
            for fd in fds:
                os.close(fd)
            connection.send(str(pid).encode())
            continue
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for place, fd in enumerate(fds[:3]):
            os.dup2(fd, place)
        for fd in {reader, writer, connection.detach(), *fds, *statuses.values()}:
            os.close(fd)
        return pickle.loads(message)


def _report_ended(statuses: dict[int, int]) -> None:
    while statuses:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        with open(statuses.pop(pid), "w") as pipe:
            pipe.write(str(os.waitstatus_to_exitcode(status)))


def _become(request: _Request) -> None:
    """Does what `python` does with these arguments."""
    if request.start_new_session:
        os.setsid()
    os.chdir(request.cwd)
    os.environ.clear()
    os.environ.update(request.env)
    if request.prepare:
        request.prepare()
    kind, what, *arguments = request.arguments
    sys.path[0] = request.cwd if kind == "-m" else ""
    if kind == "-m":
        sys.argv = [what, *arguments]
        runpy.run_module(what, run_name="__main__", alter_sys=True)
    else:
        sys.argv = ["-c", *arguments]
        main = sys.modules["__main__"] = types.ModuleType("__main__")
        exec(compile(what, "<string>", "exec"), main.__dict__)


def _import() -> None:
    """Imports what commands import, but none of the programs: these define flags."""
    with startup.garbage_ignored():
        for module in ("data.recording.recorder", "eval.evaluation", "train.experiment"):
            importlib.import_module(f"ibc.{module}")


if __name__ == "__main__":
    _import()
    _become(_serve(socket.socket(fileno=int(sys.argv[1]))))
