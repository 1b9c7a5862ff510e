"""What a LeRobot folder says of itself: features, episodes, tasks, and where their files are."""

import dataclasses
import glob
import json
import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ibc.data.formats import hdf5, parquet_file

INFO = "meta/info.json"
"""The description's file, which every version has."""

_EPISODES_2 = "meta/episodes.jsonl"
_EPISODES_3 = "meta/episodes/*/*.parquet"
_VERSION = re.compile(r"v([23])\.\d+")
# A description's own formatting could ask for gigabytes, and its paths for other folders.
_TEMPLATE = re.compile(r"(?:[^{}]|\{\w+(?::0?\d?d)?\})+")
_PICTURES = ("video", "image")
_COPY_AGAIN = "copy the folder again from where it came from"


@dataclasses.dataclass(frozen=True)
class Episode:
    """Where an episode is."""

    length: int
    """Number of its steps."""
    data: str
    """Parquet file."""
    first_row: int
    """Of the parquet file."""
    videos: Mapping[str, tuple[str, float]]
    """Feature → video, and the second in it where the episode begins."""


@dataclasses.dataclass(frozen=True)
class Meta:
    """The description of a folder."""

    path: str
    """The folder."""
    fps: float
    """Steps per second."""
    features: Mapping[str, tuple[int, ...]]
    """Feature → shape in one step; of pictures height, width, channels. Text is left out."""
    video_keys: frozenset[str]
    """Features that are in videos."""
    episodes: tuple[Episode, ...]
    """Where each episode is."""
    tasks: tuple[str, ...]
    """What was to be done in each episode, in words."""
    names: Mapping[str, Any]
    """Feature → what its numbers, or axes, are called, as it is written there."""

    def inside(self, name: str) -> str:
        """Returns the path of a file in the folder; see `inside`."""
        return inside(self.path, name)


def inside(folder: str, name: str) -> str:
    """Returns the path of a file in a folder.

    Raises:
      ValueError: It is missing, or outside of the folder.
    """
    path = os.path.normpath(os.path.join(folder, name))
    if not path.startswith(os.path.normpath(folder) + os.sep):
        raise ValueError(f"{folder}: {name} is outside of the folder: copy all of it into one.")
    if not os.path.isfile(path):
        raise ValueError(f"{path} is missing: {_COPY_AGAIN}.")
    return path


def read(path: str) -> Meta:
    """Reads what a folder says of itself.

    Raises:
      ImportError: pyarrow is not installed.
      ValueError: It is damaged, of another version, or incomplete.
    """
    file = os.path.join(path, INFO)
    info = _json(file, open(file, encoding="utf-8", errors="replace").read())
    for key in ("codebase_version", "fps", "features", "data_path"):
        if key not in info:
            raise ValueError(f"{file} has no {key}; it holds {', '.join(info)}.")
    version = _VERSION.fullmatch(str(info["codebase_version"]))
    if not version:
        raise ValueError(
            f"{file}: codebase_version is {info['codebase_version']!r}, expected v2.0 to v3.0: "
            "convert the folder with LeRobot's own script."
        )
    fps = info["fps"]
    if not isinstance(fps, (int, float)) or not 0 < fps < 1e6:
        raise ValueError(f"{file}: fps is {fps!r}, expected steps per second.")
    for key in ("data_path", "video_path"):
        if info.get(key) is not None and not _TEMPLATE.fullmatch(str(info[key])):
            raise ValueError(f"{file}: {key} is {info[key]!r}, expected a path with {{...}} in it.")
    features, video_keys = _features(file, info["features"])
    load = _episodes_2 if version[1] == "2" else _episodes_3
    try:
        episodes, tasks = load(path, info, sorted(video_keys))
    except (KeyError, TypeError, IndexError) as error:
        raise ValueError(
            f"{os.path.join(path, 'meta')} does not say where episodes are ({error} is missing or "
            f"wrong): {_COPY_AGAIN}."
        ) from error
    if not episodes:
        raise ValueError(f"{os.path.join(path, 'meta')} lists no episodes.")
    total = info.get("total_episodes", len(episodes))
    if total != len(episodes):
        raise ValueError(
            f"{file}: total_episodes is {total}, but {len(episodes)} are listed: {_COPY_AGAIN}."
        )
    names = {name: feature.get("names") for name, feature in info["features"].items()}
    return Meta(path, float(fps), features, video_keys, tuple(episodes), tuple(tasks), names)


