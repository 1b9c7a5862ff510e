"""What runs of learning by interaction have achieved, over seeds and tasks.

Scores of a run are interquartile means over an evaluation's episodes; a method's are those over its
runs, with a bootstrap that draws the runs of each task among themselves (Agarwal et al.,
arXiv 2108.13264).
"""

from collections.abc import Sequence

import numpy as np

from ibc.online import algorithms
from ibc.report import figures, statistics
from ibc.report.interaction_runs import Method, Run
from ibc.utils import scores

_DRAWS = 50_000
_CURVE_DRAWS = 2000


def unit(methods: Sequence[Method]) -> str:
    """Returns what is compared: 'normalized return', or 'return' of a single task without expert.

    Raises:
      ValueError: Returns of several tasks are not on one scale.
    """
    runs = [run for method in methods for run in method.runs]
    lacking = [run for run in runs if run.normalized is None]
    if not lacking:
        return "normalized return"
    if len({run.task for run in runs}) == 1:
        return "return"
    raise ValueError(
        f"{lacking[0].folder} has no normalized returns: {_why(lacking[0])}, or compare runs of "
        "one task."
    )


def _why(run: Run) -> str:
    if run.algorithm in algorithms.APART:
        return f"{run.algorithm} knows no expert's. Leave it out"
    return f"no expert of {run.task} is known. Record demonstrations and train again"


def of_run(run: Run, of: str) -> np.ndarray:
    """Returns a run's scores at its evaluations, [E]."""
    values = run.returns if of == "return" else run.normalized
    return scores.interquartile_mean(values, axis=1)


def last(runs: Sequence[Run], of: str, draws: int = _DRAWS) -> statistics.Interval:
    """Returns the score at the last evaluation of runs, and its interval."""
    tasks = _by_task(runs, [of_run(run, of)[-1] for run in runs])
    return _interval(tasks, draws)


def curve(method: Method, of: str) -> figures.Line:
    """Returns a method's score at the evaluations that all its runs have."""
    steps = method.runs[0].steps
    for run in method.runs[1:]:
        steps = np.intersect1d(steps, run.steps)
    values = [of_run(run, of)[np.isin(run.steps, steps)] for run in method.runs]
    found = [
        _interval(_by_task(method.runs, [each[place] for each in values]), _CURVE_DRAWS)
        for place in range(len(steps))
    ]
    return figures.Line(method.name, steps, *np.reshape(found, [-1, 3]).T)


def improvement(first: Method, second: Method, of: str) -> statistics.Interval | None:
    """Returns how probably a run of one method is above one of another on the same task.

    The mean over the tasks that both have; None if there is no such.
    """
    tasks = [task for task in tasks_of([first]) if second.of_task(task)]
    if not tasks:
        return None
    pairs = [
        [np.array([of_run(run, of)[-1] for run in method.of_task(task)]) for task in tasks]
        for method in (first, second)
    ]
    return statistics.Interval(*scores.probability_of_improvement(*pairs))


def measured(method: Method, name: str) -> float | None:
    """Returns what was measured of a learned reward at the end, the mean over runs."""
    values = [run.measured[name][-1] for run in method.runs if name in run.measured]
    return float(np.mean(values)) if values else None


def success(method: Method) -> float | None:
    """Returns the share of solved episodes at the end, the mean over runs; None if none tells it.

    Where one does, another that tells nothing has solved none.
    """
    values = [0.0 if run.success is None else run.success[-1] for run in method.runs]
    told = any(run.success is not None for run in method.runs)
    return float(np.mean(values)) if told else None


def measured_curve(method: Method, name: str) -> figures.Line:
    """Returns what was measured of a learned reward at the evaluations that its runs have.

    The mean, the lowest and the highest run; without steps if nothing was.
    """
    runs = [run for run in method.runs if name in run.measured]
    steps = runs[0].steps if runs else np.zeros(0, int)
    for run in runs[1:]:
        steps = np.intersect1d(steps, run.steps)
    if not runs:
        return figures.Line(method.name, steps, steps, steps, steps)
    values = np.stack([run.measured[name][np.isin(run.steps, steps)] for run in runs])
    return figures.Line(method.name, steps, *statistics.band(values))


def tasks_of(methods: Sequence[Method]) -> list[str]:
    """Returns the tasks of methods' runs, each once."""
    return list(dict.fromkeys(run.task for method in methods for run in method.runs))


def _by_task(runs: Sequence[Run], values: Sequence[float]) -> list[np.ndarray]:
    tasks: dict[str, list[float]] = {}
    for run, value in zip(runs, values, strict=True):
        tasks.setdefault(run.task, []).append(value)
    return [np.array(each) for each in tasks.values()]


def _interval(tasks: Sequence[np.ndarray], draws: int) -> statistics.Interval:
    middle = float(scores.interquartile_mean(np.concatenate(tasks)))
    return statistics.Interval(middle, *scores.interval(tasks, draws=draws))
