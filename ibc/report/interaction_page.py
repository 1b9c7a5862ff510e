"""A report on learning by interaction, as one HTML page and as CSV."""

import csv
import html
import io
from collections.abc import Sequence

import numpy as np

from ibc.report import figures, interaction_scores, page
from ibc.report.interaction_runs import Method
from ibc.utils import tags

_ACROSS = "steps of interaction"
_AUCS = ("auc_agent", "auc_random")


def make(methods: Sequence[Method]) -> str:
    """Returns the page.

    Raises:
      ValueError: Runs on several tasks have no common scale.
    """
    of, tasks = interaction_scores.unit(methods), interaction_scores.tasks_of(methods)
    parts = [
        f"<h2>{html.escape(', '.join(tasks))}</h2>",
        f'<p class="note">{_about(of)}</p>',
        _scores(methods, of, tasks),
        *_curves(methods, of, tasks),
        *_improvements(methods, of),
        *_measured(methods),
        *page.videos([(method.name, method.runs[0].folder) for method in methods]),
    ]
    return page.document(parts)


def table(methods: Sequence[Method]) -> str:
    """Returns a line for each run as CSV."""
    of, text = interaction_scores.unit(methods), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = ("task", "method", "algorithm", "trajectories", "seed", "step", "episodes")
    numbers_of = (of.replace(" ", "_"), "mean_return", "success", *_AUCS)
    writer.writerow([*names, *numbers_of, "minutes", "folder"])
    for method in methods:
        for run in method.runs:
            aucs = (run.measured.get(name, [""])[-1] for name in _AUCS)
            solved = "" if run.success is None else run.success[-1]
            score = interaction_scores.of_run(run, of)[-1]
            numbers = (score, run.returns[-1].mean(), solved, *aucs)
            writer.writerow(
                [run.task, method.name, run.algorithm, run.trajectories or "all", run.seed]
                + [run.steps[-1], run.returns.shape[1]]
                + [number if number == "" else f"{number:.6g}" for number in numbers]
                + [f"{run.seconds / 60:.3f}", str(run.folder)]
            )
    return text.getvalue()


def _about(of: str) -> str:
    if of == "return":
        return "Return of greedy episodes at the end of training, on the same seeds for all."
    return (
        "Return of greedy episodes, on the same seeds for all, between random actions, 0, and the "
        "expert, 1."
    )


def _scores(methods: Sequence[Method], of: str, tasks: Sequence[str]) -> str:
    several = len(tasks) > 1
    solved = [interaction_scores.success(method) for method in methods]
    tell_success = any(share is not None for share in solved)
    heads = ["method", "runs", "steps", "all tasks" if several else of, *(tasks * several)]
    cells = []
    for method, share in zip(methods, solved, strict=True):
        runs = method.runs
        found = [interaction_scores.last(runs, of)]
        row = [method.name, str(len(runs)), f"{max(run.steps[-1] for run in runs):,}"]
        row += map(page.shown, found)
        for task in tasks * several:
            of_task = method.of_task(task)
            row.append(page.shown(interaction_scores.last(of_task, of)) if of_task else "")
        means = [
            f"{np.mean([run.returns[-1] for run in method.of_task(task)]):,.0f}"
            for task in tasks
            if method.of_task(task)
        ]
        row += ["" if share is None else f"{share:.2f}"] * tell_success
        cells.append([*row, ", ".join(means), f"{np.mean([run.seconds for run in runs]) / 60:.1f}"])
    note = (
        "Interquartile mean over the episodes of each run's last evaluation, then over runs, with "
        "a 95 % bootstrap interval that draws the runs of each task among themselves. A task with "
        "one run has no interval. Mean return: of the last evaluations, in the task's own units. "
        "Success: share of these episodes that were solved. "
        "Minutes: of a run, evaluations included."
    )
    heads += ["success"] * tell_success
    return page.table_of([*heads, "mean return", "minutes"], cells, note)


def _curves(methods: Sequence[Method], of: str, tasks: Sequence[str]) -> list[str]:
    drawn = [_curve(methods, of, of)]
    if len(tasks) > 1:
        for task in tasks:
            chosen = [
                Method(method.name, tuple(method.of_task(task)))
                for method in methods
                if method.of_task(task)
            ]
            drawn.append(_curve(chosen, of, task))
    return [
        "<h3>How many steps it takes</h3>",
        f'<div class="flex">{"".join(drawn)}</div>',
        '<p class="note">Lines and bands: as in the table, at each evaluation. Dashed: cloning, '
        "which take no steps.</p>",
    ]


def _curve(methods: Sequence[Method], of: str, title: str) -> str:
    return figures.draw([interaction_scores.curve(each, of) for each in methods], title, _ACROSS)


def _improvements(methods: Sequence[Method], of: str) -> list[str]:
    cells = []
    for place, first in enumerate(methods):
        for second in methods[place + 1 :]:
            if found := interaction_scores.improvement(first, second, of):
                cells.append([f"{first.name} > {second.name}", page.shown(found)])
    note = (
        "How probably a run of the first is above one of the second on the same task, ties half, "
        "mean over tasks, with the same bootstrap (Agarwal et al., 2021). 0.5: neither."
    )
    heads = ("pair", "probability")
    return (
        ["<h3>Probability of improvement</h3>", page.table_of(heads, cells, note)] if cells else []
    )


def _measured(methods: Sequence[Method]) -> list[str]:
    """Returns how well each learned reward tells the expert from others, over the run."""
    learned = [m for m in methods if interaction_scores.measured(m, _AUCS[0]) is not None]
    if not learned:
        return []
    cells = [
        [method.name, *(f"{interaction_scores.measured(method, name):.2f}" for name in _AUCS)]
        for method in learned
    ]
    drawn = []
    for name in _AUCS:
        lines = [interaction_scores.measured_curve(method, name) for method in methods]
        drawn.append(figures.draw(lines, name, _ACROSS))
    about = " ".join(f"{name}: {tags.INTERACTION[name]}" for name in _AUCS)
    note = f"{about} 0.5 is guessing. Bands: from the lowest to the highest run."
    return [
        "<h3>What the learned rewards know</h3>",
        page.table_of(("method", *_AUCS), cells, note),
        f'<div class="flex">{"".join(drawn)}</div>',
    ]
