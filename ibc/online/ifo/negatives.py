"""The agent's latest videos on disk, from which the encoder learns to tell the expert's."""

import os
import pathlib

import numpy as np

from ibc.data import lab, video_files

_NAME = "{:08d}" + video_files.ARRAY
_BUDGET_BYTES = 1 << 30


class NegativeVideos:
    """Videos by the number of their episodes, the latest `limit` of them.

    A file is written when an episode ends. Files go when something is saved: those of the last two
    saves are there, so that a run can go on from either.
    """

    def __init__(self, folder: str | os.PathLike, limit: int, budget_bytes: int = _BUDGET_BYTES):
        """Names the folder; nothing is made.

        Args:
          folder: Where they are, uint8 [1, T + 1, H, W, 3] each.
          limit: How many are kept.
          budget_bytes: How much memory converted videos may take.
        """
        self._folder, self._limit, self._budget = pathlib.Path(folder), limit, budget_bytes
        self._kept: dict[int, np.ndarray] = {}
        self._total, self._saved_from = 0, 0

    @property
    def numbers(self) -> range:
        """Of the episodes whose videos are kept."""
        return range(max(0, self._total - self._limit), self._total)

    def add(self, number: int, film: np.ndarray) -> None:
        """Writes the video of the next episode, uint8 [T + 1, H, W, 3].

        Raises:
          OSError: It cannot be written; what was there before still is.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        video_files.write(self._path(number), film[np.newaxis])
        self._total = number + 1
        for old in [each for each in self._kept if each < self.numbers.start]:
            del self._kept[old]

    def video(self, number: int) -> np.ndarray:
        """Returns a video, scaled Lab, float32 [T + 1, H, W, 3].

        Raises:
          ValueError: The file is damaged.
        """
        if number in self._kept:
            return self._kept[number]
        path = self._path(number)
        frames = video_files.checked(path, 1).shape[1]
        converted = lab.normalized(video_files.read(path, frames))
        if (len(self._kept) + 1) * converted.nbytes <= self._budget:
            self._kept[number] = converted
        return converted

    def draw(self, count: int, draw: np.random.Generator) -> list[np.ndarray]:
        """Draws videos, each on its own; see `video`.

        Raises:
          ValueError: There are none yet.
        """
        if not self.numbers:
            raise ValueError(
                "there are no videos of the agent yet from which the encoder could tell the "
                "expert's: an episode must end before its first update, so give a larger "
                "drq.num_seed_frames."
            )
        return [self.video(number) for number in draw.choice(self.numbers, count)]

    def saved(self) -> None:
        """Removes files that neither this save nor the one before needs."""
        for path in self._paths():
            if int(path.stem) < min(self._saved_from, self.numbers.start):
                path.unlink()
        self._saved_from = self.numbers.start

    def clear(self) -> None:
        """Removes all videos, which a run has left that was killed before its first checkpoint."""
        for path in self._paths():
            path.unlink()

    def restore(self, total: int) -> None:
        """Goes on as when `total` episodes had ended; later videos are made again.

        Raises:
          ValueError: A file is missing; the message names it.
        """
        self._total = total
        self._saved_from = self.numbers.start
        for number in self.numbers:
            if not self._path(number).is_file():
                raise ValueError(
                    f"{self._path(number)} is missing, which the checkpoint needs: copy the folder "
                    "again, or use another one."
                )
        for path in self._paths():
            if int(path.stem) >= total:
                path.unlink()

    def _path(self, number: int) -> pathlib.Path:
        return self._folder / _NAME.format(number)

    def _paths(self) -> list[pathlib.Path]:
        return list(self._folder.glob(f"[0-9]*{video_files.ARRAY}"))
