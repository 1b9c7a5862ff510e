"""A replay on disk: what is new is appended to files, and a small index says what counts.

Rows lie one after another in segments named by the number of their first row. A segment is removed
when neither of the last two saves needs it. What an interrupted save has appended is overwritten.
"""

import json
import os
import pathlib

import numpy as np

from ibc.online import replay as replay_lib
from ibc.utils import atomic_file

_INDEX = "index.json"
_SEGMENT = "rows-{:012d}.f32"
_SEGMENT_ROWS = 1 << 16


class ReplayFiles:
    """Saves one replay in a folder again and again, and restores it.

    A checkpoint elsewhere keeps what `save` returns, and gives it to `restore`: the last two saves
    can be restored, so that it does not matter whether the checkpoint was written after the last.
    """

    def __init__(self, folder: str | os.PathLike, segment_rows: int = _SEGMENT_ROWS):
        """Names the folder; nothing is made.

        Args:
          folder: Where the files are.
          segment_rows: Rows in a file.
        """
        self._folder, self._segment_rows = pathlib.Path(folder), segment_rows

    def save(self, replay: replay_lib.Replay) -> int:
        """Writes what the last save in the folder has not, and returns the number of all rows.

        Raises:
          ValueError: The folder holds a replay of other rows, or one that has gone on further.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        saves = self._saves(replay)
        done = saves[-1]["total"] if saves else 0
        if done > replay.total:
            raise ValueError(
                f"{self._folder} holds {done} transitions, but only {replay.total} were collected: "
                "restore it first, or use another folder."
            )
        first = max(done, replay.total - replay.capacity)
        self._append(first, replay.latest(replay.total - first))
        state = {"total": replay.total, "trajectories": replay.num_trajectories}
        self._write_index(replay, [*saves[-1:], state])
        return replay.total

    def restore(self, replay: replay_lib.Replay, total: int | None = None) -> None:
        """Fills an empty replay as it was at a save, the last one by default.

        What was saved after it is forgotten.

        Args:
          replay: Of the same layout and capacity.
          total: What the save returned.

        Raises:
          ValueError: There is no such save, it does not fit, or its files are damaged.
        """
        saves = self._saves(replay)
        while saves and total is not None and saves[-1]["total"] != total:
            saves.pop()
        if not saves:
            wanted = "a replay" if total is None else f"one of {total} transitions"
            raise ValueError(f"{self._folder} does not hold {wanted}: use another folder.")
        state = saves[-1]
        count = min(state["total"], replay.capacity)
        first = state["total"] - count
        replay.total = first
        while replay.total < state["total"]:
            stop = min(state["total"], self._segment_of(replay.total) + self._segment_rows)
            replay.append_packed(self._read(replay.total, stop, replay.layout.width))
        replay.num_trajectories = state["trajectories"]
        self._write_index(replay, saves)

    def _saves(self, replay: replay_lib.Replay) -> list[dict[str, int]]:
        """Returns what the index tells, at most two saves."""
        path = self._folder / _INDEX
        if not path.exists():
            return []
        try:
            index = json.loads(path.read_text(encoding="utf-8"))
            shape = [index["capacity"], index["width"], index["segment_rows"]]
            saves = index["saves"]
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged ({error!r}): copy the folder again, or use another one."
            ) from error
        expected = [replay.capacity, replay.layout.width, self._segment_rows]
        if shape != expected:
            raise ValueError(
                f"{path} is of a replay of [capacity, row size, rows per file] {shape}, but this "
                f"run's is of {expected}: use another folder, or the same task and memory size."
            )
        return saves

    def _append(self, first: int, rows: np.ndarray) -> None:
        """Writes rows of which the first has the number `first`."""
        written = 0
        while written < len(rows):
            start = self._segment_of(first + written)
            count = min(len(rows) - written, start + self._segment_rows - first - written)
            part = rows[written : written + count]
            path = self._folder / _SEGMENT.format(start)
            with open(path, "r+b" if path.exists() else "xb") as file:
                file.seek((first + written - start) * part.itemsize * part.shape[1])
                file.write(part.astype("<f4").tobytes())
                file.truncate()
                file.flush()
                os.fsync(file.fileno())
            written += count

    def _read(self, first: int, stop: int, width: int) -> np.ndarray:
        """Returns rows [stop − first, width] of one segment."""
        start = self._segment_of(first)
        path = self._folder / _SEGMENT.format(start)
        size = path.stat().st_size if path.exists() else 0
        if size < 4 * width * (stop - start):
            raise ValueError(
                f"{path} has {size} bytes, but {4 * width * (stop - start)} are needed: copy the "
                "folder again, or use another one."
            )
        values = np.fromfile(
            path, "<f4", (stop - first) * width, offset=4 * width * (first - start)
        )
        return values.reshape(-1, width).astype(np.float32)

    def _write_index(self, replay: replay_lib.Replay, saves: list[dict[str, int]]) -> None:
        index = {
            "capacity": replay.capacity,
            "width": replay.layout.width,
            "segment_rows": self._segment_rows,
            "saves": saves,
        }
        atomic_file.write_text(self._folder / _INDEX, json.dumps(index))
        needed = self._segment_of(max(0, saves[0]["total"] - replay.capacity))
        for path in self._folder.glob(_SEGMENT.format(0).replace("0" * 12, "*")):
            if int(path.stem.removeprefix("rows-")) < needed:
                path.unlink()

    def _segment_of(self, row: int) -> int:
        return row - row % self._segment_rows
