"""Points on a swiss roll: a density whose score is known, to try energies on."""

import numpy as np

SIDE = 512.0
"""Each axis goes from 0 to this."""


def points(number: int, seed: int = 0) -> np.ndarray:
    """Draws points (t cos t, t sin t) with t = 1.5π(1 + 2u), each axis scaled to 0…512.

    Marsland's swiss roll without its third axis, as scikit-learn draws it.

    Args:
      number: Of points, at least 2.
      seed: Of NumPy's `RandomState`: 0 for those to learn from, 1 for those to test with.

    Returns:
      float32 [number, 2].

    Raises:
      ValueError: There are fewer than two points, which have no scale.
    """
    if number < 2:
        raise ValueError(f"a swiss roll needs at least 2 points, got {number}.")
    angles = 1.5 * np.pi * (1 + 2 * np.random.RandomState(seed).uniform(size=number))
    roll = angles[:, np.newaxis] * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    low, high = roll.min(0), roll.max(0)
    return ((roll - low) / (high - low) * SIDE).astype(np.float32)
