"""What is written below the pictures of a video: seed, step, return and success."""

import functools

import numpy as np
from tf_agents.environments import py_environment

from ibc.environments import contract, suite

HEIGHT = 24
"""Pixels below a picture, an even number."""
_LARGEST, _SMALLEST, _MARGIN = 14, 7, 6
_BACKGROUND, _INK = (250, 250, 250), (50, 50, 50)
# About as long as captions are.
_LONG = "seed 42   step 100   return -10.00   success: yes"


def of(env: py_environment.PyEnvironment) -> str:
    """Says how an environment's episode stands: its seed if it has one, step, return, success."""
    played = suite.gymnasium_wrapper_of(env).played
    parts = [] if played.seed is None else [f"seed {played.seed}"]
    parts += [f"step {played.steps}", f"return {played.total_reward:.2f}"]
    succeeded = contract.succeeded(env)
    parts += [] if succeeded is None else [f"success: {'yes' if succeeded else 'no'}"]
    return "   ".join(parts)


def below(picture: np.ndarray, text: str) -> np.ndarray:
    """Returns a picture with a line of text below it.

    Args:
      picture: uint8 [height, width, 3].
      text: As large as fits, for texts of `of`'s length.

    Returns:
      uint8 [height + HEIGHT, width, 3].
    """
    from PIL import Image, ImageDraw  # Only videos need it.

    width = picture.shape[1]
    strip = Image.new("RGB", (width, HEIGHT), _BACKGROUND)
    font = _font(width - 2 * _MARGIN)
    ImageDraw.Draw(strip).text((_MARGIN, HEIGHT // 2), text, _INK, font, anchor="lm")
    return np.concatenate([picture, np.asarray(strip)])


@functools.cache
def _font(width: int):
    """Returns the largest font in which a caption fits into some pixels."""
    from PIL import ImageFont

    for size in range(_LARGEST, _SMALLEST, -1):
        font = ImageFont.load_default(size)
        if font.getlength(_LONG) <= width:
            return font
    return ImageFont.load_default(_SMALLEST)