def _features(file: str, listed: Any) -> tuple[dict[str, tuple[int, ...]], frozenset[str]]:
    """Returns feature → shape, of pictures with channels last; and which are videos."""
    shapes, videos = {}, set()
    if not isinstance(listed, dict):
        raise ValueError(f"{file}: features is {type(listed).__name__}, expected one by name.")
    for name, feature in listed.items():
        try:
            shape = tuple(int(size) for size in feature["shape"])
            kind = feature["dtype"]
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{file}: feature {name} has no shape or no dtype.") from error
        if kind in _PICTURES:
            if len(shape) != 3:
                raise ValueError(f"{file}: {name} is of {list(shape)}, expected pictures.")
            if "channel" in str((feature.get("names") or [""])[0]):
                shape = (*shape[1:], shape[0])
        if kind == "video":
            videos.add(name)
        if kind != "string":
            shapes[name] = shape
    return shapes, frozenset(videos)


def _episodes_2(path: str, info: Any, video_keys: list[str]) -> tuple[list[Episode], list[str]]:
    """Returns the episodes of version 2, and their tasks."""
    size = int(info.get("chunks_size", 1000))
    episodes, tasks = [], []
    for number, listed in enumerate(_json_lines(path, _EPISODES_2)):
        if listed["episode_index"] != number:
            raise ValueError(
                f"{os.path.join(path, _EPISODES_2)}: line {number + 1} is of episode "
                f"{listed['episode_index']}, expected {number}: {_COPY_AGAIN}."
            )
        names = {"episode_chunk": number // size, "episode_index": number}
        videos = {
            key: (inside(path, info["video_path"].format(video_key=key, **names)), 0.0)
            for key in video_keys
        }
        data = inside(path, info["data_path"].format(**names))
        episodes.append(Episode(int(listed["length"]), data, 0, videos))
        tasks.append("; ".join(listed.get("tasks") or ()))
    return episodes, tasks


def _episodes_3(path: str, info: Any, video_keys: list[str]) -> tuple[list[Episode], list[str]]:
    """Returns the episodes of version 3, and their tasks."""
    arrow = parquet_file.import_arrow(path)
    rows: list[dict[str, Any]] = []
    for file in sorted(glob.glob(os.path.join(glob.escape(path), _EPISODES_3))):
        with hdf5.reading(file):
            opened = arrow.parquet.ParquetFile(file)
            wanted = [name for name in opened.schema_arrow.names if not name.startswith("stats/")]
            rows.extend(opened.read(columns=wanted).to_pylist())
    rows.sort(key=lambda row: row["episode_index"])
    numbers = [row["episode_index"] for row in rows]
    if numbers != list(range(len(rows))):
        wrong = int(np.flatnonzero(np.array(numbers) != np.arange(len(rows)))[0])
        raise ValueError(f"{path}: meta/episodes has no episode {wrong}: {_COPY_AGAIN}.")
    first: dict[tuple[int, int], int] = {}
    for row in rows:
        file = row["data/chunk_index"], row["data/file_index"]
        first[file] = min(row["dataset_from_index"], first.get(file, row["dataset_from_index"]))
    episodes, tasks = [], []
    for row in rows:
        chunk, index = row["data/chunk_index"], row["data/file_index"]
        data = inside(path, info["data_path"].format(chunk_index=chunk, file_index=index))
        videos = {key: _video_3(path, info["video_path"], row, key) for key in video_keys}
        start = int(row["dataset_from_index"] - first[chunk, index])
        length = int(row["dataset_to_index"] - row["dataset_from_index"])
        episodes.append(Episode(length, data, start, videos))
        tasks.append("; ".join(row.get("tasks") or ()))
    return episodes, tasks


def _video_3(path: str, template: str, row: Mapping[str, Any], key: str) -> tuple[str, float]:
    chunk, index = row[f"videos/{key}/chunk_index"], row[f"videos/{key}/file_index"]
    name = template.format(video_key=key, chunk_index=chunk, file_index=index)
    return inside(path, name), float(row[f"videos/{key}/from_timestamp"])


def _json_lines(path: str, name: str) -> list[dict[str, Any]]:
    file = inside(path, name)
    with open(file, encoding="utf-8", errors="replace") as lines:
        return [_json(file, line) for line in lines if line.strip()]


def _json(file: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON, or damaged ({error}): {_COPY_AGAIN}.") from error
    if not isinstance(found, dict):
        raise ValueError(f"{file} holds {type(found).__name__}, expected an object: {_COPY_AGAIN}.")
    return found
