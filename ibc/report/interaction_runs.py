"""Runs of learning by interaction, read from their folders, and the methods they are runs of."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from ibc.online import history, run_config
from ibc.train.run import run_folder

_OF_FOLDER = re.compile(r"([A-Za-z]+)_seed\d+")
_ON_POLICY = re.compile(r'^\s*{\s*"evaluations"')
_TRAJECTORIES = "imitation.trajectories"
# Bindings have the shortest name that is one; these say where a run is, and how long.
_NOT_THE_METHOD = {"seed", "task", "data"} | {
    name.removeprefix("online_train_eval.") for name in run_config.free_names()
}


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of one algorithm on one task."""

    folder: pathlib.Path
    task: str
    algorithm: str
    seed: int
    trajectories: int
    """Of the expert's that it was given; 0 for all."""
    settings: tuple[tuple[str, str], ...]
    """What else it was bound to, name and value as gin writes it."""
    steps: np.ndarray
    """Steps of interaction at its evaluations, [E]."""
    returns: np.ndarray
    """Of each episode, [E, episodes]."""
    normalized: np.ndarray | None
    """The same between random actions, 0, and the expert, 1; None where no expert is known."""
    measured: Mapping[str, np.ndarray]
    """What was measured of a learned reward: name → [E]; none for rewards that cannot be."""
    seconds: float
    """Of pretraining and training, evaluations included."""


@dataclasses.dataclass(frozen=True)
class Method:
    """Runs of one algorithm with as many trajectories, on any number of tasks."""

    name: str
    runs: tuple[Run, ...]

    def of_task(self, task: str) -> list[Run]:
        """Returns its runs on a task, by ascending seeds."""
        return [run for run in self.runs if run.task == task]


def are_in(folders: Sequence[pathlib.Path]) -> bool:
    """Whether folders are of such runs, or hold some.

    Raises:
      ValueError: Some are and some are not, which cannot be compared; or all are of PPO or NEAR.
    """
    found = [bool(find(folder)) for folder in folders]
    for line in (line for folder in folders for line in left_out(folder) if not any(found)):
        raise ValueError(line)
    if any(found) and not all(found):
        other, one = folders[found.index(False)], folders[found.index(True)]
        raise ValueError(
            f"{one} was learned by interaction, {other} was not: give runs of one kind."
        )
    return all(found)


def find(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the runs in a folder, itself or below."""
    return [path.parent for path, text in _results(folder) if not _ON_POLICY.search(text)]


def left_out(folder: pathlib.Path) -> list[str]:
    """Says of each run of PPO or NEAR in a folder, itself or below, why it is not compared."""
    return [
        f"{path.parent} is of PPO or NEAR, which keep averages of evaluations in {history.FILE}, "
        "not the episodes that are compared here."
        for path, text in _results(folder)
        if _ON_POLICY.search(text)
    ]


def _results(folder: pathlib.Path) -> Iterator[tuple[pathlib.Path, str]]:
    """Yields the files of learning by interaction in a folder, itself or below, and their text."""
    places = [folder / history.FILE] if (folder / history.FILE).exists() else []
    for path in places or sorted(folder.glob(f"**/{history.FILE}")):
        text = path.read_text("utf-8")
        if "test_returns" in text:
            yield path, text


def read(folder: pathlib.Path) -> Run:
    """Reads a run's folder.

    Raises:
      FileNotFoundError: It was not evaluated.
      ValueError: What it holds is damaged.
    """
    path, bound = folder / history.FILE, folder / "train" / "gin-bindings.txt"
    try:
        kept = json.loads(path.read_text("utf-8"))
        bindings = run_folder.parse_bindings(bound.read_text("utf-8"))
        if not kept["test_steps"]:
            raise FileNotFoundError(
                f"{folder} has no evaluation yet: let it train on, with a smaller "
                "evaluation.interval and without check_time_usage."
            )
        normalized = kept["test_returns_normalized"]
        in_folder = _OF_FOLDER.fullmatch(folder.name)
        algorithm = kept.get("algorithm") or (in_folder[1] if in_folder else folder.name)
        measured = {name: kept.get(name, []) for name in history.MEASURED}
        return Run(
            folder,
            bindings.get("task", "").strip("'\""),
            algorithm,
            int(bindings.get("seed", 0)),
            int(bindings.get(_TRAJECTORIES, 0)),
            tuple(sorted(item for item in bindings.items() if _is_setting(item[0]))),
            np.array(kept["test_steps"]),
            np.array(kept["test_returns"], np.float64),
            None if None in normalized else np.array(normalized, np.float64),
            {n: np.array(v, np.float64) for n, v in measured.items() if v and None not in v},
            float(kept["pre_training_time"] + kept["training_time"]),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path} or {bound} is damaged ({error!r}): give another run.") from error


def read_all(folders: Sequence[pathlib.Path]) -> tuple[list[Run], list[str]]:
    """Reads the runs in folders; returns them, and lines that say which are left out, and why.

    Raises:
      FileNotFoundError: A folder that is itself a run, or all runs, were not evaluated.
      ValueError: What one holds is damaged.
    """
    found, unread = [], [line for folder in folders for line in left_out(folder)]
    for folder in folders:
        for place in find(folder):
            try:
                found.append(read(place))
            except FileNotFoundError as error:
                if place == folder:
                    raise
                unread.append(str(error))
    if not found:
        raise FileNotFoundError(unread[-1])
    return found, unread


def methods(runs: Sequence[Run]) -> list[Method]:
    """Groups runs by algorithm and number of trajectories, in the order in which they are given.

    Options may differ from task to task. Runs on one task whose options differ are several methods,
    and their names say in which.

    Raises:
      ValueError: Two runs are the same.
    """
    groups: dict[tuple, list[Run]] = {}
    for run in runs:
        groups.setdefault((run.algorithm, run.trajectories), []).append(run)
    many = len({run.trajectories for run in runs if run.trajectories}) > 1
    found = []
    for (algorithm, trajectories), group in groups.items():
        name = f"{algorithm}, {trajectories or 'all'} trajectories" if many else algorithm
        found += [Method(f"{name}{more}", each) for more, each in _apart(group)]
    for method in found:
        _check_seeds(method)
    return found


def _apart(group: Sequence[Run]) -> list[tuple[str, tuple[Run, ...]]]:
    """Returns runs together, or apart if some of one task have different settings."""
    ordered = tuple(sorted(group, key=lambda run: (run.task, run.seed)))
    settings = {(run.task, run.settings) for run in group}
    if len(settings) == len({run.task for run in group}):
        return [("", ordered)]
    kinds: dict[tuple, list[Run]] = {}
    for run in ordered:
        kinds.setdefault(run.settings, []).append(run)
    common = set.intersection(*(set(kind) for kind in kinds))
    named = []
    for kind, each in kinds.items():
        own = ", ".join(f"{name} = {value}" for name, value in kind if (name, value) not in common)
        named.append((f" ({own or 'defaults'})", tuple(each)))
    return named


def _check_seeds(method: Method) -> None:
    seen: dict[tuple, Run] = {}
    for run in method.runs:
        other = seen.setdefault((run.task, run.seed), run)
        if other is not run:
            raise ValueError(
                f"{other.folder} and {run.folder} have the same options and seed: they are the "
                "same run twice. Give one of them."
            )


def _is_setting(name: str) -> bool:
    name = name.removeprefix("online_train_eval.")
    return name not in _NOT_THE_METHOD and name != _TRAJECTORIES
