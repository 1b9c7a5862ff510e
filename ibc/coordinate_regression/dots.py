"""Pictures of one green dot on a plain background, and the dot's position."""

import dataclasses

import numpy as np
from scipy import spatial

IMAGE_SIZE = 64
RADIUS_PIXELS = 4
PIXELS_PER_UNIT = (IMAGE_SIZE - 1) / 2

NUM_TRAINING, NUM_VALIDATION, NUM_TEST = 100, 100, 500

_BACKGROUND = (235, 235, 235)
_GREEN = (20, 150, 60)


@dataclasses.dataclass(frozen=True)
class Dots:
    """Pictures and what is to be predicted from them."""

    images: np.ndarray
    """uint8 [n, height, width, 3]."""
    targets: np.ndarray
    """float32 [n, 2], x to the right and y downwards; −1 and 1 are the outermost pixels' centres,
    as in `image_encoders.coordinates`."""

    def first(self, count: int) -> "Dots":
        """Returns the first `count` of them.

        Raises:
          ValueError: There are not so many.
        """
        if count > len(self.targets):
            raise ValueError(f"There are {len(self.targets)} images, but {count} are asked for.")
        return Dots(self.images[:count], self.targets[:count])


def sample(seed: int) -> tuple[Dots, Dots, Dots]:
    """Draws dots of different positions, uniformly among those that lie within the picture.

    Args:
      seed: Decides the positions.

    Returns:
      Training, validation and test dots; no position occurs twice.
    """
    side = np.arange(RADIUS_PIXELS, IMAGE_SIZE - RADIUS_PIXELS)
    centres = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    chosen = np.random.RandomState(seed).permutation(centres)
    ends = np.cumsum([NUM_TRAINING, NUM_VALIDATION, NUM_TEST])
    return tuple(_dots(part) for part in np.split(chosen, ends)[:3])


def draw(centres: np.ndarray) -> np.ndarray:
    """Draws discs.

    Args:
      centres: integers [n, 2], column and row of the discs' central pixels.

    Returns:
      uint8 [n, IMAGE_SIZE, IMAGE_SIZE, 3].
    """
    rows, columns = np.mgrid[:IMAGE_SIZE, :IMAGE_SIZE]
    across = columns - centres[:, 0, np.newaxis, np.newaxis]
    down = rows - centres[:, 1, np.newaxis, np.newaxis]
    inside = across**2 + down**2 <= RADIUS_PIXELS**2
    return np.where(inside[..., np.newaxis], _GREEN, _BACKGROUND).astype(np.uint8)


def within_hull(points: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """Tells which points lie in the convex hull of others.

    Args:
      points: [n, 2].
      corners: [m, 2], at least three, not all on one line.

    Returns:
      bool [n].
    """
    return spatial.Delaunay(corners).find_simplex(points) >= 0


def _dots(centres: np.ndarray) -> Dots:
    return Dots(draw(centres), (centres / PIXELS_PER_UNIT - 1).astype(np.float32))
