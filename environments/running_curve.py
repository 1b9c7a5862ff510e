"""A number of each step of an episode, drawn below its pictures as far as it has come."""

import numpy as np

from ibc.environments import caption

HEIGHT = 96
"""Pixels below a picture, an even number."""
_LINE, _PAST = (0, 114, 178), (200, 200, 200)


def below(picture: np.ndarray, values: np.ndarray, done: int, name: str) -> np.ndarray:
    """Returns a picture with a curve below it, and the latest number.

    Args:
      picture: uint8 [height, width, 3].
      values: A number for each of the episode's T steps, [T]; all of them, so that the scale is
        the same below every picture.
      done: How many steps have been made.
      name: What the numbers are.

    Returns:
      uint8 [height + HEIGHT, width, 3].
    """
    from PIL import Image, ImageDraw  # Only videos need it.

    width = picture.shape[1]
    strip = Image.new("RGB", (width, HEIGHT), caption.BACKGROUND)
    draw, font = ImageDraw.Draw(strip), caption.font_for(width)
    top = 2 * caption.MARGIN + font.size
    places = _places(values, width, top)
    if values.min() < 0 < values.max():
        zero = _places(np.array([values.min(), 0.0, values.max()]), width, top)[1][1]
        draw.line([(caption.MARGIN, zero), (width - caption.MARGIN, zero)], _PAST)
    latest = f"   {values[done - 1]:.2f}" if done else ""
    draw.text((caption.MARGIN, caption.MARGIN), f"{name}{latest}", caption.INK, font)
    if done > 1:
        draw.line(places[:done], _LINE, width=2, joint="curve")
    if done:
        x, y = places[done - 1]
        draw.ellipse([x - 3, y - 3, x + 3, y + 3], _LINE)
    return np.concatenate([picture, np.asarray(strip)])


def _places(values: np.ndarray, width: int, top: int) -> list[tuple[float, float]]:
    """Returns where in the strip numbers [T] are: x to the right, y downwards."""
    low, high = float(values.min()), float(values.max())
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    ys = HEIGHT - caption.MARGIN - share * (HEIGHT - caption.MARGIN - top)
    xs = np.linspace(caption.MARGIN, width - caption.MARGIN, len(values))
    return list(zip(xs.tolist(), ys.tolist(), strict=True))
