"""What runs have measured, read from their folders, and the methods that they are runs of."""

import dataclasses
import json
import pathlib
from collections.abc import Mapping, Sequence

import numpy as np

from ibc.notebook import curves
from ibc.train.run import run_folder
from ibc.utils import tags

_METRICS = "Metrics/"
_LAST = 10
# What tells runs of one method apart, or where they are and how they are looked at.
_NOT_THE_METHOD = (
    "seed",
    "data",
    "train_eval.seed",
    "train_eval.root_dir",
    "train_eval.tag",
    "train_eval.video",
    "train_eval.viz_img",
    "train_eval.viz_energy",
    "train_eval.num_envs",
    "train_eval.top_k_checkpoints",
    "train_eval.checkpoint_interval",
    "train_eval.policy_save_interval",
)


@dataclasses.dataclass(frozen=True)
class Run:
    """A run on one task; one that evaluates on several is as many."""

    folder: pathlib.Path
    environment: str
    """Id of the task's environment."""
    bindings: Mapping[str, str]
    """What it was started with: name → value as gin writes it."""
    seed: int
    metrics: Mapping[str, curves.Curve]
    """Metric → averages of evaluations over steps."""
    loss: curves.Curve
    episodes: Mapping[str, np.ndarray]
    """Metric → a number per episode of the last evaluation, [episodes], by ascending seeds."""
    episode_seeds: tuple[int, ...]
    seconds: float
    """In which the run worked, without the time between a stop and what went on."""
    num_numbers: int
    """Trained numbers in the exported policy, 0 if unknown."""

    def last(self, metric: str) -> float:
        """Returns a metric's average at the last evaluation."""
        return float(self.metrics[metric].values[-1])

    def best(self, metric: str) -> float:
        """Returns its largest average."""
        return float(self.metrics[metric].values.max())

    def last_ten(self, metric: str) -> float:
        """Returns its mean over the last ten evaluations, or as many as there are."""
        return float(self.metrics[metric].values[-_LAST:].mean())

    @property
    def method(self) -> tuple[tuple[str, str], ...]:
        """What its method is: all bindings but seed and places."""
        kept = (item for item in self.bindings.items() if item[0] not in _NOT_THE_METHOD)
        return tuple(sorted(kept))


@dataclasses.dataclass(frozen=True)
class Method:
    """Runs that differ in their seeds alone."""

    name: str
    runs: tuple[Run, ...]


def read(folder: pathlib.Path) -> list[Run]:
    """Reads a run's folder: a run for each task that it was evaluated on.

    Raises:
      FileNotFoundError: There is no run, or it has not been evaluated.
      ValueError: What it holds is damaged.
    """
    if not (folder / "train").is_dir():
        raise FileNotFoundError(f"{folder} holds no run: give a folder that train_eval has made.")
    results = sorted(folder.glob("eval/*/results.json"))
    if not results:
        raise FileNotFoundError(
            f"{folder} has no evaluation (eval/*/results.json): a report compares these. Train to "
            "the end, without --skip_eval."
        )
    bindings = run_folder.parse_bindings((folder / "train/gin-bindings.txt").read_text())
    loss = curves.read(folder / "train").get(tags.REDUCED_LOSS, curves.NONE)
    seconds = curves.working_seconds(folder / "train")
    runs = []
    for path in results:
        seeds, episodes = _episodes(path)
        found = curves.read(path.parent)
        metrics = {
            tag.removeprefix(_METRICS): curve
            for tag, curve in found.items()
            if tag.startswith(_METRICS)
        }
        runs.append(
            Run(
                folder,
                path.parent.name,
                bindings,
                int(bindings.get("seed", 0)),
                metrics,
                loss,
                episodes,
                seeds,
                seconds,
                _num_numbers(folder),
            )
        )
    return runs


def methods(runs: Sequence[Run]) -> list[Method]:
    """Groups runs by their configs apart from seeds, in the order in which they are given.

    A method has the name of the folder that all its runs, and no other's, are in; otherwise its
    network, or the folder of its first run.

    Raises:
      ValueError: Two runs have the same config and seed.
    """
    groups: dict[tuple, list[Run]] = {}
    for run in runs:
        groups.setdefault((run.environment, run.method), []).append(run)
    found = []
    for group in groups.values():
        seeds = [run.seed for run in group]
        if len(set(seeds)) < len(seeds):
            again = [run for run in group if seeds.count(run.seed) > 1]
            raise ValueError(
                f"{again[0].folder} and {again[1].folder} have the same config and seed: they are "
                "the same run twice. Give one of them."
            )
        found.append(sorted(group, key=lambda run: run.seed))
    names = [_name(group) for group in found]
    unique = [
        name if names.count(name) == 1 else f"{name} ({group[0].folder.name})"
        for name, group in zip(names, found, strict=True)
    ]
    return [Method(name, tuple(group)) for name, group in zip(unique, found, strict=True)]


def differing_bindings(found: Sequence[Method]) -> dict[str, list[str]]:
    """Returns the bindings that are not the same of all methods: name → value of each method."""
    bound = [dict(method.runs[0].method) for method in found]
    names = sorted({name for each in bound for name in each})
    values = {name: [each.get(name, "") for each in bound] for name in names}
    return {name: each for name, each in values.items() if len(set(each)) > 1}


def main_metric(found: Sequence[Method]) -> str:
    """Returns the most telling metric that all runs have."""
    common = set.intersection(*(set(run.metrics) for method in found for run in method.runs))
    return tags.most_telling(common)


def _name(group: Sequence[Run]) -> str:
    parents = {run.folder.parent for run in group}
    of_seeds = all(run.folder.name.startswith("seed") for run in group)
    return group[0].folder.parent.name if of_seeds and len(parents) == 1 else group[0].folder.name


def _episodes(path: pathlib.Path) -> tuple[tuple[int, ...], dict[str, np.ndarray]]:
    try:
        listed = json.loads(path.read_text(encoding="utf-8"))["episodes"]
        listed = sorted(listed, key=lambda episode: episode["seed"])
        seeds = tuple(int(episode["seed"]) for episode in listed)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): remove it and evaluate again.") from error
    names = {name for episode in listed for name in episode} - {"seed"}
    # What only some episodes tell, such as success, is 0 in the others.
    return seeds, {
        name: np.array([episode.get(name, 0.0) for episode in listed], np.float64) for name in names
    }


def _num_numbers(folder: pathlib.Path) -> int:
    """Counts the float numbers of the newest exported weights, each of four bytes."""
    found = sorted(folder.glob("policies/checkpoints/*/variables/variables.data-*"))
    return found[-1].stat().st_size // 4 if found else 0
