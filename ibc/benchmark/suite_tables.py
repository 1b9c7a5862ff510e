"""The tables of experiments that have a name, from what their agents have left."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from ibc.benchmark import suites
from ibc.benchmark.plan import Job

_THROUGH = 0.9
"""Share of an evaluation's episodes that have gone the way, to have found it."""
_SHOWN = "demonstrations"


def table(name: str, jobs: Sequence[Job]) -> tuple[str, list[dict]]:
    """Returns what runs that are done have come to: Markdown, and the same numbers.

    The columns are means over seeds at the last evaluation, with intervals of Student's t. Where
    the runs have measured the demonstrations, too, these are the first line.

    Args:
      name: Of the suite.
      jobs: Those of its agents.
    """
    suite = suites.SUITES[name]
    heads = ["", "seeds", *(column.name for column in suite.columns)]
    heads += [*(("found the way", "steps until then") if suite.way else ()), "minutes"]
    lines, told = [heads, ["---"] * len(heads)], []
    for label in suite.rows:
        done = [job for job in jobs if job.name.split("/")[-2] == label and job.is_done()]
        if not done:
            continue
        kept = [json.loads((job.folder / "results.json").read_text("utf-8")) for job in done]
        if not told and _SHOWN in kept[0]:
            lines.append(_shown_line(suite, kept[0][_SHOWN], len(heads)))
            told.append({"row": _SHOWN, "runs": [kept[0][_SHOWN]]})
        found = [
            _measured(suite, one, job.folder.name) for one, job in zip(kept, done, strict=True)
        ]
        lines.append(_line(suite, label, found))
        told.append({"row": label, "runs": found})
    return "".join(f"| {' | '.join(line)} |\n" for line in lines), told


def _line(suite: suites.Suite, label: str, found: Sequence[Mapping]) -> list[str]:
    cells = [label, str(len(found))]
    cells += [_text([each[column.name] for each in found], column) for column in suite.columns]
    if suite.way:
        until = [each["steps_until"] for each in found if each["steps_until"] is not None]
        median = f"{int(np.median(until)):,}" if any(until) else "–"
        cells += [f"{len(until)} of {len(found)}", median]
    return [*cells, f"{np.mean([each['minutes'] for each in found]):.1f}"]


def _shown_line(suite: suites.Suite, shown: Mapping[str, float], length: int) -> list[str]:
    """Returns the demonstrations' line, which is a mean over these and has no seeds."""
    cells = [_text([shown[c.key]], c) if c.key in shown else "" for c in suite.columns]
    line = [_SHOWN, "", *cells]
    return line + [""] * (length - len(line))


def _text(values: Sequence[float], column: suites.Column) -> str:
    from ibc.report import statistics  # Only here, as --help does not wait for SciPy.

    digits = column.digits
    mean, low, high = statistics.mean_interval(np.array(values), column.low, column.high)
    interval = "" if np.isnan(low) else f" [{low:,.{digits}f}, {high:,.{digits}f}]"
    return f"{mean:,.{digits}f}{interval}"


def _measured(suite: suites.Suite, kept: Mapping, run: str) -> dict[str, float | str | None]:
    """Returns a run's last evaluation, and the steps until one has mostly found the way."""
    rows = kept["evaluations"]
    found = {column.name: rows[-1].get(column.key, np.nan) for column in suite.columns}
    if suite.way:
        until = [row.get("frames", 0) for row in rows if row[suite.way] >= _THROUGH]
        found["steps_until"] = until[0] if until else None
    steps, minutes = rows[-1].get("frames", 0), kept["seconds"] / 60
    return found | {"steps": steps, "minutes": minutes, "run": run}
