"""A picture of record files: histograms of their episodes and actions, and their first image."""

import os

import numpy as np
import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from ibc.data.records import shard_reader, specs
from ibc.utils import atomic_file

_BINS = 40
_COLUMNS = 4
_PANEL_INCHES = (3.0, 2.2)
_DOTS_PER_INCH = 100


def check_name(path: str | os.PathLike) -> None:
    """Checks that a picture can have this name.

    Raises:
      ValueError: It does not end with .png.
      OSError: No file can be made there.
    """
    if not os.fspath(path).lower().endswith(".png"):
        raise ValueError(f"--picture={path}: pictures are PNG files, give a name ending with .png.")
    atomic_file.check_place(path, "--picture=")


def action_columns(shard: shard_reader.Shard) -> dict[str, np.ndarray]:
    """Returns the values [n] of each number of a record file's actions, by title."""
    titles = specs.leaves(shard.spec.action, "action")
    columns = {}
    for title, values in zip(titles, tf.nest.flatten(shard.frames.action), strict=True):
        for number, column in enumerate(np.reshape(values, (len(values), -1)).T):
            columns[f"{title}[{number}]"] = column
    return columns


def first_image(shard: shard_reader.Shard) -> tuple[str, np.ndarray] | None:
    """Returns title and pixels [height, width, 3] of the first frame's image, None without one."""
    described = specs.leaves(shard.spec.observation, "observation").items()
    arrays = tf.nest.flatten(shard.frames.observation)
    for (title, spec), values in zip(described, arrays, strict=True):
        if specs.is_image(spec):
            return f"{title}, first frame", tf.io.decode_jpeg(values[0]).numpy()
    return None


def save(
    histograms: dict[str, np.ndarray],
    image: tuple[str, np.ndarray] | None,
    path: str | os.PathLike,
) -> None:
    """Writes the picture, whole or not at all.

    Args:
      histograms: Title -> numbers, any shape.
      image: `first_image` of a file.
      path: Name of the PNG, see `check_name`; its folder is made if missing.
    """
    panels = len(histograms) + (image is not None)
    rows = -(-panels // _COLUMNS)
    size = _PANEL_INCHES[0] * _COLUMNS, _PANEL_INCHES[1] * rows
    figure = Figure(size, dpi=_DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for panel in axes[panels:]:
        panel.set_axis_off()
    for panel, (title, values) in zip(axes, histograms.items(), strict=False):
        values = np.asarray(values, np.float64)[np.isfinite(values)]
        if len(values):
            panel.hist(values, bins=_BINS, range=_range(values), color="#1f5fa8")
        panel.set_title(title, fontsize=9)
        panel.tick_params(labelsize=7)
        panel.spines[["top", "right"]].set_visible(False)
    if image is not None:
        axes[panels - 1].imshow(np.squeeze(image[1]), cmap="gray")
        axes[panels - 1].set_title(image[0], fontsize=9)
        axes[panels - 1].set_axis_off()
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary)


def _range(values: np.ndarray) -> tuple[float, float]:
    """Returns the ends of a histogram, apart even if all values are the same but for rounding."""
    low, high = values.min(), values.max()
    room = 1e-6 * max(abs(low), abs(high), 1.0)
    return (low, high) if high - low > room else (low - room, high + room)
