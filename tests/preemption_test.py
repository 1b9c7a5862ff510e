"""SIGTERM to real trainings and recordings: in time, nothing lost, nobody left over."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import manifest
from tests import commands

pytestmark = pytest.mark.slow

_LONGEST_SECONDS = 10.0
_EVALUATED_STEP, _STEPS = 300, 400
_EPISODES = 12


def start(arguments: list[str], folder: pathlib.Path) -> subprocess.Popen:
    """Starts a command in a session of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        start_new_session=True,
    )


def training(folder: pathlib.Path, data: str) -> list[str]:
    bindings = (
        f"train_eval.root_dir = '{folder / 'run'}'",
        f"train_eval.dataset_path = '{data}'",
        f"train_eval.num_iterations = {_STEPS}",
        # Steps long enough to be stopped between.
        "train_eval.batch_size = 256",
        f"train_eval.eval_interval = {_EVALUATED_STEP}",
        f"train_eval.eval_episodes = {_EPISODES}",
        "train_eval.num_envs = 4",
        "train_eval.checkpoint_interval = 1000",
        "IbcPolicy.num_action_samples = 64",
        "iterative_dfo.num_iterations = 1",
    )
    command = ["ibc.train_eval", "--task=PARTICLE", "--gin_file=mlp_ebm_quick.gin"]
    return command + [f"--gin_bindings={binding}" for binding in bindings]


def wait_for(process: subprocess.Popen, pattern: str) -> str:
    """Reads the output up to a line with a pattern; returns it."""
    output = ""
    for line in process.stdout:
        output += line
        if re.search(pattern, line):
            return output
    raise AssertionError(output)


def end_by_sigterm(process: subprocess.Popen, group: bool, again: bool = False) -> str:
    """Sends SIGTERM and checks how the command ends; returns the rest of its output."""
    begin = time.monotonic()
    send = os.killpg if group else os.kill
    send(process.pid, signal.SIGTERM)
    if again:
        time.sleep(0.3)
        send(process.pid, signal.SIGTERM)
    # Not communicate(), which leaves out what reading lines has read ahead.
    output = process.stdout.read()
    process.wait()
    assert time.monotonic() - begin < _LONGEST_SECONDS
    assert process.returncode == 143, output
    (line,) = [line for line in output.splitlines() if line.startswith("error: ")]
    assert "terminated" in line and "Traceback" not in output
    assert_nobody_is_left(process.pid)
    return output


def assert_nobody_is_left(session: int) -> None:
    """Checks that no process of the command's session lives on."""
    for _ in range(50):
        alive = [p for p in map(_session_of, pathlib.Path("/proc").glob("[0-9]*")) if p == session]
        if not alive:
            return
        time.sleep(0.1)
    raise AssertionError(f"{len(alive)} processes are left")


def _session_of(process: pathlib.Path) -> int | None:
    try:
        state, _, _, session = (process / "stat").read_text().rpartition(") ")[2].split()[:4]
    except OSError:  # It has just ended.
        return None
    return None if state == "Z" else int(session)


