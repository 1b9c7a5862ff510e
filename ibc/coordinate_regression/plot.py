"""The figure: where each model errs, and how its error falls with the number of examples."""

import os
from collections.abc import Sequence

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from scipy import spatial

from ibc.coordinate_regression import dots, regression, study
from ibc.utils import atomic_file

_DOTS_PER_INCH = 160
_ERROR_RANGE_PIXELS = (0.05, 20)
_LABELS = {
    "explicit": "explicit, plain head",
    "explicit_residual": "explicit, residual head",
    "implicit": "implicit",
}
_COLORS = {"explicit": "#c0504d", "explicit_residual": "#d98c21", "implicit": "#1f5fa8"}


def save(outcomes: Sequence[study.Outcome], seed: int, path: str | os.PathLike) -> None:
    """Writes the figure, whole or not at all.

    Args:
      outcomes: Of every method with the same numbers of examples.
      seed: The seed of `study.run`.
      path: Name of the PNG; its folder is made if missing.
    """
    numbers = sorted({outcome.num_examples for outcome in outcomes})
    panel = 2.3
    figure = Figure(
        (panel * len(numbers) + 4.6, len(regression.METHODS) * panel + 0.6), dpi=_DOTS_PER_INCH
    )
    FigureCanvasAgg(figure)
    figure.set_layout_engine("constrained")
    maps, curves = figure.subfigures(1, 2, width_ratios=[panel * len(numbers) + 0.9, 3.7])
    grid = maps.subplots(len(regression.METHODS), len(numbers), squeeze=False)
    for row, method in zip(grid, regression.METHODS, strict=True):
        row[0].set_ylabel(_LABELS[method], fontsize=12, color=_COLORS[method], fontweight="bold")
        for axes, count in zip(row, numbers, strict=True):
            points = _draw_map(axes, study.best(outcomes, method, count), seed)
    for axes, count in zip(grid[0], numbers, strict=True):
        axes.set_title(f"{count} training images", fontsize=11)
    bar = maps.colorbar(points, ax=grid, shrink=0.8, aspect=30, extend="both")
    bar.set_label("test error (pixels)")
    bar.ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    _draw_curves(curves.subplots(), outcomes, numbers)
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary)


def _draw_map(axes: Axes, outcome: study.Outcome, seed: int):
    """Draws the test dots of one model in the picture's frame; returns the coloured points."""
    training, _, test = dots.sample(seed)
    examples = _pixels(training.first(outcome.num_examples).targets)
    hull = spatial.ConvexHull(examples)
    points = axes.scatter(
        *_pixels(test.targets).T,
        c=outcome.errors,
        s=9,
        cmap="viridis_r",
        norm=LogNorm(*_ERROR_RANGE_PIXELS),
        linewidths=0,
    )
    axes.fill(*examples[hull.vertices].T, fill=False, edgecolor="black", linewidth=1)
    axes.plot(*examples.T, "o", markersize=3.5, color="white", markeredgecolor="black")
    axes.set(xlim=(0, dots.IMAGE_SIZE - 1), ylim=(dots.IMAGE_SIZE - 1, 0), aspect="equal")
    axes.set(xticks=[], yticks=[], facecolor="0.92")
    means = study.mean_errors(outcome, seed)
    axes.set_xlabel(
        f"inside {means['inside_hull']:.2g} · outside {means['outside_hull']:.2g} px", fontsize=9.5
    )
    return points


def _draw_curves(axes: Axes, outcomes: Sequence[study.Outcome], numbers: Sequence[int]) -> None:
    """Draws mean test errors over numbers of examples; models that were not chosen faintly."""
    for method in regression.METHODS:
        chosen = [study.best(outcomes, method, count).errors.mean() for count in numbers]
        axes.plot(numbers, chosen, "o-", color=_COLORS[method], linewidth=2, label=_LABELS[method])
        others = [(o.num_examples, o.errors.mean()) for o in outcomes if o.method == method]
        axes.plot(*np.transpose(others), "o", color=_COLORS[method], alpha=0.3, markersize=4)
        for count, error in zip(numbers, chosen, strict=True):
            axes.annotate(
                f"{error:.2g}",
                (count, error),
                xytext=(6, 5),
                textcoords="offset points",
                color=_COLORS[method],
            )
    axes.set(xscale="log", yscale="log", xlabel="training images")
    axes.set_title("mean test error (pixels)", fontsize=11)
    axes.set_xticks(numbers, [str(count) for count in numbers])
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    axes.yaxis.set_minor_formatter(ticker.NullFormatter())
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.legend(frameon=False)


def _pixels(targets: np.ndarray) -> np.ndarray:
    return (targets + 1) * dots.PIXELS_PER_UNIT
