"""A replay of episodes on disk: a file for each, written once."""

import os
import pathlib

import numpy as np

from ibc.online import frame_replay
from ibc.utils import atomic_file

_NAME = "episode-{:08d}.npz"


class EpisodeFiles:
    """Saves a replay in a folder again and again, and restores it.

    A save writes the episodes that are new, so it costs what is new. The files of the last two
    saves are there, so that it does not matter whether a checkpoint was written after the last.
    """

    def __init__(self, folder: str | os.PathLike):
        """Names the folder; nothing is made."""
        self._folder = pathlib.Path(folder)
        self._previous: range | None = None

    def save(self, replay: frame_replay.FrameReplay) -> None:
        """Writes what the folder does not hold yet, and removes what no save needs any more."""
        self._folder.mkdir(parents=True, exist_ok=True)
        held = _numbers(replay)
        for number, episode in zip(held, replay.episodes, strict=True):
            path = self._folder / _NAME.format(number)
            if not path.exists():
                with atomic_file.replacing(path) as temporary, open(temporary, "wb") as file:
                    np.savez(file, **vars(episode))
        needed = min(held.start, self._previous.start if self._previous else held.start)
        for path in self._folder.glob("episode-*.npz"):
            if not needed <= int(path.stem.rpartition("-")[2]) < held.stop:
                path.unlink()
        self._previous = held

    def restore(self, replay: frame_replay.FrameReplay, total: int) -> None:
        """Fills an empty replay as it was when `total` episodes had been added.

        Later episodes, which a killed run has left, are removed: they are played again.

        Raises:
          ValueError: A file is missing or damaged; the message names it.
        """
        paths = {
            int(path.stem.rpartition("-")[2]): path for path in self._folder.glob("episode-*.npz")
        }
        first = total
        while first - 1 in paths and first > 0:
            first -= 1
        if total and first == total:
            raise ValueError(
                f"{self._folder / _NAME.format(total - 1)} is missing, which the checkpoint needs: "
                "copy the folder again, or use another one."
            )
        replay.total = first
        for number in range(first, total):
            replay.add(_read(paths[number]))
        for number in paths:
            if number >= total:
                paths[number].unlink()
        self._previous = _numbers(replay)


def _numbers(replay: frame_replay.FrameReplay) -> range:
    """Returns the numbers of the episodes that are held, counted from the run's first."""
    return range(replay.total - len(replay.episodes), replay.total)


def _read(path: pathlib.Path) -> frame_replay.Episode:
    try:
        with np.load(path, allow_pickle=False) as stored:
            return frame_replay.Episode(**{name: stored[name] for name in stored.files})
    except Exception as error:  # whatever NumPy raises for a damaged archive
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise ValueError(
            f"{path} is damaged ({reason}): copy the folder again, or use another one."
        ) from error