def checkpoint(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads the numbers of the newest checkpoint."""
    newest = tf.train.latest_checkpoint(str(folder / "run" / "train" / "checkpoints"))
    names = [name for name, _ in tf.train.list_variables(newest)]
    values = {name: tf.train.load_variable(newest, name) for name in names}
    return {k: v for k, v in values.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}


def assert_same_results(one: pathlib.Path, other: pathlib.Path) -> None:
    expected, found = checkpoint(one), checkpoint(other)
    assert expected.keys() == found.keys() and len(expected) > 10
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    results = "run/eval/Particle-v0/results.json"
    assert json.loads((one / results).read_text()) == json.loads((other / results).read_text())
    for folder in (one, other):
        assert not [p for p in folder.rglob(".*") if p.parent.name != "ttl=7d" or p.is_file()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, particle_data) -> pathlib.Path:
    """The folder of a training that nobody has stopped."""
    folder = tmp_path_factory.mktemp("whole")
    output, _ = (process := start(training(folder, particle_data), folder)).communicate()
    assert process.returncode == 0, output
    return folder


def test_training_stops_after_a_step_and_goes_on_from_it(tmp_path, particle_data, whole):
    command = training(tmp_path, particle_data)
    process = start(command, tmp_path)
    wait_for(process, "Step: 100,")
    output = end_by_sigterm(process, group=False, again=True)
    step = int(
        re.search(r"terminated at training step (\d+), whose checkpoint is saved", output)[1]
    )
    assert 100 <= step < _EVALUATED_STEP
    output, _ = (process := start(command, tmp_path)).communicate()
    assert process.returncode == 0, output
    assert f"Going on from the checkpoint at step {step} of {_STEPS}." in output
    assert_same_results(whole, tmp_path)
    logged = re.findall(r"Step: (\d+),", output)
    assert logged and all(int(number) % 100 == 0 for number in logged)


@pytest.mark.parametrize("group", [False, True])
def test_evaluation_ends_at_once_and_is_made_up_for(tmp_path, particle_data, whole, group):
    command = [*training(tmp_path, particle_data), "--video", "--viz_img"]
    process = start(command, tmp_path)
    wait_for(process, "Completed episode")
    output = end_by_sigterm(process, group)
    assert f"terminated at training step {_EVALUATED_STEP}, whose checkpoint is saved" in output
    assert not list(tmp_path.rglob("*.mp4")) and not list(tmp_path.rglob("results.json"))
    output, _ = (process := start(command, tmp_path)).communicate()
    assert process.returncode == 0, output
    awaited = (
        f"Going on from the checkpoint at step {_EVALUATED_STEP}",
        "Evaluating",
        "AverageSuccessMetric = ",
        f"Step: {_STEPS},",
        "Evaluating",
        "AverageSuccessMetric = ",
    )
    place = 0
    for line in awaited:
        place = output.index(line, place)
    assert output.count("Step: ") == 1
    assert_same_results(whole, tmp_path)


def test_a_start_that_is_terminated_has_nothing_to_save(tmp_path, particle_data):
    process = start(training(tmp_path, particle_data), tmp_path)
    wait_for(process, "This run is kept in")
    output = end_by_sigterm(process, group=False)
    assert "terminated" in output


def finished_files(folder: pathlib.Path) -> dict[pathlib.Path, bytes]:
    """Reads all files but those that a recording goes on from."""
    files = [p for p in folder.rglob("*") if p.is_file() and ".unfinished" not in p.name]
    return {path: path.read_bytes() for path in files}


@pytest.mark.parametrize("replicas", [None, 2])
@pytest.mark.parametrize("group", [False, True])
def test_recording_keeps_finished_shards_alone(tmp_path, replicas, group):
    command = ["ibc.data.policy_eval", "--task=PARTICLE", "--policy=oracle", "--video"]
    command += [f"--dataset_path={tmp_path}/oracle.tfrecord", f"--output_path={tmp_path}"]
    finished = [*command, "--num_episodes=2"] + ([f"--replicas={replicas}"] if replicas else [])
    assert commands.in_process("policy_eval", finished[1:]).status == 0
    before = finished_files(tmp_path)
    assert before
    endless = [*command, "--num_episodes=100000"]
    process = start(endless + ([f"--replicas={replicas}"] if replicas else []), tmp_path)
    while not list(tmp_path.glob(".oracle*.journal")):
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    time.sleep(1.0)
    assert "whole episodes of a recording are kept" in end_by_sigterm(process, group)
    assert finished_files(tmp_path) == before


def test_collecting_keeps_finished_shards_alone(tmp_path):
    command = ["ibc.environments.collect.collect_oracle", "--task=PARTICLE", "--num_shards=200"]
    command += ["--num_episodes=20", f"--dataset_path={tmp_path}/oracle.tfrecord"]
    process = start(command, tmp_path)
    while len(list(tmp_path.glob("oracle_*.tfrecord"))) < 2:
        assert process.poll() is None, process.stdout.read()
        time.sleep(0.1)
    assert "whole episodes of a recording are kept" in end_by_sigterm(process, group=False)
    shards = list(tmp_path.glob("oracle_*.tfrecord"))
    assert shards and not [p for p in tmp_path.rglob(".*") if "tmp-" in p.name]
    for shard in shards:
        assert manifest.load(str(shard)).episodes == 20
