"""What steps in a plane are worth to something that rates pairs of places, as a picture.

The same for an energy and for a discriminator, so that both can be laid side by side.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

GRID = 128
"""Places that are coloured, each way."""
_ARROWS = 24
_DIRECTIONS = 16
_MOST_ROWS = 16384

Rate = Callable[[np.ndarray], np.ndarray]
"""From raw pairs float32 [N, 4] of places [x, y, x', y'] to numbers [N], higher for better."""


class Places(NamedTuple):
    """What steps of one length to places of a plane are worth, and where to go from some."""

    low: np.ndarray
    """Smallest x, y, [2]."""
    high: np.ndarray
    """Largest x, y, [2]."""
    mean: np.ndarray
    """Over all ways to a place, [G, G], y by rows."""
    best: np.ndarray
    """Of the best way to a place, [G, G]."""
    ways: np.ndarray
    """The best direction from a place, [A, A, 2], spread over the same plane."""


def step_length(pairs: np.ndarray) -> float:
    """Returns the median length of steps [N, 4]."""
    return float(np.median(np.linalg.norm(pairs[:, 2:] - pairs[:, :2], axis=1)))


def look(rate: Rate, length: float, low: np.ndarray, high: np.ndarray, grid: int = GRID) -> Places:
    """Asks what steps all over a plane are worth.

    Args:
      rate: Of steps.
      length: Of the steps.
      low: Smallest x, y.
      high: Largest x, y.
      grid: Places, each way.
    """
    arriving = _worths(rate, _spread(low, high, grid), length, arriving=True)
    leaving = _worths(rate, _spread(low, high, _ARROWS, inside=True), length, arriving=False)
    ways = _directions()[leaving.argmax(-1)]
    return Places(np.asarray(low), np.asarray(high), arriving.mean(-1), arriving.max(-1), ways)


def figure(shown: Sequence[tuple[str, Places]]) -> Figure:
    """Draws for each thing that rates a row: the mean over the ways to a place, and the best.

    Arrows on the right go where the best step leads.

    Args:
      shown: Title and places of each.
    """
    drawn = Figure((11, 5 * len(shown)), layout="constrained")
    FigureCanvasAgg(drawn)
    for part, (title, places) in zip(
        np.atleast_1d(drawn.subfigures(len(shown), 1)), shown, strict=True
    ):
        part.suptitle(title)
        left, right = part.subplots(1, 2)
        draw(left, places, places.mean, "mean over the ways to a place")
        draw(right, places, places.best, "best way, and where to go next", arrows=True)
    return drawn


def beside(shown: Sequence[tuple[str, Places, tuple[float, float]]]) -> Figure:
    """Draws the best ways to places, and where to go next, side by side.

    Args:
      shown: Title and places of each, and what the darkest and the lightest colour stand for.
    """
    drawn = Figure((4.6 * len(shown), 4), layout="constrained")
    FigureCanvasAgg(drawn)
    panels = drawn.subplots(1, len(shown), squeeze=False)[0]
    for axes, (title, places, limits) in zip(panels, shown, strict=True):
        draw(axes, places, places.best, title, arrows=True, limits=limits)
    return drawn


def draw(
    axes: Axes,
    places: Places,
    values: np.ndarray,
    title: str,
    arrows: bool = False,
    limits: tuple[float, float] | tuple[None, None] = (None, None),
) -> None:
    """Draws numbers [G, G] as colours, y downwards, and the best directions as arrows."""
    extent = (places.low[0], places.high[0], places.high[1], places.low[1])
    colored = axes.imshow(values, extent=extent, cmap="viridis", vmin=limits[0], vmax=limits[1])
    axes.figure.colorbar(colored, ax=axes, shrink=0.8)
    axes.set_title(title)
    if arrows:
        at = _spread(places.low, places.high, len(places.ways), inside=True)
        axes.quiver(
            at[..., 0], at[..., 1], places.ways[..., 0], places.ways[..., 1],
            angles="xy", color="white",
        )  # fmt: skip


def _spread(low: np.ndarray, high: np.ndarray, count: int, inside: bool = False) -> np.ndarray:
    """Returns places [count, count, 2] from edge to edge, or in the middles of as many fields."""
    margin = (high - low) / (2 * count) if inside else np.zeros(2)
    lines = [
        np.linspace(first, last, count, dtype=np.float32)
        for first, last in zip(low + margin, high - margin, strict=True)
    ]
    return np.stack(np.meshgrid(*lines), -1)


def _directions() -> np.ndarray:
    """Returns directions [D, 2]."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    return np.stack([np.cos(angles), np.sin(angles)], -1).astype(np.float32)


def _worths(rate: Rate, places: np.ndarray, length: float, arriving: bool) -> np.ndarray:
    """Returns what steps to or from places [H, W, 2] are worth, [H, W, D]."""
    steps = np.float32(length) * _directions()
    here = np.broadcast_to(places[:, :, np.newaxis], (*places.shape[:2], len(steps), 2))
    pair = (here - steps, here) if arriving else (here, here + steps)
    rows = np.concatenate(pair, -1).astype(np.float32)
    # Not all at once: wide networks would fill the memory.
    flat = rows.reshape(-1, 4)
    parts = np.array_split(flat, -(-len(flat) // _MOST_ROWS))
    return np.reshape(np.concatenate([rate(part) for part in parts]), rows.shape[:-1])
