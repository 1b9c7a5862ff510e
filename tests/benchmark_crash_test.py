"""A benchmark is killed, goes on, is told to end, goes on, and reports as if nobody had stopped it.

Its trainings are forks of it, which has imported TensorFlow; all else is as on the command line.
"""

import os
import pathlib
import re
import signal
import subprocess
import time

import pytest

from tests import commands, training

pytestmark = pytest.mark.slow

_PROGRAM = """
import multiprocessing, os, runpy, sys

from ibc.benchmark import __main__ as benchmark
from ibc.benchmark import local


class Forked(multiprocessing.get_context("fork").Process):
    def __init__(self, command, stdout, stderr, stdin, env):
        super().__init__()
        self._command, self._log, self._env = command, stdout, env
        self.start()

    def run(self):
        for file in (1, 2):
            os.dup2(self._log.fileno(), file)
        os.environ.update(self._env)
        _, _, module, *arguments = self._command
        sys.argv = [module, *arguments]
        runpy.run_module(module, run_name="__main__", alter_sys=True)

    def poll(self):
        return self.exitcode

    def wait(self):
        self.join()
        return self.exitcode

    returncode = property(poll)


local.subprocess.Popen = Forked
benchmark.run()
"""
_RUNS = 6
_SCORES = 11
"""How many columns the page's table of scores has."""
_MINUTES_AND_SPEED = slice(8, 10)
_MINUTES_AND_FOLDER = slice(-3, None, 2)
"""Of these, and of the lines of the CSV."""


def _start(output: pathlib.Path, data: str) -> subprocess.Popen:
    parameters = {
        **training.SMALL_NETWORKS,
        **training.bound("train_eval", dataset_path=data, num_iterations=200, batch_size=32),
        **training.bound("train_eval", fused_train_steps=50, checkpoint_interval=50),
        **training.bound("train_eval", eval_interval=100, eval_episodes=2, num_envs=1),
        "IbcPolicy.num_action_samples": 16,
        "iterative_dfo.num_iterations": 1,
        "ParticleEnv.n_steps": 10,
    }
    arguments = ["--task=PARTICLE", "--gin_file=mlp_ebm_quick.gin,mlp_mse_quick.gin"]
    arguments += ["--seeds=0,1,2", f"--output={output}"]
    arguments += [f"--gin_bindings={binding}" for binding in training.bindings(parameters)]
    with open(_log(output), "wb") as log:
        return commands.start_at_once("-c", _PROGRAM, *arguments, stdout=log)


def _log(output: pathlib.Path) -> pathlib.Path:
    return output.with_suffix(".log")


def _end(process: subprocess.Popen, output: pathlib.Path) -> str:
    assert process.wait() == 0, _log(output).read_text()
    return _log(output).read_text()


def _wait_for_checkpoints(process: subprocess.Popen, output: pathlib.Path, runs: int) -> None:
    """Waits until so many runs have saved a step that they have made."""
    pattern = "runs/PARTICLE/*/seed_?/train/checkpoints/*-[1-9]*.index"
    while len({path.parent for path in output.glob(pattern)}) < runs:
        assert process.poll() is None, _log(output).read_text()
        time.sleep(0.01)


def _untimed(output: pathlib.Path) -> tuple[list[list[str]], list[str]]:
    """Returns a benchmark's table and page without minutes, speed and folders."""
    table = [line.split(",") for line in (output / "report.csv").read_text().splitlines()]
    for cells in table:
        del cells[_MINUTES_AND_FOLDER]
    page = []
    for line in (output / "report.html").read_text().splitlines():
        cells = re.findall("<td>(.*?)</td>", line)
        if len(cells) == _SCORES:
            del cells[_MINUTES_AND_SPEED]
        page.append("|".join(cells) or line)
    return table, page


def test_a_benchmark_stopped_twice_reports_the_same(tmp_path, particle_data, report):
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    _end(_start(whole, particle_data), whole)

    process = _start(stopped, particle_data)
    _wait_for_checkpoints(process, stopped, 1)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL

    process = _start(stopped, particle_data)
    _wait_for_checkpoints(process, stopped, 3)
    process.terminate()
    assert process.wait() == 128 + signal.SIGTERM, _log(stopped).read_text()
    assert not (stopped / "report.html").exists()

    output = _end(_start(stopped, particle_data), stopped)
    done = int(re.search(rf"(\d) of {_RUNS} runs are done already", output)[1])
    logs = "".join(log.read_text() for log in stopped.glob("logs/*.log"))
    resumed = re.findall(r"from the checkpoint at step (\d+)", logs)
    report(f"benchmark stopped twice: {done} runs done by then, went on from steps {resumed}")
    assert 1 <= done < _RUNS and resumed, logs
    assert _untimed(stopped) == _untimed(whole)
    results = sorted(path.relative_to(whole) for path in whole.glob("runs/**/results.json"))
    assert len(results) == _RUNS
    for place in results:
        assert (stopped / place).read_bytes() == (whole / place).read_bytes(), place
