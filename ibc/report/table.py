"""What goes into a paper: a row for each task and method, as Markdown and as JSON."""

import dataclasses
import json
import math
from collections.abc import Sequence

import numpy as np

from ibc import info
from ibc.report import runs, statistics

_HEADS = ("task", "method", "95 % interval", "seeds × episodes", "steps", "minutes")


@dataclasses.dataclass(frozen=True)
class Row:
    """A method on a task."""

    method: runs.Method
    metric: str
    interval: statistics.Interval
    """Over seeds and episodes; over seeds where episodes do not tell."""

    @property
    def task(self) -> str:
        """Id of its environment."""
        return self.method.runs[0].environment

    @property
    def steps(self) -> list[int]:
        """Of each run's last evaluation."""
        return [int(run.metrics[self.metric].steps[-1]) for run in self.method.runs]

    @property
    def minutes(self) -> list[float]:
        """That each run took."""
        return [round(run.seconds / 60, 2) for run in self.method.runs]


def rows(methods: Sequence[runs.Method], metric: str) -> list[Row]:
    """Returns a row for each method, of one or several tasks.

    Args:
      methods: What is compared.
      metric: At each run's last evaluation.
    """
    return [Row(method, metric, _interval(method, metric)) for method in methods]


def markdown(found: Sequence[Row], command: str | None) -> str:
    """Returns a table in Markdown, and the command that makes it.

    Args:
      found: At least one.
      command: Written below the table.
    """
    heads = [*_HEADS[:2], found[0].metric, *_HEADS[2:]]
    lines = [heads, ["---"] * len(heads), *map(_cells, found)]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    told = f"\n```bash\n{command}\n```\n" if command else ""
    return f"{text}\nThe interval is a bootstrap's over seeds and episodes.\n{told}"


def as_json(found: Sequence[Row], command: str | None) -> str:
    """Returns the same numbers as JSON, with each run's episodes and the computer's description."""
    told = [
        {
            "task": row.task,
            "method": row.method.name,
            "metric": row.metric,
            **dict(zip(("mean", "low", "high"), map(_number, row.interval), strict=True)),
            "minutes": row.minutes,
            "runs": [
                {
                    "seed": run.seed,
                    "step": step,
                    "average": _number(run.last(row.metric)),
                    "episodes": [_number(each) for each in run.episodes.get(row.metric, ())],
                }
                for run, step in zip(row.method.runs, row.steps, strict=True)
            ],
        }
        for row in found
    ]
    about = {"command": command, "computer": info.computer()}
    return json.dumps({**about, "rows": told}, indent=1, allow_nan=False) + "\n"


def _cells(row: Row) -> list[str]:
    mean, *ends = row.interval
    told = "–" if any(map(math.isnan, ends)) else " – ".join(f"{end:.3g}" for end in ends)
    episodes = [len(run.episode_seeds) for run in row.method.runs]
    return [
        row.task,
        row.method.name.replace("|", "\\|"),
        f"{mean:.3g}",
        told,
        f"{len(episodes)} × {_span(episodes)}",
        _span(row.steps),
        f"{sum(row.minutes) / len(row.minutes):.1f}",
    ]


def _span(numbers: Sequence[int]) -> str:
    """Returns a number that all runs share, or the least and the largest."""
    return "–".join(f"{number:,}" for number in sorted({min(numbers), max(numbers)}))


def _number(value: float) -> float | None:
    """Returns a number as JSON has it, which knows neither NaN nor infinity."""
    return float(f"{value:.6g}") if math.isfinite(value) else None


def _interval(method: runs.Method, metric: str) -> statistics.Interval:
    if any(metric not in run.episodes for run in method.runs):
        return statistics.mean_interval(np.array([run.last(metric) for run in method.runs]))
    return statistics.seeds_and_episodes([run.episodes[metric] for run in method.runs])
