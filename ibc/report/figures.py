"""Curves of methods over training steps, as SVG to put into a page."""

import io
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from ibc.notebook.curves import Curve
from ibc.report import statistics
from ibc.report.runs import Method, Run

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#555555")
"""Told apart with any colour vision; a method has that of its place."""


class Line(NamedTuple):
    """A line with a band around it."""

    name: str
    steps: np.ndarray
    """[n]."""
    middle: np.ndarray
    """[n]."""
    low: np.ndarray
    """[n], NaN for no band."""
    high: np.ndarray
    """[n]."""


def curves(methods: Sequence[Method], title: str, curve_of: Callable[[Run], Curve]) -> str:
    """Draws the mean of each method's runs, and the band from its lowest to its highest run.

    Args:
      methods: In the order of their colours.
      title: Of the figure.
      curve_of: Run → what is drawn; steps that not all its runs have are left out.

    Returns:
      An SVG element.
    """
    lines = []
    for method in methods:
        steps, values = _aligned([curve_of(run) for run in method.runs])
        lines.append(Line(method.name, steps, *statistics.band(values)))
    return draw(lines, title, "training step")


def draw(lines: Sequence[Line], title: str, across: str) -> str:
    """Draws lines with bands; one of a single step goes across all steps, dashed.

    Args:
      lines: In the order of their colours; those without steps are left out.
      title: Of the figure.
      across: What the steps are.

    Returns:
      An SVG element.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot as plt

    # Texts stay texts; names of elements do not depend on chance.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": title}):
        figure, axes = plt.subplots(figsize=(5.6, 3.2), layout="constrained")
        longest = max((line.steps[-1] for line in lines if len(line.steps)), default=0)
        for place, line in enumerate(lines):
            if not len(line.steps):
                continue
            steps, middle, low, high = line.steps, line.middle, line.low, line.high
            style = {"marker": "o" if len(steps) < 30 else ""}
            if len(steps) == 1 and longest > steps[0]:
                steps = np.array([steps[0], longest])
                middle, low, high = (np.repeat(values, 2) for values in (middle, low, high))
                style = {"linestyle": "--"}
            colour = COLOURS[place % len(COLOURS)]
            axes.plot(steps, middle, color=colour, label=line.name, markersize=4, **style)
            axes.fill_between(steps, low, high, color=colour, alpha=0.2, linewidth=0)
        axes.set_xlabel(across)
        axes.set_title(title, fontsize=10)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
        if axes.lines:
            axes.legend(frameon=False, fontsize=8)
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
        plt.close(figure)
    return text.getvalue()[text.getvalue().index("<svg") :]


def _aligned(found: Sequence[Curve]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the steps that all curves have, [n], and the values there, [curves, n]."""
    steps = found[0].steps
    for curve in found[1:]:
        steps = np.intersect1d(steps, curve.steps)
    return steps, np.stack([curve.values[np.isin(curve.steps, steps)] for curve in found])
