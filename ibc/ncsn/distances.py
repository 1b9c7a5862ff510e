"""How an energy falls with the distance from the demonstrations, at each level, as a picture."""

import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ibc.networks import pair_energy
from ibc.utils import atomic_file

RADII = np.linspace(0.0, 10.0, 100)
"""In standard deviations of the demonstrations' pairs."""
_MOST_PAIRS = 1920
_COLUMNS = 3


def falling(
    energy: pair_energy.PairEnergy, pairs: np.ndarray, level: int, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Returns mean and standard deviation, each [100], of energies around demonstrations.

    To each number that the network sees of a pair, standardised, one is added that is uniform in
    ±r, for each radius r of `RADII` (NEAR's figure of an energy beside a discriminator).

    Args:
      energy: From inputs to energies.
      pairs: Raw held-out pairs [N, 2·O]; at most 1,920 of them, evenly, count.
      level: At which it is asked.
      seed: Of what is drawn.
    """
    draw = np.random.default_rng(seed)
    chosen = pairs[:: -(-len(pairs) // _MOST_PAIRS)]
    inputs = energy.inputs(tf.constant(chosen, tf.float32)).numpy()
    around = draw.uniform(-1.0, 1.0, inputs.shape).astype(np.float32)
    found = []
    for radius in RADII:
        rows = energy.masked(tf.constant(inputs + np.float32(radius) * around))
        found.append(energy.network(rows, level).numpy())
    values = np.reshape(found, (len(RADII), -1))
    return values.mean(1), values.std(1)


def draw(
    path: pathlib.Path, energy: pair_energy.PairEnergy, pairs: np.ndarray, levels: Sequence[int]
) -> None:
    """Draws the mean energy over the distance, with its standard deviation as a band.

    Args:
      path: Of the PNG.
      energy: Of any size of observations.
      pairs: Raw held-out pairs [N, 2·O].
      levels: A panel each.
    """
    # matplotlib takes a second to import, and is needed at the end alone.
    from matplotlib.backends import backend_agg
    from matplotlib.figure import Figure

    rows = -(-len(levels) // _COLUMNS)
    figure = Figure(figsize=(9, 2.4 * rows), layout="constrained")
    for place, level in enumerate(levels, start=1):
        # Each with a scale of its own: narrow levels have energies a hundred times as large.
        axes = figure.add_subplot(rows, _COLUMNS, place)
        mean, deviation = falling(energy, pairs, level)
        axes.plot(RADII, mean)
        axes.fill_between(RADII, mean - deviation, mean + deviation, alpha=0.2)
        axes.set_title(f"level {level}, σ = {energy.architecture.sigmas[level]:.2g}", fontsize=10)
    figure.supxlabel("distance r, in standard deviations", fontsize=10)
    figure.supylabel("energy", fontsize=10)
    backend_agg.FigureCanvasAgg(figure)
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=80)
