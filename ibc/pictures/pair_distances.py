"""How what rates pairs changes with the distance from the demonstrations, as a picture.

The same for an energy and for a discriminator (NEAR, arXiv 2501.14856, has both in one figure).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

RADII = np.linspace(0.0, 10.0, 100)
"""In standard deviations of the pairs that the network was trained with."""
_MOST_PAIRS = 1920
_COLUMNS = 4

Look = Callable[[np.ndarray], np.ndarray]
"""From what a network sees of pairs, standardised float32 [N, D], to numbers [N]."""


class Curve(NamedTuple):
    """What a panel shows."""

    title: str
    mean: np.ndarray
    """At each of the `RADII`, [100]."""
    deviation: np.ndarray
    """Standard deviation, [100]."""
    level: np.ndarray | None = None
    """More numbers, [100], that have a scale of their own on the right."""


def spread(inputs: np.ndarray) -> np.ndarray:
    """Returns at most 1,920 of the rows [N, D], evenly."""
    return inputs[:: -(-len(inputs) // _MOST_PAIRS)]


def moved(inputs: np.ndarray, radius: float, seed: int = 0) -> np.ndarray:
    """Returns rows [N, D], to each number of which one is added that is uniform in ±radius.

    What is drawn is the same for all radii but for its size.
    """
    around = np.random.default_rng(seed).uniform(-1.0, 1.0, inputs.shape).astype(np.float32)
    return inputs + np.float32(radius) * around


def falling(title: str, look: Look, inputs: np.ndarray, seed: int = 0) -> Curve:
    """Returns what is seen at each of the `RADII` around rows.

    Args:
      title: Of the curve.
      look: See there.
      inputs: What the network sees of held-out pairs [N, D]; at most 1,920 of them count.
      seed: Of what is drawn.
    """
    chosen = spread(inputs)
    values = np.stack([look(moved(chosen, radius, seed)) for radius in RADII])
    return Curve(title, values.mean(1), values.std(1))


def figure(curves: Sequence[Curve], what: str) -> Figure:
    """Draws each curve in a panel with a scale of its own, its deviation as a band.

    Args:
      curves: At least one.
      what: The numbers are.
    """
    columns = min(_COLUMNS, len(curves))
    rows = -(-len(curves) // columns)
    drawn = Figure((2.7 * columns, 2.4 * rows), layout="constrained")
    FigureCanvasAgg(drawn)
    for place, curve in enumerate(curves, start=1):
        _draw(drawn.add_subplot(rows, columns, place), curve)
    drawn.supxlabel("distance r, in standard deviations", fontsize=10)
    drawn.supylabel(what, fontsize=10)
    return drawn


def _draw(axes: Axes, curve: Curve) -> None:
    axes.plot(RADII, curve.mean)
    axes.fill_between(RADII, curve.mean - curve.deviation, curve.mean + curve.deviation, alpha=0.2)
    axes.set_title(curve.title, fontsize=10)
    if curve.level is not None:
        right = axes.twinx()
        right.step(RADII, curve.level, color="tab:orange", where="mid")
        right.set_ylabel("level", fontsize=9, color="tab:orange")
