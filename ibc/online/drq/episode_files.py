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
        for path in self._paths():
            if not needed <= _number(path) < held.stop:
                path.unlink()
        self._previous = held

    def clear(self) -> None:
        """Removes all episodes, which a run has left that was killed before its first checkpoint.

        They are of the same folder, and not necessarily of the same options.
        """
        for path in self._paths():
            path.unlink()

    def restore(self, replay: frame_replay.FrameReplay, total: int, count: int) -> None:
        """Fills an empty replay as it was when `total` episodes had been added.

        Later episodes, which a killed run has left, are removed: they are played again.

        Args:
          replay: Of the same capacity.
          total: How many had been added.
          count: How many of them it held.

        Raises:
          ValueError: A file is missing or damaged; the message names it.
        """
        replay.total = total - count
        for number in range(total - count, total):
            path = self._folder / _NAME.format(number)
            if not path.is_file():
                raise ValueError(
                    f"{path} is missing, which the checkpoint needs: copy the folder again, or use "
                    "another one."
                )
            replay.add(_read(path))
        for path in self._paths():
            if _number(path) >= total:
                path.unlink()
        self._previous = _numbers(replay)

    def _paths(self) -> list[pathlib.Path]:
        return list(self._folder.glob("episode-*.npz"))


def _number(path: pathlib.Path) -> int:
    return int(path.stem.rpartition("-")[2])


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
