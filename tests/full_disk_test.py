"""Disks that are full and folders that cannot be written: one line, and nothing is lost."""

import functools
import pathlib
import resource
import shutil
import subprocess
import sys

import numpy as np
import pytest

from tests import commands, training

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
_TRAIN, _RECORD = "ibc.train_eval", "ibc.data.policy_eval"
_NAMESPACE = ("unshare", "--map-root-user", "--mount")


def run(*command: str, file_size: int | None = None) -> subprocess.CompletedProcess:
    """Runs a command that may write files of at most `file_size` bytes."""
    limit = file_size and functools.partial(
        resource.setrlimit, resource.RLIMIT_FSIZE, (file_size, file_size)
    )
    return commands.python_at_once("-m", *command, preexec_fn=limit)


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


def arguments(folder: pathlib.Path, data: str, steps: int) -> list[str]:
    numbers = dict(batch_size=64, fused_train_steps=10, eval_episodes=1, num_envs=1)
    intervals = dict(checkpoint_interval=10, policy_save_interval=10)
    numbers |= dict(num_iterations=steps, learning_rate_schedule="exponential", **intervals)
    return training.arguments(folder, data, **numbers)


def train_here(folder: pathlib.Path, data: str, steps: int) -> None:
    """Trains by the command's main function, on a disk with room."""
    done = commands.in_process("train_eval", arguments(folder, data, steps))
    assert done.status == 0, done.errors


def recording(folder: pathlib.Path, *flags: str) -> list[str]:
    path = f"--dataset_path={folder}/oracle.tfrecord"
    return ["--task=PARTICLE", "--policy=oracle", "--num_episodes=50", path, *flags]


def only_error(done: subprocess.CompletedProcess) -> str:
    """Checks that a command has failed with one line; returns it."""
    assert done.returncode == 1, done.stderr
    return commands.only_error(done.stderr)


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
    return training.numbers(folder)


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
    before = commands.contents(folder / "train" / "checkpoints")
    command = (_TRAIN, *arguments(folder, particle_data, 30))
    on_disk = kind == "disk"
    done = run_on_disk(folder, amount, *command) if on_disk else run(*command, file_size=amount)
    assert said in only_error(done)
    after = commands.contents(folder / "train" / "checkpoints")
    for path, content in before.items():
        # A checkpoint that there was still room for may be the newest one.
        assert path.name == "checkpoint" or after[path] == content, path
    assert training.numbers(folder).keys() == whole.keys()
    train_here(folder, particle_data, 30)
    assert not training.differing(training.numbers(folder), whole)
    assert not [p for p in (folder / "policies").rglob(".*")]


def test_training_in_a_folder_that_cannot_be_written(tmp_path, particle_data, begun):
    folder = tmp_path / "run"
    shutil.copytree(begun, folder)
    before = commands.contents(folder)
    command = arguments(folder, particle_data, 30)
    line = only_error(run_on_disk(folder, 1000, _TRAIN, *command, how="ro"))
    assert "Read-only file system" in line and str(folder) in line
    assert commands.contents(folder) == before
    nowhere = arguments(pathlib.Path("/proc/run"), particle_data, 10)
    (line,) = commands.in_process("train_eval", nowhere).errors
    assert "cannot make the folder /proc/run" in line and "train_eval.root_dir" in line


@pytest.mark.parametrize("replicas", [(), ("--replicas=2",)])
def test_recording_on_a_full_disk_leaves_the_old_files_and_goes_on(tmp_path, replicas):
    folder = tmp_path / "data"
    done = commands.in_process("policy_eval", recording(folder, *replicas))
    assert done.status == 0, done.errors
    before = commands.contents(folder)
    command = (_RECORD, *recording(folder, "--seed=1", *replicas))
    for full in ({"file_size": 100_000}, {}):
        done = run(*command, **full) if full else run_on_disk(folder, 300, *command)
        line = only_error(done)
        assert "File too large" in line if full else "No space left on device" in line
        found = commands.contents(folder)
        assert {p: c for p, c in found.items() if ".unfinished" not in p.name} == before
        assert any(p.name.endswith(".journal") for p in found)
    done = run(*command)
    assert done.returncode == 0 and "going on after episode" in done.stderr
    assert commands.contents(folder).keys() == before.keys()


@pytest.mark.parametrize("output", ["--video", "--viz_img"])
def test_pictures_and_videos_on_a_full_disk_leave_nothing(tmp_path, output):
    flags = (output, f"--output_path={tmp_path}/out")
    only_error(run(_RECORD, *recording(tmp_path, *flags), file_size=5_000))
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_recording_in_a_folder_that_cannot_be_written(tmp_path):
    nowhere = recording(pathlib.Path("/proc/data"))
    (line,) = commands.in_process("policy_eval", nowhere).errors
    assert "/proc/data" in line
    folder = tmp_path / "data"
    line = only_error(run_on_disk(folder, 100, _RECORD, *recording(folder), how="ro"))
    assert "Read-only file system" in line or "no permission to write" in line
    assert str(folder) in line and not commands.contents(folder)
