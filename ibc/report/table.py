"""What goes into a paper: a row for each task and method, as Markdown and as JSON."""

import json
import math
from collections.abc import Sequence

from ibc import info
from ibc.report import page, runs, statistics

_HEADS = ("task", "method", "95 % interval", "seeds × episodes", "steps", "minutes")


def markdown(methods: Sequence[runs.Method], metric: str, command: str | None) -> str:
    """Returns a table in Markdown, and the command that makes it.

    Args:
      methods: Of one or several tasks.
      metric: What is compared, at each run's last evaluation.
      command: Written below the table.
    """
    heads = [*_HEADS[:2], metric, *_HEADS[2:]]
    rows = [[*_named(method), *_cells(method, metric)] for method in methods]
    lines = [heads, ["---"] * len(heads), *rows]
    text = "".join(f"| {' | '.join(line)} |\n" for line in lines)
    told = f"\n```bash\n{command}\n```\n" if command else ""
    return f"{text}\nThe interval is a bootstrap's over seeds and episodes.\n{told}"


def as_json(methods: Sequence[runs.Method], metric: str, command: str | None) -> str:
    """Returns the same numbers as JSON, with each run's episodes and the computer's description."""
    rows = [
        {
            "task": method.runs[0].environment,
            "method": method.name,
            "metric": metric,
            **dict(zip(("mean", "low", "high"), _numbers(method, metric), strict=True)),
            "minutes": [round(run.seconds / 60, 2) for run in method.runs],
            "runs": [_run(run, metric) for run in method.runs],
        }
        for method in methods
    ]
    about = {"command": command, "computer": dict(info.lines())}
    return json.dumps({**about, "rows": rows}, indent=1) + "\n"


def _run(run: runs.Run, metric: str) -> dict:
    return {
        "seed": run.seed,
        "step": int(run.metrics[metric].steps[-1]),
        "average": run.last(metric),
        "episodes": [float(f"{each:.6g}") for each in run.episodes.get(metric, ())],
    }


def _named(method: runs.Method) -> tuple[str, str]:
    return method.runs[0].environment, method.name


def _cells(method: runs.Method, metric: str) -> list[str]:
    found = _interval(method, metric)
    first = method.runs[0]
    minutes = sum(run.seconds for run in method.runs) / len(method.runs) / 60
    return [
        page.shown(statistics.Interval(found.value, math.nan, math.nan)),
        f"{found.low:.3g} – {found.high:.3g}",
        f"{len(method.runs)} × {len(first.episode_seeds)}",
        f"{int(first.metrics[metric].steps[-1]):,}",
        f"{minutes:.1f}",
    ]


def _numbers(method: runs.Method, metric: str) -> list[float | None]:
    """Returns mean and interval as JSON has them, which knows no NaN."""
    return [None if math.isnan(each) else round(each, 6) for each in _interval(method, metric)]


def _interval(method: runs.Method, metric: str) -> statistics.Interval:
    if any(metric not in run.episodes for run in method.runs):
        return statistics.mean_interval([run.last(metric) for run in method.runs])
    return statistics.seeds_and_episodes([run.episodes[metric] for run in method.runs])
