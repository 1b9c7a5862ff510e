"""The numbers of a report: a row for each method, and for each pair of methods."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from ibc.report import statistics
from ibc.report.runs import Method
from ibc.utils import scores, tags

_SHARES = (tags.SUCCESS, "D4RLSuccess")


@dataclasses.dataclass(frozen=True)
class Row:
    """A method's scores over its seeds, and what they cost."""

    name: str
    seeds: tuple[int, ...]
    episodes: int
    """Per run."""
    step: int
    """Of the last evaluation."""
    last: statistics.Interval
    """At the last evaluation: mean, with Student's t interval."""
    interquartile_mean: statistics.Interval
    """The same scores without the lowest and highest quarter, with a stratified bootstrap."""
    best: statistics.Interval
    """Of each run its best evaluation, which is too good: chosen by the episodes it is said of."""
    last_ten: statistics.Interval
    """Of each run the mean over its last ten evaluations."""
    minutes: float
    """A run's working time, mean."""
    steps_per_second: float
    """Training steps over working time, evaluations included; NaN if unknown."""
    num_numbers: int
    """Trained numbers of a policy, 0 if unknown."""


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two methods on the same episodes."""

    names: tuple[str, str]
    metric: str
    seeds: tuple[int, ...]
    episodes: int
    comparison: statistics.Comparison


def rows(methods: Sequence[Method], metric: str) -> list[Row]:
    """Returns the row of each method."""
    return [_row(method, metric) for method in methods]


def pairs(methods: Sequence[Method], metric: str) -> list[Pair]:
    """Compares each method with each later one of its task, by success and return if they tell.

    Runs are paired by their seeds, episodes by theirs; those that only one of the two has are left
    out.
    """
    found = []
    for place, first in enumerate(methods):
        for second in methods[place + 1 :]:
            if first.runs[0].environment != second.runs[0].environment:
                continue
            for name in dict.fromkeys((metric, tags.RETURN)):
                if pair := _pair(first, second, name):
                    found.append(pair)
    return found


def _row(method: Method, metric: str) -> Row:
    runs = method.runs
    ends = (0.0, 1.0) if metric in _SHARES else (-math.inf, math.inf)
    last = np.array([run.last(metric) for run in runs])
    seconds = float(np.mean([run.seconds for run in runs]))
    step = int(runs[0].metrics[metric].steps[-1])
    return Row(
        method.name,
        tuple(run.seed for run in runs),
        len(runs[0].episode_seeds),
        step,
        statistics.mean_interval(last, *ends),
        statistics.Interval(
            float(scores.interquartile_mean(last)), *scores.interval([last], draws=10_000)
        ),
        statistics.mean_interval(np.array([run.best(metric) for run in runs]), *ends),
        statistics.mean_interval(np.array([run.last_ten(metric) for run in runs]), *ends),
        seconds / 60,
        step / seconds if seconds else math.nan,
        runs[0].num_numbers,
    )


def _pair(first: Method, second: Method, metric: str) -> Pair | None:
    """Compares two methods; None where nothing of them can be paired."""
    by_seed = [{run.seed: run for run in method.runs} for method in (first, second)]
    seeds = sorted(set(by_seed[0]) & set(by_seed[1]))
    chosen = [[each[seed] for seed in seeds] for each in by_seed]
    together = [run for runs in chosen for run in runs]
    if not together or any(metric not in run.episodes for run in together):
        return None
    episodes = sorted(set.intersection(*(set(run.episode_seeds) for run in together)))
    if not episodes:
        return None
    values = [
        np.stack([run.episodes[metric][np.isin(run.episode_seeds, episodes)] for run in runs])
        for runs in chosen
    ]
    names = (first.name, second.name)
    compared = statistics.compare(*values, is_success=metric in _SHARES)
    return Pair(names, metric, tuple(seeds), len(episodes), compared)
