"""Runs of learning by interaction, read from their folders, and the methods they are runs of."""

import dataclasses
import json
import pathlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ibc.online import history, run_config
from ibc.online.drq import options as drq_options
from ibc.online.ifo import options as ifo_options
from ibc.online.on_policy import options as on_policy_options
from ibc.report import evaluation_rows
from ibc.train.run import run_folder

_OF_FOLDER = re.compile(r"([A-Za-z]+)_seed\d+")
_OF_INTERACTION = re.compile(r'"(test_returns|episode_reward)"|^\s*{\s*"evaluations"')
_TRAJECTORIES = "imitation.trajectories"
# Bindings have the shortest name that is one; these say where a run is, and how long.
_NOT_THE_METHOD = {"seed", "task", "data", "algorithm"} | {
    name.removeprefix("online_train_eval.")
    for free in (
        run_config.free_names(),
        on_policy_options.free_names(),
        drq_options.free_names(),
        ifo_options.not_the_method(),
    )
    for name in free
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
    """Of each episode, [E, episodes]; [E, 1] of averages, where a run has kept no more."""
    normalized: np.ndarray | None
    """The same between random actions, 0, and the expert, 1; None where no expert is known."""
    measured: Mapping[str, np.ndarray]
    """What was measured of a learned reward: name → [E]; none for rewards that cannot be."""
    success: np.ndarray | None
    """Share of the episodes of each evaluation that were solved, [E]; None where it is not told."""
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
      ValueError: Some are and some are not, which cannot be compared.
    """
    found = [bool(find(folder)) for folder in folders]
    if any(found) and not all(found):
        other, one = folders[found.index(False)], folders[found.index(True)]
        raise ValueError(
            f"{one} was learned by interaction, {other} was not: give runs of one kind."
        )
    return all(found)


def find(folder: pathlib.Path) -> list[pathlib.Path]:
    """Returns the runs in a folder, itself or below."""
    places = [folder / history.FILE] if (folder / history.FILE).exists() else []
    return [
        path.parent
        for path in places or sorted(folder.glob(f"**/{history.FILE}"))
        if _OF_INTERACTION.search(path.read_text("utf-8"))
    ]


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
        by_rows = evaluation_rows.are_in(kept)
        if not kept["evaluations" if by_rows else "test_steps"]:
            interval = "evaluation_interval" if by_rows else "evaluation.interval"
            raise FileNotFoundError(
                f"{folder} has no evaluation yet: let it train on, with a smaller "
                f"{interval} and without check_time_usage."
            )
        found = evaluation_rows.read(kept) if by_rows else _of_lists(kept)
        normalized = kept.get("test_returns_normalized", [None])
        in_folder = _OF_FOLDER.fullmatch(folder.name)
        of_folder = in_folder[1] if in_folder else folder.name
        algorithm = kept.get("algorithm") or bindings.get("algorithm", of_folder).strip("'\"")
        measured = {name: kept.get(name, []) for name in history.MEASURED}
        return Run(
            folder,
            bindings.get("task", "").strip("'\""),
            algorithm,
            int(bindings.get("seed", 0)),
            int(bindings.get(_TRAJECTORIES, 0)),
            tuple(sorted(item for item in bindings.items() if _is_setting(item[0]))),
            found.steps,
            found.returns,
            None if None in normalized else np.array(normalized, np.float64),
            {n: np.array(v, np.float64) for n, v in measured.items() if v and None not in v},
            found.success,
            found.seconds,
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError(f"{path} or {bound} is damaged ({error!r}): give another run.") from error


def _of_lists(kept: Mapping[str, Any]) -> evaluation_rows.Evaluations:
    """Returns the evaluations of an algorithm on SAC, which keeps a list of each quantity."""
    success = kept.get(history.SUCCESS) or [None]
    return evaluation_rows.Evaluations(
        np.array(kept["test_steps"]),
        np.array(kept["test_returns"], np.float64),
        None if None in success else np.array(success, np.float64),
        float(kept["pre_training_time"] + kept["training_time"]),
    )


def read_all(folders: Sequence[pathlib.Path]) -> tuple[list[Run], list[str]]:
    """Reads the runs in folders; returns them, and lines that say which are left out, and why.

    Raises:
      FileNotFoundError: A folder that is itself a run, or all runs, were not evaluated.
      ValueError: What one holds is damaged.
    """
    found, unread = [], []
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
