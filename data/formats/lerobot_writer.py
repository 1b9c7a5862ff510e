"""Writes recorded episodes as a LeRobot folder of version 3.0, for other programs."""

import fractions
import json
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ibc.data import action_parts
from ibc.data.formats import convert, lerobot_meta, parquet_file, step_writer
from ibc.utils import atomic_file

_DATA = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
_VIDEO = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
_FILES_IN_CHUNK = 1000
# Key pictures are near, as training reads at random; the quality is one that eyes do not notice.
_CODEC = ("libx264", {"g": "2", "crf": "18"})
_NAMES = {step_writer.REWARD: "next.reward", step_writer.DONE: "next.done"}
# Readers find the words of tasks in the index of a table of pandas, which is called so.
_INDEX = "__index_level_0__"
_COUNTERS = ("frame_index", "episode_index", "index", "task_index")


def write(
    source: convert.EpisodeSource,
    path: str | os.PathLike,
    top_fraction: float = 1.0,
    on_frames: Callable[[int], None] = lambda count: None,
    fps: float | None = None,
) -> convert.Conversion:
    """Writes the steps of all episodes: one parquet file, a video per episode and camera.

    Pictures lose a little in videos. What was seen after an episode's last step has no place in
    it. One episode at a time is in memory; the folder appears when it is whole.

    Args:
      source: Where episodes are read from.
      path: Folder to make; another LeRobot folder is replaced.
      top_fraction: Share of episodes to keep, by return, in (0, 1]; the number is rounded up.
      on_frames: Called with a number of frames when so many have been read.
      fps: Steps per second; None for what the source says.

    Raises:
      ImportError: pyarrow or av is not installed.
      ValueError: Nobody says how many steps per second, a value is not finite, or the folder holds
        something else; nothing is changed.
      OSError: No folder can be made there.
    """
    fps = fps or getattr(source, "fps", None)
    if fps is None:
        raise ValueError(
            f"{source.path} does not tell how many steps per second it has, which a LeRobot folder "
            "has to: say so with --fps."
        )
    parquet_file.import_arrow(os.fspath(path))
    check_place(path)
    with atomic_file.replacing_folder(path) as temporary:
        names = action_parts.to_names(convert.action_parts(source))
        folder = _Folder(pathlib.Path(temporary), float(fps), names)
        try:
            done = step_writer.write(
                source,
                path,
                top_fraction,
                on_frames,
                folder.append,
                lambda numbers: folder.take_tasks(getattr(source, "tasks", None), numbers),
            )
        finally:
            folder.close()
        folder.describe()
    return done


def check_place(path: str | os.PathLike) -> None:
    """Checks that a folder may be made, or replaced.

    Raises:
      ValueError: There is a folder with something else.
    """
    path = os.path.expanduser(path)
    is_other = os.path.isdir(path) and os.listdir(path)
    if is_other and not os.path.isfile(os.path.join(path, lerobot_meta.INFO)):
        raise ValueError(f"{path} holds something else than a LeRobot folder: give another name.")


