"""Windows of an episode's frames, for rewards that look back: at collection, or at its end.

A window ends with the step that is rated; before an episode's start, its first frame is repeated.
Frames of an episode are in order at these moments alone, so rewards of batches that are drawn from
a replay see pairs (s, s') and no longer windows.
"""

import collections

import numpy as np


class RecentFrames:
    """The latest frames of an episode, for a reward at collection."""

    def __init__(self, length: int):
        """Begins without any.

        Args:
          length: W, how many are kept.

        Raises:
          ValueError: There would be none.
        """
        if length < 1:
            raise ValueError(f"a window needs at least one frame, got {length!r}.")
        self._frames: collections.deque = collections.deque(maxlen=length)

    def clear(self) -> None:
        """Forgets them; for `begin_episode`."""
        self._frames.clear()

    def add(self, frame: np.ndarray) -> np.ndarray:
        """Adds a frame [...]; returns the window [W, ...] that ends with it."""
        missing = self._frames.maxlen - len(self._frames)
        self._frames.extend([np.asarray(frame)] * (1 if self._frames else missing))
        return np.stack(self._frames)


def windows(frames: np.ndarray, length: int) -> np.ndarray:
    """Returns the windows that end with each of an episode's frames; for a reward at its end.

    Args:
      frames: [T, ...], of one episode in order.
      length: W.

    Returns:
      [T, W, ...].
    """
    places = np.arange(len(frames))[:, np.newaxis] + np.arange(1 - length, 1)
    return np.asarray(frames)[np.maximum(places, 0)]
