"""What is written below the pictures of a video: seed, step, return and success."""

import functools

import numpy as np
from tf_agents.environments import py_environment

from ibc.environments import contract, suite

HEIGHT = 24
"""Pixels below a picture, an even number."""
MARGIN = 6
"""Pixels beside a text."""
BACKGROUND, INK = (250, 250, 250), (50, 50, 50)
_LARGEST, _SMALLEST = 14, 7
# About as long as captions are.
_LONG = "seed 42   step 100   return -10.00   success: yes"


def of(env: py_environment.PyEnvironment) -> str:
    """Says how an environment's episode stands: its seed if it has one, step, return, success."""
    played = suite.gymnasium_wrapper_of(env).played
    said = text(played.seed, played.steps, played.total_reward)
    succeeded = contract.succeeded(env)
    return said if succeeded is None else f"{said}   success: {'yes' if succeeded else 'no'}"


def text(seed: int | None, steps: int, total_reward: float) -> str:
    """Returns how an episode stands: its seed if it has one, steps and return."""
    parts = [] if seed is None else [f"seed {seed}"]
    return "   ".join([*parts, f"step {steps}", f"return {total_reward:.2f}"])


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
    strip = Image.new("RGB", (width, HEIGHT), BACKGROUND)
    font = font_for(width)
    ImageDraw.Draw(strip).text((MARGIN, HEIGHT // 2), text, INK, font, anchor="lm")
    return np.concatenate([picture, np.asarray(strip)])


@functools.cache
def font_for(width: int):
    """Returns the largest font in which a caption fits below a picture of some pixels' width."""
    from PIL import ImageFont

    for size in range(_LARGEST, _SMALLEST, -1):
        font = ImageFont.load_default(size)
        if font.getlength(_LONG) <= width - 2 * MARGIN:
            return font
    return ImageFont.load_default(_SMALLEST)
