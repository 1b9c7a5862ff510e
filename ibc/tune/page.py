"""A search as one HTML page, which needs no other file and no network."""

import html
from collections.abc import Sequence

import optuna

from ibc.tune import results, spaces
from ibc.tune import study as study_lib

_COLUMN, _TOP, _HEIGHT, _LEFT = 104, 52, 300, 60
_POOR, _GOOD, _NONE = (253, 196, 74), (24, 74, 125), "#bbb"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 90rem; margin: 2rem auto; padding: 0 1rem;
       color: #222 }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.wide { overflow-x: auto } table { border-collapse: collapse; font-size: 0.85rem }
th, td { text-align: left; padding: 0.2rem 0.7rem 0.2rem 0; border-bottom: 1px solid #ddd;
         vertical-align: bottom; white-space: nowrap }
p.note { color: #666; font-size: 0.85rem } svg text { font: 11px system-ui, sans-serif }
polyline { fill: none; stroke-width: 2; stroke-opacity: 0.75 }
polyline.chosen { stroke-width: 5; stroke-opacity: 1 } tr.chosen { background: #eef3f8 }
"""
# Pointing at a trial, in the figure or in the table, shows it in both.
_SCRIPT = """
for (const one of document.querySelectorAll('[data-trial]')) {
  const all = document.querySelectorAll('[data-trial="' + one.dataset.trial + '"]');
  for (const [event, is] of [['mouseenter', true], ['mouseleave', false]])
    one.addEventListener(event, () => all.forEach(each => each.classList.toggle('chosen', is)));
}
"""


def make(found: study_lib.Study, title: str, tasks: Sequence[str]) -> str:
    """Returns the page.

    Args:
      found: The search.
      title: What it is of.
      tasks: Names of its tasks.
    """
    trials = results.by_worth(found)
    note = (
        "A line is a trial, its colour the score on the right. Grey: failed, or open. Dashed: "
        "given up, with the score that it had by then. A score is the mean of the normalized "
        "returns of a run's evaluations, the smallest of the tasks'."
    )
    return "\n".join(
        [
            '<!doctype html><html lang="en"><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{html.escape(title)}</title><style>{_STYLE}</style><body>",
            f"<h1>{html.escape(title)}</h1>",
            f'<div class="wide">{coordinates(found.space, trials)}</div>',
            f'<p class="note">{note}</p><h2>Trials</h2>',
            f'<div class="wide">{_table(found.space, trials, tasks)}</div>',
            f"<script>{_SCRIPT}</script></body></html>\n",
        ]
    )


def coordinates(space: spaces.Space, trials: Sequence[optuna.trial.FrozenTrial]) -> str:
    """Returns parallel coordinates as SVG: an axis for each option, and one for the score."""
    values = [value for trial in trials if (value := study_lib.value_of(trial)) is not None]
    scale = spaces.Range(min(values, default=0.0), max(values, default=1.0))
    axes = [*space.items(), ("score", scale)]
    width = 2 * _LEFT + _COLUMN * (len(axes) - 1)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_TOP + _HEIGHT + 12}">'
    ]
    for place, (name, what) in enumerate(axes):
        parts += _axis(_LEFT + place * _COLUMN, name, what)
    # The best are drawn last, over the others.
    parts += [_line(axes, trial, scale) for trial in reversed(trials)]
    return "".join([*parts, "</svg>"])


def _axis(x: int, name: str, what: spaces.Choice | spaces.Range) -> list[str]:
    prefix, _, last = name.rpartition(".")
    marks = what.values if isinstance(what, spaces.Choice) else (what.low, what.high)
    return [
        f'<line x1="{x}" x2="{x}" y1="{_TOP}" y2="{_TOP + _HEIGHT}" stroke="#888"/>',
        f'<text x="{x}" y="16" text-anchor="middle" fill="#888">{html.escape(prefix)}</text>',
        f'<text x="{x}" y="32" text-anchor="middle">{html.escape(last)}</text>',
        *(
            f'<text x="{x + 4}" y="{_height(what, mark) - 3:.1f}" fill="#666">'
            f"{html.escape(_shown(mark))}</text>"
            for mark in marks
        ),
    ]


def _line(
    axes: Sequence[tuple[str, spaces.Choice | spaces.Range]],
    trial: optuna.trial.FrozenTrial,
    scale: spaces.Range,
) -> str:
    value = study_lib.value_of(trial)
    placed = {**trial.params} | ({} if value is None else {"score": value})
    points = " ".join(
        f"{_LEFT + place * _COLUMN},{_height(what, placed[name]):.1f}"
        for place, (name, what) in enumerate(axes)
        if name in placed
    )
    colour = _NONE if value is None else _colour(_share(scale, value))
    dashes = ' stroke-dasharray="6 4"' if trial.state is study_lib.State.PRUNED else ""
    told = f"trial {trial.number}: {results.state_of(trial)}"
    told += "" if value is None else f", {value:.3f}"
    return (
        f'<polyline data-trial="{trial.number}" points="{points}" stroke="{colour}"{dashes}>'
        f"<title>{told}</title></polyline>"
    )


def _share(what: spaces.Choice | spaces.Range, value: bool | int | float | str) -> float:
    """Returns where a value is on its axis, from 0 at the foot to 1."""
    if isinstance(what, spaces.Choice):
        return what.values.index(value) / max(len(what.values) - 1, 1)
    return (float(value) - what.low) / ((what.high - what.low) or 1.0)


def _height(what: spaces.Choice | spaces.Range, value: bool | int | float | str) -> float:
    return _TOP + _HEIGHT * (1 - _share(what, value))


def _colour(share: float) -> str:
    mixed = (poor + share * (good - poor) for poor, good in zip(_POOR, _GOOD, strict=True))
    return f"rgb({','.join(f'{part:.0f}' for part in mixed)})"


def _shown(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _table(
    space: spaces.Space, trials: Sequence[optuna.trial.FrozenTrial], tasks: Sequence[str]
) -> str:
    heads = ["trial", "state", "score", *tasks, *(name.rpartition(".")[2] for name in space)]
    lines = ["<tr>" + "".join(f"<th>{html.escape(head)}</th>" for head in heads) + "</tr>"]
    for trial in trials:
        value, scores = study_lib.value_of(trial), study_lib.scores_of(trial)
        error = trial.user_attrs.get("error", "")
        cells = [str(trial.number), results.state_of(trial), "" if value is None else _shown(value)]
        cells += [_shown(scores[task]) if task in scores else "" for task in tasks]
        cells += [_shown(trial.params.get(name, "")) for name in space]
        row = "".join(f"<td>{html.escape(cell)}</td>" for cell in cells)
        lines.append(f'<tr data-trial="{trial.number}" title="{html.escape(error)}">{row}</tr>')
    return f"<table>{''.join(lines)}</table>"