class _Folder:
    """A LeRobot folder in the making."""

    def __init__(self, path: pathlib.Path, fps: float, action_names: Sequence[str]):
        self._path, self._fps, self._action_names = path, fps, list(action_names)
        self._writer: Any = None
        self._features: dict[str, Any] = {}
        self._rows: list[dict[str, Any]] = []
        self._statistics: dict[str, _Statistics] = {}
        self._tasks: list[str] = []
        self._total = 0

    def take_tasks(self, tasks: Sequence[str] | None, numbers: Sequence[int]) -> None:
        """Keeps what is to be done in each episode that will be appended."""
        self._tasks = ["" if tasks is None else tasks[number] for number in numbers]

    def append(self, arrays: dict[str, np.ndarray]) -> None:
        """Writes an episode, arrays [n, ...] by name."""
        import pyarrow
        import pyarrow.parquet

        number, count = len(self._rows), len(arrays[step_writer.ACTION])
        steps = np.arange(count)
        arrays = {_feature(name, values): values for name, values in arrays.items()}
        row = self._row(number, count)
        for name in [name for name, values in arrays.items() if _is_picture(values)]:
            images = arrays.pop(name)
            self._add_feature(name, images, "video")
            row |= self._write_video(name, number, images)
        arrays["timestamp"] = np.float32(steps / self._fps)
        task = sorted(set(self._tasks)).index(self._tasks[number])
        counters = steps, np.full(count, number), self._total + steps, np.full(count, task)
        arrays |= dict(zip(_COUNTERS, counters, strict=True))
        for name, values in arrays.items():
            self._add_feature(name, values, str(values.dtype))
        table = pyarrow.table({name: _column(values) for name, values in arrays.items()})
        if self._writer is None:
            file = self._path / _DATA.format(chunk_index=0, file_index=0)
            file.parent.mkdir(parents=True)
            self._writer = pyarrow.parquet.ParquetWriter(file, table.schema)
        self._writer.write_table(table)
        self._rows.append(row)
        self._total += count

    def close(self) -> None:
        """Completes the file of numbers."""
        if self._writer is not None:
            self._writer.close()

    def describe(self) -> None:
        """Writes meta/."""
        import pyarrow
        import pyarrow.parquet

        meta = self._path / "meta"
        episodes = meta / "episodes/chunk-000/file-000.parquet"
        episodes.parent.mkdir(parents=True)
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(self._rows), episodes)
        tasks = sorted(set(self._tasks))
        listed = {"task_index": list(range(len(tasks))), _INDEX: tasks}
        pyarrow.parquet.write_table(_with_index(pyarrow.table(listed)), meta / "tasks.parquet")
        figures = {name: found.figures() for name, found in self._statistics.items()}
        (meta / "stats.json").write_text(json.dumps(figures, indent=4))
        has_videos = any(feature["dtype"] == "video" for feature in self._features.values())
        info = {
            "codebase_version": "v3.0",
            "robot_type": None,
            "total_episodes": len(self._rows),
            "total_frames": self._total,
            "total_tasks": len(tasks),
            "chunks_size": _FILES_IN_CHUNK,
            "fps": int(self._fps) if self._fps == int(self._fps) else self._fps,
            "splits": {"train": f"0:{len(self._rows)}"},
            "data_path": _DATA,
            "video_path": _VIDEO if has_videos else None,
            "features": self._features,
        }
        (meta / "info.json").write_text(json.dumps(info, indent=4))

    def _row(self, number: int, count: int) -> dict[str, Any]:
        return {
            "episode_index": number,
            "tasks": [self._tasks[number]],
            "length": count,
            "data/chunk_index": 0,
            "data/file_index": 0,
            "dataset_from_index": self._total,
            "dataset_to_index": self._total + count,
            "meta/episodes/chunk_index": 0,
            "meta/episodes/file_index": 0,
        }

    def _write_video(self, name: str, number: int, images: np.ndarray) -> dict[str, Any]:
        """Writes the pictures of an episode; returns what is said of them in its row."""
        import av

        chunk, index = divmod(number, _FILES_IN_CHUNK)
        file = self._path / _VIDEO.format(video_key=name, chunk_index=chunk, file_index=index)
        file.parent.mkdir(parents=True, exist_ok=True)
        images = np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
        with av.open(str(file), "w") as container:
            codec, options = _CODEC
            stream = container.add_stream(codec, rate=_fraction(self._fps), options=options)
            stream.height, stream.width = images.shape[1:3]
            # Colours at half the resolution need even sides.
            stream.pix_fmt = "yuv420p" if not any(s % 2 for s in images.shape[1:3]) else "yuv444p"
            for image in images:
                picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
                container.mux(stream.encode(picture))
            container.mux(stream.encode())
        return {
            f"videos/{name}/chunk_index": chunk,
            f"videos/{name}/file_index": index,
            f"videos/{name}/from_timestamp": 0.0,
            f"videos/{name}/to_timestamp": len(images) / self._fps,
        }

    def _add_feature(self, name: str, values: np.ndarray, kind: str) -> None:
        is_video = kind == "video"
        shape = (*values.shape[1:3], 3) if is_video else values.shape[1:] or (1,)
        names = ["height", "width", "channels"] if is_video else None
        if name == step_writer.ACTION:
            names = self._action_names or None
        self._features.setdefault(name, {"dtype": kind, "shape": list(shape), "names": names})
        # Of pictures one row is a channel's average, from 0 to 1.
        rows = values.mean(axis=(1, 2)) / 255 if is_video else values.reshape(len(values), -1)
        self._statistics.setdefault(name, _Statistics(is_video)).add(np.float64(rows))


class _Statistics:
    """Extremes, mean and spread of rows [n, size]; of pictures, of their channels' averages."""

    def __init__(self, is_picture: bool):
        self._is_picture, self._parts = is_picture, []

    def add(self, rows: np.ndarray) -> None:
        """Takes more rows."""
        figures = len(rows), rows.min(0), rows.max(0), rows.sum(0), np.square(rows).sum(0)
        self._parts.append(figures)

    def figures(self) -> dict[str, Any]:
        """Returns the figures as LeRobot lists them."""
        counts, low, high, sums, squares = zip(*self._parts, strict=True)
        count = sum(counts)
        mean = np.sum(sums, 0) / count
        std = np.sqrt(np.maximum(np.sum(squares, 0) / count - mean**2, 0))
        found = {"min": np.min(low, 0), "max": np.max(high, 0), "mean": mean, "std": std}
        shape = (-1, 1, 1) if self._is_picture else (-1,)
        return {k: v.reshape(shape).tolist() for k, v in found.items()} | {"count": [count]}


def _column(values: np.ndarray) -> Any:
    """Returns an array [n, ...] as a column of numbers or of lists of one size."""
    import pyarrow

    if values.ndim == 1 or values.shape[1:] == (1,):
        return pyarrow.array(np.ravel(values))
    column = pyarrow.array(np.ravel(values))
    for size in reversed(values.shape[1:]):
        column = pyarrow.FixedSizeListArray.from_arrays(column, size)
    return column


def _with_index(table: Any) -> Any:
    """Says of the tasks' table what pandas says of one whose index is their words."""
    described = {
        "index_columns": [_INDEX],
        "column_indexes": [_described(None, "unicode", "object")],
        "columns": [
            _described("task_index", "int64", "int64"),
            _described(_INDEX, "unicode", "object"),
        ],
    }
    return table.replace_schema_metadata({"pandas": json.dumps(described)})


def _described(field: str | None, kind: str, numpy_kind: str) -> dict[str, Any]:
    """Returns what pandas says of a column; it calls an index without a name so in files only."""
    name = None if field == _INDEX else field
    kinds = {"pandas_type": kind, "numpy_type": numpy_kind, "metadata": None}
    return {"name": name, "field_name": field} | kinds


def _feature(name: str, values: np.ndarray) -> str:
    """Returns what LeRobot calls an array."""
    prefix = f"{step_writer.OBSERVATION}."
    if _is_picture(values) and name.startswith(prefix):
        return f"{prefix}images.{name.removeprefix(prefix)}"
    return _NAMES.get(name, name)


def _is_picture(values: np.ndarray) -> bool:
    return values.dtype == np.uint8 and values.ndim == 4


def _fraction(fps: float) -> Any:
    return fractions.Fraction(fps).limit_denominator(1001)
