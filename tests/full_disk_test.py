"""Disks that are full and folders that cannot be written: one line, and nothing is lost."""

import functools
import pathlib
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from tests import commands

pytestmark = pytest.mark.slow

# Gives a folder a disk of its own, of so many kilobytes and mounted so, for one command; what is on
# it afterwards is left in another folder.
_WITH_DISK = """
set -e
folder=$1 afterwards=$2 kilobytes=$3 how=$4
shift 4
cp -a "$folder/." "$afterwards"
mount -t tmpfs -o size="${kilobytes}k" none "$folder"
cp -a "$afterwards/." "$folder"
mount -o "remount,$how" "$folder"
status=0
"$@" || status=$?
rm -r "$afterwards"
cp -a "$folder/." "$afterwards"
exit $status
"""
_NAMESPACE = ("unshare", "--map-root-user", "--mount")


def run(*command: str, file_size: int | None = None) -> subprocess.CompletedProcess:
    """Runs a command that may write files of at most `file_size` bytes."""
    limit = file_size and functools.partial(
        resource.setrlimit, resource.RLIMIT_FSIZE, (file_size, file_size)
    )
    return subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, preexec_fn=limit
    )


def run_on_disk(
    folder: pathlib.Path, kilobytes: int, *command: str, how: str = "rw"
) -> subprocess.CompletedProcess:
    """Runs a command while a folder, which keeps what is in it, is a disk with so much room."""
    if not shutil.which("unshare") or subprocess.run([*_NAMESPACE, "true"]).returncode:
        pytest.skip("this system lets nobody mount a disk of their own")
    folder.mkdir(exist_ok=True)
    afterwards = folder.with_name(f"{folder.name}_afterwards")
    afterwards.mkdir()
    # Disks are divided into pages.
    sizes = [1 + p.stat().st_size // 4096 for p in folder.rglob("*")]
    arguments = [folder, afterwards, str(4 * (sum(sizes) + 1) + kilobytes), how]
    done = subprocess.run(
        [*_NAMESPACE, "sh", "-c", _WITH_DISK, "sh", *arguments, sys.executable, "-m", *command],
        capture_output=True,
        text=True,
    )
    shutil.rmtree(folder)
    afterwards.rename(folder)
    return done


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
        "iterative_dfo.num_iterations = 1",
    )
    command = ["ibc.train_eval", "--task=PARTICLE", "--gin_file=mlp_ebm_quick.gin"]
    return command + [f"--gin_bindings={binding}" for binding in bindings]


def train_here(folder: pathlib.Path, data: str, steps: int) -> None:
    """Trains by the command's main function, on a disk with room."""
    _, *arguments = training(folder, data, steps)
    done = commands.in_process("train_eval", arguments)
    assert done.status == 0, done.errors


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


def contents(folder: pathlib.Path) -> dict[pathlib.Path, bytes]:
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(autouse=True, scope="module")
def without_lanes():
    """Lets commands compute as trainings in this process do, bit for bit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_NUM_INTRAOP_THREADS", "0")
        yield


@pytest.fixture(scope="module")
def begun(tmp_path_factory, particle_data) -> pathlib.Path:
    """The folder of a training that has made its first 10 steps."""
    folder = tmp_path_factory.mktemp("begun") / "run"
    train_here(folder, particle_data, 10)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory, begun, particle_data) -> dict[str, np.ndarray]:
    """The weights of that training when it has gone on to step 30 undisturbed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    shutil.copytree(begun, folder)
    train_here(folder, particle_data, 30)
    return weights(folder)


@pytest.mark.parametrize(
    "kind, amount, said",
    [
        ("file", 20_000, "File too large"),
        ("file", 200_000, "File too large"),
        ("disk", 40, "No space left on device"),
        ("disk", 1_000, "No space left on device"),
    ],
)
def test_training_on_a_full_disk_goes_on_when_there_is_room(
    tmp_path, particle_data, begun, whole, kind, amount, said
):
    folder = tmp_path / "filled"
    shutil.copytree(begun, folder)
    before = contents(folder / "train" / "checkpoints")
    command = training(folder, particle_data, 30)
    done = (
        run(*command, file_size=amount) if kind == "file" else run_on_disk(folder, amount, *command)
    )
    assert said in only_error(done)
    for path, content in before.items():
        # A checkpoint that there was still room for may be the newest one.
        assert path.name == "checkpoint" or path.read_bytes() == content, path
    assert weights(folder).keys() == whole.keys()
    train_here(folder, particle_data, 30)
    found = weights(folder)
    for name, value in whole.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    assert not [p for p in (folder / "policies").rglob(".*")]


def test_training_in_a_folder_that_cannot_be_written(tmp_path, particle_data, begun):
    folder = tmp_path / "run"
    shutil.copytree(begun, folder)
    before = contents(folder)
    command = training(folder, particle_data, 30)
    line = only_error(run_on_disk(folder, 1000, *command, how="ro"))
    assert "Read-only file system" in line and str(folder) in line
    assert contents(folder) == before
    arguments = training(pathlib.Path("/proc/run"), particle_data, 10)[1:]
    (line,) = commands.in_process("train_eval", arguments).errors
    assert "cannot make the folder /proc/run" in line and "train_eval.root_dir" in line


@pytest.mark.parametrize("replicas", [(), ("--replicas=2",)])
def test_recording_on_a_full_disk_leaves_the_old_files_and_goes_on(tmp_path, replicas):
    folder = tmp_path / "data"
    done = commands.in_process("policy_eval", recording(folder, *replicas)[1:])
    assert done.status == 0, done.errors
    before = contents(folder)
    command = recording(folder, "--seed=1", *replicas)
    for full in ({"file_size": 100_000}, {}):
        done = run(*command, **full) if full else run_on_disk(folder, 300, *command)
        line = only_error(done)
        assert "File too large" in line if full else "No space left on device" in line
        found = contents(folder)
        assert {p: c for p, c in found.items() if ".unfinished" not in p.name} == before
        assert any(p.name.endswith(".journal") for p in found)
    done = run(*command)
    assert done.returncode == 0 and "going on after episode" in done.stderr
    assert contents(folder).keys() == before.keys()


@pytest.mark.parametrize("output", ["--video", "--viz_img"])
def test_pictures_and_videos_on_a_full_disk_leave_nothing(tmp_path, output):
    arguments = (output, f"--output_path={tmp_path}/out")
    only_error(run(*recording(tmp_path, *arguments), file_size=5_000))
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_recording_in_a_folder_that_cannot_be_written(tmp_path):
    arguments = recording(pathlib.Path("/proc/data"))[1:]
    (line,) = commands.in_process("policy_eval", arguments).errors
    assert "/proc/data" in line
    folder = tmp_path / "data"
    line = only_error(run_on_disk(folder, 100, *recording(folder), how="ro"))
    assert "Read-only file system" in line or "no permission to write" in line
    assert str(folder) in line and not contents(folder)
