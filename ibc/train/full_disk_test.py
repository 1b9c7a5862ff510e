"""Disks that are full and folders that cannot be written: one line, and nothing is lost."""

import functools
import pathlib
import resource
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

pytestmark = pytest.mark.slow


def run(*command: str, file_size: int | None = None) -> subprocess.CompletedProcess:
    """Runs a command that may write files of at most `file_size` bytes."""
    limit = file_size and functools.partial(
        resource.setrlimit, resource.RLIMIT_FSIZE, (file_size, file_size)
    )
    return subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, preexec_fn=limit
    )


def training(folder: pathlib.Path, data: str, steps: int) -> list[str]:
    bindings = (
        f"train_eval.root_dir = '{folder}'",
        f"train_eval.dataset_path = '{data}'",
        f"train_eval.num_iterations = {steps}",
        "train_eval.batch_size = 64",
        "train_eval.learning_rate_schedule = 'exponential'",
        "train_eval.checkpoint_interval = 10",
        "train_eval.policy_save_interval = 10",
        "train_eval.fused_train_steps = 10",
        "train_eval.eval_episodes = 1",
        "train_eval.num_envs = 1",
    )
    command = ["ibc.train_eval", "--task=PARTICLE", "--gin_file=mlp_ebm_quick.gin"]
    return command + [f"--gin_bindings={binding}" for binding in bindings]


def recording(folder: pathlib.Path, *arguments: str) -> list[str]:
    command = ["ibc.data.policy_eval", "--task=PARTICLE", "--policy=oracle", "--num_episodes=50"]
    return [*command, f"--dataset_path={folder}/oracle.tfrecord", *arguments]


def only_error(done: subprocess.CompletedProcess) -> str:
    """Checks that a command has failed with one line; returns it."""
    assert done.returncode == 1, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "Traceback" not in done.stderr
    return line


def weights(folder: pathlib.Path) -> dict[str, np.ndarray]:
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    names = [name for name, _ in tf.train.list_variables(newest)]
    values = {name: tf.train.load_variable(newest, name) for name in names}
    return {k: v for k, v in values.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"}


@pytest.mark.parametrize("file_size", [20_000, 200_000])
def test_training_on_a_full_disk_goes_on_when_there_is_room(tmp_path, particle_data, file_size):
    for folder in ("whole", "filled"):
        done = run(*training(tmp_path / folder, particle_data, 10))
        assert done.returncode == 0, done.stderr
    before = {p: p.read_bytes() for p in (tmp_path / "filled/train/checkpoints").iterdir()}
    line = only_error(run(*training(tmp_path / "filled", particle_data, 30), file_size=file_size))
    assert "File too large" in line
    for path, content in before.items():
        assert path.read_bytes() == content, path
    for folder in ("whole", "filled"):
        done = run(*training(tmp_path / folder, particle_data, 30))
        assert done.returncode == 0, done.stderr
    expected, found = weights(tmp_path / "whole"), weights(tmp_path / "filled")
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert not [p for p in (tmp_path / "filled" / "policies").rglob(".*")]


def test_training_in_a_folder_that_cannot_be_made(particle_data):
    line = only_error(run(*training(pathlib.Path("/proc/run"), particle_data, 10)))
    assert "cannot make the folder /proc/run" in line and "choose another root_dir" in line


@pytest.mark.parametrize("replicas", [(), ("--replicas=2",)])
def test_recording_on_a_full_disk_leaves_the_old_files(tmp_path, replicas):
    assert run(*recording(tmp_path, *replicas)).returncode == 0
    before = {p: p.read_bytes() for p in tmp_path.iterdir()}
    line = only_error(run(*recording(tmp_path, "--seed=1", *replicas), file_size=20_000))
    assert "File too large" in line
    assert {p: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize("output", ["--video", "--viz_img"])
def test_pictures_and_videos_on_a_full_disk_leave_nothing(tmp_path, output):
    arguments = (output, f"--output_path={tmp_path}/out")
    only_error(run(*recording(tmp_path, *arguments), file_size=5_000))
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_recording_in_a_folder_that_cannot_be_written(tmp_path):
    line = only_error(run(*recording(pathlib.Path("/proc/data"))))
    assert "/proc/data" in line
