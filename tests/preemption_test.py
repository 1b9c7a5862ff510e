"""SIGTERM to real trainings and recordings: in time, nothing lost, nobody left over."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import time

import psutil
import pytest

from ibc.data.records import manifest
from tests import commands, training

pytestmark = pytest.mark.slow

_LONGEST_SECONDS = 10.0
_EVALUATED_STEP, _STEPS = 300, 400
_EPISODES = 12


def train(folder: pathlib.Path, data: str, *flags: str) -> subprocess.Popen:
    # Steps long enough to be stopped between.
    numbers = dict(num_iterations=_STEPS, batch_size=128, checkpoint_interval=1000)
    numbers |= dict(eval_interval=_EVALUATED_STEP, eval_episodes=_EPISODES, num_envs=4)
    arguments = training.arguments(folder / "run", data, **numbers)
    return commands.start_at_once("-m", "ibc.train_eval", *arguments, *flags, cwd=folder)


def end_by_sigterm(process: subprocess.Popen, group: bool, again: bool = False) -> str:
    """Sends SIGTERM and checks how the command ends; returns the rest of its output."""
    begin = time.monotonic()
    send = os.killpg if group else os.kill
    send(process.pid, signal.SIGTERM)
    if again:
        time.sleep(0.3)
        # It may have ended by now, and nobody waits for a fork with its number.
        with contextlib.suppress(ProcessLookupError):
            send(process.pid, signal.SIGTERM)
    # Not communicate(), which leaves out what reading lines has read ahead.
    output = process.stdout.read()
    process.wait()
    assert time.monotonic() - begin < _LONGEST_SECONDS
    assert process.returncode == 143, output
    assert "terminated" in commands.only_error(output)
    assert_nobody_is_left(process.pid)
    return output


def assert_nobody_is_left(session: int) -> None:
    """Checks that no process of the command's session lives on."""
    for _ in range(50):
        alive = [process for process in psutil.process_iter() if _is_in(process, session)]
        if not alive:
            return
        time.sleep(0.1)
    raise AssertionError(f"{len(alive)} processes are left")


def _is_in(process: psutil.Process, session: int) -> bool:
    try:
        return os.getsid(process.pid) == session and process.status() != psutil.STATUS_ZOMBIE
    except (OSError, psutil.NoSuchProcess):  # It has just ended.
        return False


def assert_same_results(one: pathlib.Path, other: pathlib.Path) -> None:
    assert not training.differing(training.numbers(one / "run"), training.numbers(other / "run"))
    results = "run/eval/Particle-v0/results.json"
    assert json.loads((one / results).read_text()) == json.loads((other / results).read_text())
    for folder in (one, other):
        assert not [p for p in folder.rglob(".*") if p.parent.name != "ttl=7d" or p.is_file()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, particle_data) -> pathlib.Path:
    """The folder of a training that nobody has stopped."""
    folder = tmp_path_factory.mktemp("whole")
    commands.finished(train(folder, particle_data))
    return folder


def test_training_stops_after_a_step_and_goes_on_from_it(tmp_path, particle_data, whole):
    process = train(tmp_path, particle_data)
    commands.wait_for(process, "Step: 100,")
    output = end_by_sigterm(process, group=False, again=True)
    said = r"terminated at training step (\d+), whose checkpoint is saved"
    step = int(re.search(said, output)[1])
    assert 100 <= step < _EVALUATED_STEP
    output = commands.finished(train(tmp_path, particle_data))
    assert f"Going on from the checkpoint at step {step} of {_STEPS}." in output
    assert_same_results(whole, tmp_path)
    logged = re.findall(r"Step: (\d+),", output)
    assert logged and all(int(number) % 100 == 0 for number in logged)


@pytest.mark.parametrize("group", [False, True])
def test_evaluation_ends_at_once_and_is_made_up_for(tmp_path, particle_data, whole, group):
    process = train(tmp_path, particle_data, "--video", "--viz_img", "--verbosity=1")
    commands.wait_for(process, "Completed episode. seed")
    output = end_by_sigterm(process, group)
    assert f"terminated at training step {_EVALUATED_STEP}, whose checkpoint is saved" in output
    assert not list(tmp_path.rglob("*.mp4")) and not list(tmp_path.rglob("results.json"))
    output = commands.finished(train(tmp_path, particle_data, "--video", "--viz_img"))
    evaluation = ("Evaluating", "AverageSuccessMetric = ")
    begin = f"Going on from the checkpoint at step {_EVALUATED_STEP}"
    place = 0
    for line in (begin, *evaluation, f"Step: {_STEPS},", *evaluation):
        place = output.index(line, place)
    assert output.count("Step: ") == 1
    assert_same_results(whole, tmp_path)


def test_a_start_that_is_terminated_has_nothing_to_save(tmp_path, particle_data):
    process = train(tmp_path, particle_data)
    commands.wait_for(process, "This run is kept in")
    end_by_sigterm(process, group=False)


def finished_files(folder: pathlib.Path) -> dict[pathlib.Path, bytes]:
    """Reads all files but those that a recording goes on from."""
    found = commands.contents(folder)
    return {path: content for path, content in found.items() if ".unfinished" not in path.name}


@pytest.mark.parametrize("replicas", [(), ("--replicas=2",)])
@pytest.mark.parametrize("group", [False, True])
def test_recording_keeps_finished_shards_alone(tmp_path, replicas, group):
    places = (f"--dataset_path={tmp_path}/oracle.tfrecord", f"--output_path={tmp_path}")
    flags = ("--task=PARTICLE", "--policy=oracle", "--video", *places, *replicas)
    assert commands.in_process("policy_eval", [*flags, "--num_episodes=2"]).status == 0
    before = finished_files(tmp_path)
    assert before
    endless = ("-m", "ibc.data.policy_eval", *flags, "--num_episodes=100000")
    process = commands.start_at_once(*endless, cwd=tmp_path)
    commands.wait_for_files(process, tmp_path, ".oracle*.journal", 1)
    time.sleep(1.0)
    assert "whole episodes of a recording are kept" in end_by_sigterm(process, group)
    assert finished_files(tmp_path) == before


def test_collecting_keeps_finished_shards_alone(tmp_path):
    command = ["ibc.environments.collect.collect_oracle", "--task=PARTICLE", "--num_shards=200"]
    command += ["--num_episodes=20", f"--dataset_path={tmp_path}/oracle.tfrecord"]
    process = commands.start_at_once("-m", *command, cwd=tmp_path)
    commands.wait_for_files(process, tmp_path, "oracle_*.tfrecord", 2)
    assert "whole episodes of a recording are kept" in end_by_sigterm(process, group=False)
    shards = list(tmp_path.glob("oracle_*.tfrecord"))
    assert shards and not [p for p in tmp_path.rglob(".*") if "tmp-" in p.name]
    assert all(manifest.load(str(shard)).episodes == 20 for shard in shards)
