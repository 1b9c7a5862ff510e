"""Writes figures as pictures and animations."""

import os
from collections.abc import Iterable

import numpy as np
from matplotlib.figure import Figure

from ibc.utils import atomic_file

_COLORS = 96
_DOTS_PER_INCH = 100


def pixels(figure: Figure, dots_per_inch: float | None = None) -> np.ndarray:
    """Returns a figure as uint8 [height, width, 3], both sizes even, as videos need them."""
    figure.set_dpi(dots_per_inch or _DOTS_PER_INCH)
    figure.canvas.draw()
    drawn = np.asarray(figure.canvas.buffer_rgba())[..., :3]
    height, width = (size - size % 2 for size in drawn.shape[:2])
    return np.array(drawn[:height, :width])


def write_png(figure: Figure, path: str | os.PathLike) -> None:
    """Writes a figure as PNG, whole or not at all."""
    with atomic_file.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=_DOTS_PER_INCH)


def write_gif(frames: Iterable[np.ndarray], path: str | os.PathLike, fps: float) -> None:
    """Writes frames, uint8 [height, width, 3], as a GIF that repeats, whole or not at all.

    All frames have the colours of the middle one, small marks' too.

    Raises:
      ValueError: There are no frames.
    """
    from PIL import Image  # Only who writes pictures waits for it.

    images = [Image.fromarray(frame) for frame in frames]
    if not images:
        raise ValueError(f"no frames to write to {path}.")
    # Which covers all colours, however few pixels have them.
    method = Image.Quantize.MAXCOVERAGE
    palette = images[len(images) // 2].quantize(_COLORS, method, dither=Image.Dither.NONE)
    first, *others = (image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images)
    with atomic_file.replacing(path) as temporary:
        first.save(
            temporary,
            format="GIF",
            save_all=True,
            append_images=others,
            duration=round(1000 / fps),
            loop=0,
            optimize=True,
        )
