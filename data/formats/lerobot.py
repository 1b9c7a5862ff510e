"""LeRobot's local folders, v2.0 to v3.0: parquet files, mp4 videos, and meta/ about them.

Laid out as https://huggingface.co/docs/lerobot/lerobot-dataset-v3 describes. Version 2 has files of
its own for each episode and lists of JSON in meta/, version 3 files of many episodes and parquet.
"""

import functools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ibc.data import action_parts
from ibc.data.formats import columns, convert, lerobot_meta, parquet_file, step_arrays, video

# Of the time between two pictures.
_TOLERANCE = 0.1


@convert.register
class LeRobotFolder(step_arrays.StepArrays):
    """The episodes of a LeRobot folder; an `EpisodeSource`.

    Observation keys are the features' names without `observation.` and `images.`. Pictures of
    videos are those at the steps' time stamps.
    """

    description = "a LeRobot folder (meta/info.json, v2.0 to v3.0)"

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is a folder with such a description."""
        return os.path.isfile(os.path.join(path, lerobot_meta.INFO))

    def __init__(
        self,
        path: str,
        task: str | None,
        keys: Sequence[str] | None = None,
        rename: Mapping[str, str] | None = None,
    ):
        """As the base class; only videos of the observations that are kept are looked at."""
        super().__init__(path, task, keys, rename)
        names = self._table.names_of_numbers(self._roles.action)
        self.action_parts = action_parts.from_names(names)
        self._table.check_videos(self._roles.observations.values())

    def _open(self, rename: Mapping[str, str]) -> step_arrays.Table:
        meta = lerobot_meta.read(self.path)
        self.tasks, self.fps = meta.tasks, meta.fps
        return _Steps(meta)


class _Steps:
    """The parquet files and videos of a folder; a `Table`."""

    def __init__(self, meta: lerobot_meta.Meta):
        self._meta = meta
        self.counts = [episode.length for episode in meta.episodes]
        self._videos: dict[str, video.Video] = {}
        self._parquet = functools.lru_cache(maxsize=4)(self._opened)
        stored = self._parquet(meta.episodes[0].data).columns
        missing = [name for name in meta.features if name not in {*stored, *meta.video_keys}]
        if missing:
            raise ValueError(
                f"{meta.episodes[0].data} has no {missing[0]}, which {lerobot_meta.INFO} lists; "
                f"it holds {', '.join(stored)}."
            )
        shapes = {name: meta.features[name] for name in meta.video_keys}
        self.columns = {name: stored[name] for name in meta.features if name in stored} | {
            name: columns.Column(shape, parquet_file.PICTURE) for name, shape in shapes.items()
        }
        for name, column in self.columns.items():
            said = meta.features[name]
            if not column.is_number or math.prod(column.shape) != math.prod(said):
                raise ValueError(
                    f"{meta.episodes[0].data}: {name} is {column}, expected {list(said)} as "
                    f"{lerobot_meta.INFO} says."
                )
        for number, episode in enumerate(meta.episodes):
            rows = self._parquet(episode.data).num_rows
            if episode.length < 1 or episode.first_row + episode.length > rows:
                raise ValueError(
                    f"{episode.data} has {rows} rows, but episode {number} is said to have "
                    f"{episode.length} from row {episode.first_row}."
                )

    def where(self, number: int) -> str:
        """See `Table`."""
        return f"{self._meta.episodes[number].data}: episode {number}"

    def read(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """See `Table`."""
        return {
            name: self._pictures(number, name)
            if name in self._meta.video_keys
            else self._rows(number, name)
            for name in names
        }

    def names_of_numbers(self, name: str) -> Any:
        """Returns what a feature's numbers are called, as it is described; None if it is not."""
        return self._meta.names.get(name)

    def check_videos(self, names: Iterable[str]) -> None:
        """Checks that videos of these features are there, and as they are described.

        Raises:
          ValueError: One is missing, of another size or rate, or shorter than its episodes.
        """
        ends: dict[tuple[str, str], float] = {}
        for key in (name for name in names if name in self._meta.video_keys):
            for episode in self._meta.episodes:
                path, start = episode.videos[key]
                end = start + (episode.length - 1) / self._meta.fps
                ends[key, path] = max(end, ends.get((key, path), 0.0))
        for (key, path), end in ends.items():
            found = video.Video(path)
            expected = self._meta.features[key]
            if found.shape != expected:
                raise ValueError(
                    f"{path}: {key} is of {list(found.shape)}, expected {list(expected)} as "
                    f"{lerobot_meta.INFO} says."
                )
            if abs(found.rate - self._meta.fps) > 0.05 * self._meta.fps:
                raise ValueError(
                    f"{path}: {key} has {found.rate:.4g} pictures per second, expected "
                    f"{self._meta.fps:g} as {lerobot_meta.INFO} says."
                )
            if found.seconds is not None and found.seconds < end:
                raise ValueError(
                    f"{path}: {key} is {found.seconds:.3f} seconds long, shorter than its "
                    f"episodes, whose last step is at {end:.3f}: copy it again."
                )
            found.close()

    def _rows(self, number: int, name: str) -> np.ndarray:
        episode = self._meta.episodes[number]
        file = self._parquet(episode.data)
        if name not in file.columns:
            raise ValueError(
                f"{episode.data} has no {name}; it holds {', '.join(file.columns) or 'nothing'}."
            )
        return file.read(name, episode.first_row, episode.first_row + episode.length)

    def _pictures(self, number: int, key: str) -> np.ndarray:
        path, start = self._meta.episodes[number].videos[key]
        if key not in self._videos or self._videos[key].path != path:
            if key in self._videos:
                self._videos[key].close()
            self._videos[key] = video.Video(path)
        times = np.ravel(self._rows(number, "timestamp")).astype(np.float64)
        return self._videos[key].pictures(start + times, _TOLERANCE / self._meta.fps)

    def _opened(self, path: str) -> parquet_file.ParquetFile:
        return parquet_file.ParquetFile(path, self._picture_at)

    def _picture_at(self, name: str) -> bytes:
        with open(self._meta.inside(name), "rb") as file:
            return file.read()
