"""--debug: every command shows an error's traceback, and says so in its help."""

import pathlib
import subprocess
import sys

import pytest

from tests import command_testing

_WRONG = {
    "train_eval": ("--task=PARTICLE", "--gin_bindings=MLPEBM.dpth = 4"),
    "policy_eval": ("--task=PARTICLE", "--policy=orakle"),
    "collect_oracle": ("--task=PARTICLE", "--num_shards=0"),
    "ibc-data": ("info", "nowhere.tfrecord"),
}


@pytest.mark.parametrize("command", _WRONG)
def test_the_traceback_is_shown_when_asked_for_before_the_line(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plain = command_testing.in_process(command, _WRONG[command])
    debugged = command_testing.in_process(command, (*_WRONG[command], "--debug"))
    assert len(plain.errors) == 1 and plain.errors[0].startswith("error: ")
    assert "Traceback (most recent call last):" in debugged.errors
    assert debugged.errors[-1:] == plain.errors and debugged.status == plain.status == 1


def test_a_replicas_own_traceback_is_shown(tmp_path):
    arguments = ("--task=PARTICLE", "--policy=oracle", "--replicas=1", "--dataset_path=a.tfrecord")
    arguments += ("--gin_bindings=ParticleEnv.dt=0", "--debug")
    done = command_testing.as_program("policy_eval", arguments, tmp_path)
    text = "\n".join(done.errors)
    assert done.status == 1 and done.errors[-1].startswith("error: replica ")
    assert "in the process:" in text and "particle.py" in text


@pytest.mark.parametrize("program", ["ibc-train-eval", "ibc-policy-eval", "ibc-data"])
def test_the_help_of_every_console_script_lists_it(program):
    path = pathlib.Path(sys.executable).parent / program
    if not path.exists():
        pytest.skip(f"the package is not installed: no {path}")
    arguments = ["info", "--help"] if program == "ibc-data" else ["--help"]
    done = subprocess.run([path, *arguments], capture_output=True, text=True)
    assert "debug" in done.stdout and "Show the traceback of an error" in done.stdout
    known = "--picture" if program == "ibc-data" else "--task: "
    assert known in done.stdout
