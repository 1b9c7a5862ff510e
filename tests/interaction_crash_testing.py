"""Kills learning by interaction again and again, and compares what comes of it.

By hand, with many kills:  python -m tests.interaction_crash_testing GAIL 10
"""

import json
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from tests import commands, training

_TASK = "Pendulum-v1"
_EPISODE = 200
# Networks of any size resume alike; these leave more of the time to be killed in.
_SMALL = (
    "reinforcement.actor.hidden_size = 8",
    "reinforcement.critic.hidden_size = 8",
    "imitation.discriminator.hidden_size = 8",
    "training.batch_size = 16",
    "training.start = 50",
    "training.interval = 4",
    "logging.interval = 20",
    "memory.size = 1500",
    "evaluation.episodes = 2",
    f"evaluation.interval = {2 * _EPISODE}",
    f"online_train_eval.checkpoint_interval = {_EPISODE}",
)
_TIMES = ("training_time", "pre_training_time")


def record(folder: pathlib.Path) -> str:
    """Records demonstrations; returns the record file."""
    path = str(folder / "pendulum.tfrecord")
    training.record(_TASK, path, "random", num_episodes=2)
    return path


def start(folder: pathlib.Path, algorithm: str, expert: str, steps: int) -> subprocess.Popen:
    """Starts a run, or goes on with it; it logs beside its folder."""
    bindings = [*_SMALL, f"online_train_eval.dataset_path = '{expert}'"]
    bindings.append(f"online_train_eval.root_dir = '{folder.parent}'")
    arguments = [f"--task={_TASK}", f"--algorithm={algorithm}", f"--tag={folder.name}"]
    arguments += [f"--set=steps={steps}", *(f"--gin_bindings={one}" for one in bindings)]
    with open(_log(folder), "wb") as log:
        return commands.start_at_once("-m", "ibc.online_train_eval", *arguments, stdout=log)


def end(process: subprocess.Popen, folder: pathlib.Path) -> None:
    """Waits for a run that succeeds."""
    assert process.wait() == 0, _log(folder).read_text()


def killed(
    folder: pathlib.Path,
    algorithm: str,
    expert: str,
    steps: int,
    in_checkpoint: bool,
    random_state: random.Random,
) -> str:
    """Starts a run, kills it after its next checkpoint or during it; says where it was.

    Args:
      folder: Of the run.
      algorithm: Its name.
      expert: Record file.
      steps: Of the whole run, so many that it cannot end before.
      in_checkpoint: Whether to try to kill it while the second checkpoint from now is written.
      random_state: Chooses the moment.
    """
    before = _saved(folder)
    process = start(folder, algorithm, expert, steps)
    while _saved(folder) == before:
        assert process.poll() is None, _log(folder).read_text()
        time.sleep(0.005)
    if in_checkpoint:
        replay = _replay_rows(folder)
        while _replay_rows(folder) == replay:
            assert process.poll() is None, _log(folder).read_text()
        time.sleep(0.02 * random_state.random())
    else:
        target = _saved(folder) + random_state.randrange(_EPISODE)
        while _made(folder) < target:
            assert process.poll() is None, _log(folder).read_text()
            time.sleep(0.005)
    process.kill()
    assert process.wait() == -9, _log(folder).read_text()
    # The replay is written first; no row is of an absorbing state here.
    is_inside = _replay_rows(folder) != _saved(folder)
    where = "in a checkpoint" if is_inside else "between checkpoints"
    return f"killed at step {_made(folder)} at least, {where}; kept {_saved(folder)}"


def outcome(folder: pathlib.Path) -> tuple[dict, dict[str, bytes]]:
    """Returns what a run has brought, but for seconds, and all its numbers as bytes."""
    results = json.loads((folder / "results.json").read_text())
    for name in _TIMES:
        results.pop(name)
    numbers = training.numbers(folder)
    return results, {name: value.tobytes() for name, value in numbers.items()}


def differing(one: dict, other: dict) -> list[str]:
    """Returns the names of what is not the same, all bits, of two outcomes."""
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _log(folder: pathlib.Path) -> pathlib.Path:
    return folder.parent / f"{folder.name}.log"


def _made(folder: pathlib.Path) -> int:
    """Returns the last step that a run has told of."""
    steps = re.findall(r"Step (\d+) of", _log(folder).read_text(errors="replace"))
    return int(steps[-1]) if steps else 0


def _saved(folder: pathlib.Path) -> int:
    """Returns the step of the newest checkpoint that is complete, 0 without one."""
    state = folder / "train" / "checkpoints" / "checkpoint"
    text = state.read_text() if state.exists() else ""
    return int((re.match(r'model_checkpoint_path: ".*-(\d+)"', text) or [0, 0])[1])


def _replay_rows(folder: pathlib.Path) -> int:
    """Returns how many rows the newest save of the replay has, 0 without one."""
    index = folder / "train" / "replay" / "index.json"
    return json.loads(index.read_text())["saves"][-1]["total"] if index.exists() else 0


def compare(folder: pathlib.Path, algorithm: str, expert: str, kills: int) -> Iterator[str]:
    """Compares a run that is killed so often with one that is not, by all bits.

    Args:
      folder: For both.
      algorithm: Its name.
      expert: Record file.
      kills: How many, every other while a checkpoint is written, if that succeeds.

    Yields:
      Lines on each kill and at the end.
    """
    steps, random_state = _EPISODE * (2 * kills + 2), random.Random(algorithm)
    end(start(folder / "whole", algorithm, expert, steps), folder / "whole")
    for number in range(kills):
        in_checkpoint = number % 2 == 1
        yield killed(folder / "killed", algorithm, expert, steps, in_checkpoint, random_state)
    end(start(folder / "killed", algorithm, expert, steps), folder / "killed")
    results, numbers = outcome(folder / "killed")
    expected, weights = outcome(folder / "whole")
    assert not differing(results, expected), differing(results, expected)
    assert not differing(numbers, weights), differing(numbers, weights)
    returns, count = len(expected["train_returns"]), sum(map(len, weights.values()))
    yield f"{algorithm}: {kills} kills in {steps} steps; the same in all bits are"
    yield f"{returns} returns of training and {count} bytes of weights and states"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(temporary)
        for line in compare(place, sys.argv[1], record(place), int(sys.argv[2])):
            print(line, flush=True)
