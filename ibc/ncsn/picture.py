"""A picture of an energy of pairs of places in a plane."""

import pathlib

import numpy as np
import tensorflow as tf

from ibc.networks import pair_energy
from ibc.utils import atomic_file

_GRID = 128
_ARROWS = 24
_DIRECTIONS = 16


def draw(
    path: pathlib.Path,
    energy: pair_energy.PairEnergy,
    pairs: np.ndarray,
    level: int,
    low: np.ndarray,
    high: np.ndarray,
) -> None:
    """Draws the energy of the best step to each place, and the best step from there.

    Colours: the mean over the ways to get there, as NEAR draws it, on the left; the best of them
    on the right, with arrows. Steps have the median length of the demonstrations'.

    Args:
      path: Of the PNG.
      energy: With O = 2.
      pairs: Raw pairs of demonstrations [N, 4].
      level: At which it is drawn.
      low: Smallest x, y.
      high: Largest x, y.
    """
    # matplotlib takes a second to import, and is needed at the end alone.
    from matplotlib.backends import backend_agg
    from matplotlib.figure import Figure

    length = float(np.median(np.linalg.norm(pairs[:, 2:] - pairs[:, :2], axis=1)))
    axes_at = [np.linspace(a, b, _GRID, dtype=np.float32) for a, b in zip(low, high, strict=True)]
    places = np.stack(np.meshgrid(*axes_at), -1)
    arriving = _energies(energy, places, length, level, arriving=True)
    coarse = places[_GRID // (2 * _ARROWS) :: _GRID // _ARROWS]
    coarse = coarse[:, _GRID // (2 * _ARROWS) :: _GRID // _ARROWS]
    leaving = _energies(energy, coarse, length, level, arriving=False)
    best = _ways()[leaving.argmax(-1)]

    figure = Figure(figsize=(11, 5))
    for number, values in enumerate((arriving.mean(-1), arriving.max(-1)), start=1):
        axes = figure.add_subplot(1, 2, number)
        extent = (low[0], high[0], high[1], low[1])
        shown = axes.imshow(values, extent=extent, cmap="viridis")
        figure.colorbar(shown, ax=axes, shrink=0.8)
        axes.set_title(
            ("mean over the ways to a place", "best way, and where to go next")[number - 1]
        )
    axes.quiver(
        coarse[..., 0], coarse[..., 1], best[..., 0], best[..., 1], angles="xy", color="white"
    )
    figure.suptitle(f"energy at level {level} (σ = {energy.architecture.sigmas[level]:.3g})")
    backend_agg.FigureCanvasAgg(figure)
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary, format="png", bbox_inches="tight", dpi=100)


def _ways() -> np.ndarray:
    """Returns directions [D, 2]."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    return np.stack([np.cos(angles), np.sin(angles)], -1).astype(np.float32)


def _energies(energy, places: np.ndarray, length: float, level: int, arriving: bool) -> np.ndarray:
    """Returns energies [H, W, D] of steps to or from places [H, W, 2]."""
    steps = length * _ways()
    here = np.broadcast_to(places[:, :, np.newaxis], (*places.shape[:2], len(steps), 2))
    pair = (here - steps, here) if arriving else (here, here + steps)
    return energy(tf.constant(np.concatenate(pair, -1), tf.float32), level).numpy()
