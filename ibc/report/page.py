"""A report as one HTML page, which needs no other file and no network, and as CSV."""

import base64
import csv
import html
import io
import math
import pathlib
from collections.abc import Sequence

from ibc.report import figures, runs, statistics, summary
from ibc.utils import tags

_LARGEST_VIDEO_BYTES = 1_000_000
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem;
       color: #222; background: #fff }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: 0.9rem }
th, td { text-align: left; padding: 0.25rem 0.75rem 0.25rem 0; border-bottom: 1px solid #ddd;
         vertical-align: top; white-space: nowrap }
:is(th, td):first-child { position: sticky; left: 0; background: inherit }
tr { background: #fff }
.flex { display: flex; flex-wrap: wrap; gap: 1rem } svg { flex: 1 1 22rem;
       max-width: min(100%, 40rem); min-width: 0; height: auto }
video { width: 16rem; max-width: 100% } p.note { color: #666; font-size: 0.85rem }
figure { margin: 0 }
@media (max-width: 30em) { :is(th, td):first-child { white-space: normal; min-width: 7.5rem;
                                                     overflow-wrap: anywhere } }
"""


def make(found: Sequence[runs.Method], metric: str) -> str:
    """Returns the page.

    Args:
      found: Methods of any number of tasks.
      metric: By which they are compared.
    """
    parts = []
    for environment in dict.fromkeys(method.runs[0].environment for method in found):
        of_task = [method for method in found if method.runs[0].environment == environment]
        parts += _task(environment, of_task, metric)
    return document(parts)


def document(parts: Sequence[str]) -> str:
    """Returns a whole page with some parts."""
    head = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>Comparison of policies</title><style>{_STYLE}</style><body>",
        "<h1>Comparison of policies</h1>",
    ]
    return "\n".join([*head, *parts, "</body></html>\n"])


def table(found: Sequence[runs.Method], metric: str) -> str:
    """Returns a line for each run as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("task", "method", "seed", "step", "episodes", "metric", "last", "best", "last_10")
    writer.writerow([*names, "minutes", "numbers", "folder"])
    for method in found:
        for run in method.runs:
            values = [run.last(metric), run.best(metric), run.last_ten(metric)]
            step = int(run.metrics[metric].steps[-1])
            writer.writerow(
                [run.environment, method.name, run.seed, step, len(run.episode_seeds), metric]
                + [f"{value:.6g}" for value in values]
                + [f"{run.seconds / 60:.3f}", run.num_numbers, str(run.folder)]
            )
    return text.getvalue()


def shown(interval: statistics.Interval) -> str:
    """Returns a number with its interval: '0.94 [0.91, 0.97]'."""
    value, *ends = (
        f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}" for number in interval
    )
    return value if math.isnan(interval.low) else f"{value} [{', '.join(ends)}]"


def _task(environment: str, methods: Sequence[runs.Method], metric: str) -> list[str]:
    success = figures.curves(methods, metric, lambda run: run.metrics[metric])
    loss = figures.curves(methods, "training loss", lambda run: run.loss)
    parts = [
        f"<h2>{html.escape(environment)}</h2>",
        f'<p class="note">{html.escape(tags.METRICS.get(metric, metric))}</p>',
        _scores(summary.rows(methods, metric)),
        f'<div class="flex">{success}{loss}</div>',
        '<p class="note">Lines: mean over seeds. Bands: from the lowest to the highest seed. '
        "Losses of different kinds cannot be compared.</p>",
    ]
    pairs = summary.pairs(methods, metric)
    parts += _pairs(pairs) if pairs else []
    parts += _differences(methods)
    return parts + videos([(method.name, method.runs[0].folder) for method in methods])


def _scores(rows: Sequence[summary.Row]) -> str:
    heads = ("method", "seeds", "episodes", "last", "IQM", "last 10", "best")
    cells = [
        [
            row.name,
            ", ".join(map(str, row.seeds)),
            str(row.episodes),
            *map(shown, (row.last, row.interquartile_mean, row.last_ten, row.best)),
            f"{row.step:,}",
            f"{row.minutes:.1f}",
            "" if math.isnan(row.steps_per_second) else f"{row.steps_per_second:.0f}",
            f"{row.num_numbers:,}" if row.num_numbers else "",
        ]
        for row in rows
    ]
    note = (
        "Mean over seeds with 95 % interval (Student's t). IQM: interquartile mean with a "
        "stratified bootstrap. Last 10: of the last ten evaluations. Best: of each run's best "
        "evaluation; it was chosen by these episodes, so it flatters. Minutes: a run's working "
        "time, evaluations included. Weights: numbers that an exported policy holds."
    )
    return table_of([*heads, "steps", "minutes", "steps/s", "weights"], cells, note)


def _pairs(pairs: Sequence[summary.Pair]) -> list[str]:
    cells = [
        [
            f"{pair.names[0]} − {pair.names[1]}",
            pair.metric,
            f"{len(pair.seeds)} × {pair.episodes}",
            shown(pair.comparison.difference),
            ", ".join(f"{p:.2g}" for p in pair.comparison.p_values),
        ]
        for pair in pairs
    ]
    note = (
        "Both methods of a pair met the same starts. Difference: 95 % bootstrap interval over "
        "episodes. McNemar: exact, two-sided, for each seed; it asks whether episodes in which "
        "only one of the two succeeds are as often the one's as the other's."
    )
    heads = ("pair", "metric", "seeds × episodes", "difference", "McNemar p")
    return ["<h3>On the same episodes</h3>", table_of(heads, cells, note)]


def _differences(methods: Sequence[runs.Method]) -> list[str]:
    differing = runs.differing_bindings(methods)
    if not differing:
        return []
    cells = [[name, *values] for name, values in differing.items()]
    heads = ("binding", *(method.name for method in methods))
    note = "What is not the same of all methods; an empty cell is not bound."
    return ["<h3>What differs</h3>", table_of(heads, cells, note)]


def videos(named: Sequence[tuple[str, pathlib.Path]]) -> list[str]:
    """Returns the lines that show the latest video of each folder of a run, where there is one."""
    found = [(name, video) for name, folder in named if (video := _video(folder))]
    shown_videos = [
        f'<figure><video controls muted loop src="data:video/mp4;base64,{_encoded(video)}">'
        f"</video><figcaption>{html.escape(name)}, {html.escape(video.stem)}</figcaption></figure>"
        for name, video in found
    ]
    return ["<h3>Videos</h3>", f'<div class="flex">{"".join(shown_videos)}</div>'] if found else []


def _video(folder: pathlib.Path) -> pathlib.Path | None:
    """Returns a run's latest video, if it has one that is small."""
    videos = sorted(folder.glob("videos/*/*.mp4"), key=lambda path: path.stat().st_mtime)
    small = bool(videos) and videos[-1].stat().st_size <= _LARGEST_VIDEO_BYTES
    return videos[-1] if small else None


def _encoded(path: pathlib.Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def table_of(heads: Sequence[str], cells: Sequence[Sequence[str]], note: str) -> str:
    """Returns an HTML table with a line below it."""

    def row(tag: str, texts: Sequence[str]) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts) + "</tr>"

    lines = [row("th", heads), *(row("td", each) for each in cells)]
    body = "\n".join(lines)
    return f'<div class="wide"><table>{body}</table></div><p class="note">{html.escape(note)}</p>'
