"""Draws docs/images/block_sizes.png: what is left of the table in small pictures.

    python docs/pictures/block_sizes.py

A row is a moment of an episode; from the left: 240 × 320; that resized by the networks to 90 × 120;
drawn so; the same for 60 × 80.
"""

import pathlib

import numpy as np
import PIL.Image

from ibc.environments.block_pushing import block_pushing
from ibc.networks.encoders import image_window

_FILE = pathlib.Path(__file__).parent.parent / "images" / "block_sizes.png"
_FULL, _SMALL = (240, 320), ((90, 120), (60, 80))
_ACTION, _SHOWN = (0.01, 0.005), (0, 20, 40)
_SHOWN_SIZE = (240, 320)
# What of a picture is shown: the table's front.
_ROWS, _COLUMNS = (0.4, 0.85), (0.1, 0.9)


def _pictures(size: tuple[int, int]) -> list[np.ndarray]:
    """Returns the pictures [height, width, 3] of the moments that are shown."""
    env = block_pushing.BlockPush(image_size=size)
    env.reset(seed=0)
    drawn = [env.step(np.array(_ACTION))[0]["rgb"] for _ in range(max(_SHOWN) + 1)]
    env.close()
    return [drawn[moment] for moment in _SHOWN]


def _resized(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Returns a picture as pixel networks see it."""
    seen = image_window.preprocess(picture[None, None], *size)[0]
    return np.uint8(np.round(255 * seen.numpy()))


def _shown(picture: np.ndarray) -> np.ndarray:
    """Returns a part of a picture, all its pixels visible."""
    height, width, _ = picture.shape
    rows, columns = (
        slice(*np.round(np.multiply(part, size)).astype(int))
        for part, size in ((_ROWS, height), (_COLUMNS, width))
    )
    part = PIL.Image.fromarray(picture[rows, columns])
    return np.asarray(part.resize(_SHOWN_SIZE[::-1], PIL.Image.Resampling.NEAREST))


def main() -> None:
    """Draws the picture."""
    full = _pictures(_FULL)
    columns = [full]
    for size in _SMALL:
        columns += [[_resized(picture, size) for picture in full], _pictures(size)]
    rows = [
        np.concatenate([_shown(picture) for picture in row], axis=1)
        for row in zip(*columns, strict=True)
    ]
    PIL.Image.fromarray(np.concatenate(rows)).save(_FILE, optimize=True)


if __name__ == "__main__":
    main()
