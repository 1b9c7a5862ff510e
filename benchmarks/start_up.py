"""How long commands take before they do what was asked for.

    python benchmarks/start_up.py [--num_episodes=2000]

Records block pushing demonstrations, then measures `train_eval.py --help`, and the time from the
command to the end of its first training step, before anything is saved.
"""

import dataclasses
import pathlib
import subprocess
import sys
import tempfile
import time

from absl import app, flags

_NUM_EPISODES = flags.DEFINE_integer("num_episodes", 2000, "Episodes of demonstrations.")

_TRAIN_EVAL = pathlib.Path(__file__).parent.parent / "ibc" / "train_eval.py"
_POLICY_EVAL = pathlib.Path(__file__).parent.parent / "data" / "policy_eval.py"


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table."""

    what: str
    seconds: float


def seconds_of(*command: str, status: int = 0) -> float:
    """Runs a Python program to its end, with a status; returns how long that took."""
    start = time.perf_counter()
    run = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if run.returncode != status:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{run.stderr}")
    return seconds


def seconds_to_first_step(*arguments: str) -> float:
    """Runs a training of one step; returns how long it took until the step was made."""
    start, seconds = time.perf_counter(), None
    command = [sys.executable, _TRAIN_EVAL, *arguments]
    log = []
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        for line in run.stderr:
            log.append(line)
            if seconds is None and "First training step:" in line:
                seconds = time.perf_counter() - start
    if run.returncode or seconds is None:
        raise RuntimeError(f"{' '.join(map(str, command))} failed:\n{''.join(log)}")
    return seconds


def rows(num_episodes: int) -> list[Row]:
    """Measures, and prints what was measured."""
    found = []

    def add(what: str, seconds: float) -> None:
        print(f"{what:60} {seconds:6.2f} s", flush=True)
        found.append(Row(what, seconds))

    add("train_eval --help", seconds_of(_TRAIN_EVAL, "--help", status=1))  # absl's
    with tempfile.TemporaryDirectory() as folder:
        data = f"{folder}/push.tfrecord"
        seconds_of(
            _POLICY_EVAL,
            "--task=PUSH",
            "--policy=oracle",
            "--replicas=2",
            f"--num_episodes={max(1, num_episodes // 2)}",
            f"--dataset_path={data}",
        )
        seconds = seconds_to_first_step(
            "--task=PUSH",
            "--gin_file=mlp_ebm.gin",
            "--skip_eval",
            f"--gin_bindings=train_eval.root_dir = '{folder}'",
            f"--gin_bindings=train_eval.dataset_path = '{folder}/push*.tfrecord'",
            "--gin_bindings=train_eval.num_iterations = 1",
        )
        add(f"first step of mlp_ebm.gin on {num_episodes} PUSH episodes", seconds)
    return found


def main(_) -> None:
    rows(_NUM_EPISODES.value)


if __name__ == "__main__":
    app.run(main)
