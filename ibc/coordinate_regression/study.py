"""The comparison: every method, many numbers of examples, several learning rates; its figure."""

import dataclasses
import itertools
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib import ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from scipy import spatial

from ibc.coordinate_regression import dots, regression
from ibc.utils import atomic_file

_DOTS_PER_INCH = 160
_ERROR_RANGE_PIXELS = (0.05, 20)
_LABELS = {
    "explicit": "explicit, plain head",
    "explicit_residual": "explicit, residual head",
    "implicit": "implicit",
}
_COLORS = {"explicit": "#c0504d", "explicit_residual": "#d98c21", "implicit": "#1f5fa8"}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How one trained model does."""

    method: str
    """A key of `regression.METHODS`."""
    num_examples: int
    """Number of pictures it was trained on."""
    learning_rate: float
    """Adam's initial learning rate."""
    validation_error: float
    """Mean distance between prediction and target over the validation dots, in pixels."""
    errors: np.ndarray
    """The same distance for every test dot, [NUM_TEST]."""


def run(
    numbers: Sequence[int], learning_rates: Sequence[float], num_steps: int, seed: int
) -> Iterator[Outcome]:
    """Trains and tests every method on every number of examples with every learning rate.

    Args:
      numbers: Numbers of training pictures.
      learning_rates: Initial learning rates.
      num_steps: Training steps of each model.
      seed: Seed of the pictures and of everything random in training.

    Yields:
      One outcome per model, as they come.
    """
    training, validation, test = dots.sample(seed)
    examples = {count: training.first(count) for count in numbers}
    for method, count, rate in itertools.product(regression.METHODS, numbers, learning_rates):
        predict = regression.train(method, examples[count], rate, num_steps, seed)
        validation_error = float(regression.pixel_errors(predict, validation).mean())
        yield Outcome(method, count, rate, validation_error, regression.pixel_errors(predict, test))


def best(outcomes: Sequence[Outcome], method: str, num_examples: int) -> Outcome:
    """Returns the outcome with the smallest validation error; test dots play no part in it."""
    candidates = [o for o in outcomes if (o.method, o.num_examples) == (method, num_examples)]
    return min(candidates, key=lambda outcome: outcome.validation_error)


def mean_errors(outcome: Outcome, seed: int) -> dict[str, float]:
    """Returns mean test errors in pixels: 'all', 'inside_hull' and 'outside_hull'.

    Args:
      outcome: The model's.
      seed: The seed of `run`.
    """
    training, _, test = dots.sample(seed)
    corners = training.first(outcome.num_examples).targets
    inside = dots.within_hull(test.targets, corners)
    return {
        "all": float(outcome.errors.mean()),
        "inside_hull": float(outcome.errors[inside].mean()),
        "outside_hull": float(outcome.errors[~inside].mean()),
    }


def report(outcomes: Sequence[Outcome], num_steps: int, seed: int) -> dict[str, Any]:
    """Returns everything measured, for JSON; `chosen` marks the models of the figure."""
    models = [
        {
            "method": outcome.method,
            "num_examples": outcome.num_examples,
            "learning_rate": outcome.learning_rate,
            "chosen": outcome is best(outcomes, outcome.method, outcome.num_examples),
            "mean_validation_error_pixels": outcome.validation_error,
            "mean_test_error_pixels": mean_errors(outcome, seed),
        }
        for outcome in outcomes
    ]
    return {
        "image_size": dots.IMAGE_SIZE,
        "num_test": dots.NUM_TEST,
        "num_validation": dots.NUM_VALIDATION,
        "batch_size": regression.BATCH_SIZE,
        "num_steps": num_steps,
        "seed": seed,
        "models": models,
    }


def draw(outcomes: Sequence[Outcome], seed: int, path: str | os.PathLike) -> None:
    """Writes the figure, whole or not at all.

    Args:
      outcomes: Of every method with the same numbers of examples.
      seed: The seed of `run`.
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
            points = _draw_map(axes, best(outcomes, method, count), seed)
    for axes, count in zip(grid[0], numbers, strict=True):
        axes.set_title(f"{count} training images", fontsize=11)
    bar = maps.colorbar(points, ax=grid, shrink=0.8, aspect=30, extend="both")
    bar.set_label("test error (pixels)")
    bar.ax.yaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
    _draw_curves(curves.subplots(), outcomes, numbers)
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary)


def _draw_map(axes: Axes, outcome: Outcome, seed: int):
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
    means = mean_errors(outcome, seed)
    axes.set_xlabel(
        f"inside {means['inside_hull']:.2g} · outside {means['outside_hull']:.2g} px", fontsize=9.5
    )
    return points


def _draw_curves(axes: Axes, outcomes: Sequence[Outcome], numbers: Sequence[int]) -> None:
    """Draws mean test errors over numbers of examples; models that were not chosen faintly."""
    for method in regression.METHODS:
        chosen = [best(outcomes, method, count).errors.mean() for count in numbers]
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
