"""Draws an energy over a plane of actions, and actions on it."""

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.colors import BoundaryNorm, LinearSegmentedColormap

from ibc.pictures import plane

SAMPLES, CHOSEN, DEMONSTRATED = "#12305a", "#e8532f", "#1a9850"
"""Colours of what lies on an energy."""
TEXT, FRAME = "#444444", "#cccccc"
"""Colours of what stands around it."""
# What is likely is blue, and what is far above the least energy nearly white.
_COLORS = LinearSegmentedColormap.from_list(
    "energy", ["#4a90d3", "#69a5db", "#8cbce4", "#afd1ed", "#d0e3f3", "#f2f6fa"]
)
_LEVELS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)
_NORM = BoundaryNorm(_LEVELS, _COLORS.N, extend="max")
_HALO = (patheffects.Stroke(linewidth=4.4, foreground="white"), patheffects.Normal())


def draw(axes: Axes, landscape: plane.Landscape, labels: Sequence[str], scale: bool = True) -> None:
    """Draws an energy as contours above its least value.

    Args:
      axes: Where.
      landscape: The energy.
      labels: Of the two coordinates.
      scale: Whether to say below which colour is how much.
    """
    first, second, energy = landscape
    above = energy - energy.min()
    filled = axes.contourf(first, second, above, _LEVELS, cmap=_COLORS, norm=_NORM, extend="max")
    axes.contour(first, second, above, _LEVELS, colors="white", linewidths=0.7)
    axes.set(xlim=first[[0, -1]], ylim=second[[0, -1]])
    axes.set_xlabel(labels[0], labelpad=1, **label_style())
    axes.set_ylabel(labels[1], labelpad=0, **label_style())
    axes.tick_params(**_ticks())
    axes.spines[:].set_color(FRAME)
    if scale:
        below = axes.inset_axes((0.36, -0.125, 0.62, 0.02))
        bar = axes.figure.colorbar(filled, cax=below, orientation="horizontal", spacing="uniform")
        bar.outline.set_visible(False)
        below.tick_params(**_ticks())
        below.set_ylabel("above the least", rotation=0, ha="right", va="center", **label_style())


def draw_samples(axes: Axes, coordinates: np.ndarray) -> None:
    """Draws samples at coordinates [N, 2] as small dots."""
    axes.scatter(*coordinates.T, s=9, color=SAMPLES, alpha=0.5, linewidths=0)


def draw_chosen(axes: Axes, coordinates: np.ndarray) -> None:
    """Draws the action that is chosen, at [2], as a large dot."""
    axes.scatter(*coordinates, s=110, color=CHOSEN, edgecolors="white", linewidths=2, zorder=4)


def draw_demonstrated(axes: Axes, coordinates: np.ndarray) -> None:
    """Draws the action that was demonstrated, at [2], as a ring, which may stand around another."""
    axes.plot(*coordinates, **ring_style(), path_effects=_HALO, zorder=5)


def ring_style(size: float = 17.0) -> dict:
    """Returns how what was demonstrated looks."""
    return dict(
        marker="o",
        ms=size,
        mew=2.4,
        linestyle="",
        markerfacecolor="none",
        markeredgecolor=DEMONSTRATED,
    )


def title_style() -> dict:
    """Returns how titles look."""
    return dict(fontsize=10, color=TEXT, pad=6)


def label_style() -> dict:
    """Returns how labels look."""
    return dict(fontsize=9, color=TEXT)


def _ticks() -> dict:
    return dict(labelsize=8, length=2, color="#999999", labelcolor="#777777")
