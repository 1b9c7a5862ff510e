"""Processes that are forked from the server behave as if Python had started them."""

import os
import signal
import subprocess

import pytest

from tests import commands

_CODE = """
import os, sys
print(sys.argv[1:], os.getcwd(), os.environ["COLOUR"], "tensorflow" in sys.modules, flush=True)
print(os.getsid(0) == os.getpid(), file=sys.stderr)
sys.exit(int(sys.argv[1]))
"""


def test_arguments_folder_environment_and_status_are_those_asked_for(tmp_path):
    options = dict(cwd=tmp_path, env={**os.environ, "COLOUR": "red"})
    done = commands.python_at_once("-c", _CODE, "7", "b", **options)
    assert done.returncode == 7 and done.stderr == "False\n"
    assert done.stdout == f"['7', 'b'] {tmp_path} red True\n"


def test_a_file_for_its_output_stays_open(tmp_path):
    with open(tmp_path / "log", "w") as log:
        for _ in range(2):
            assert commands.start_at_once("-c", "print('here')", stdout=log).wait() == 0
    assert (tmp_path / "log").read_text() == "here\nhere\n"


def test_signals_reach_it_and_it_is_waited_for():
    sleeping = "print('up', flush=True); import time; time.sleep(60)"
    process = commands.start_at_once("-c", sleeping)
    commands.wait_for(process, "up")
    assert process.poll() is None and os.getsid(process.pid) == process.pid
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == process.poll() == -signal.SIGKILL


def test_a_traceback_and_a_module_are_as_pythons(tmp_path):
    done = commands.python_at_once("-c", "raise ValueError('no')")
    assert done.returncode == 1 and done.stderr.endswith("ValueError: no\n")
    (tmp_path / "mine.py").write_text("import sys; print(__name__, __spec__.name, sys.argv)")
    done = commands.python_at_once("-m", "mine", "x", cwd=tmp_path)
    assert done.stdout == f"__main__ mine ['{tmp_path}/mine.py', 'x']\n", done.stderr
