"""Small recordings in the formats that robots' data comes in, for tests."""

import json
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from ibc.data.formats import convert

FPS = 10.0
"""Steps per second of `episodes`."""

Arrays = dict[str, np.ndarray]

_PADDED = ("action", "reward")


def episodes(lengths: Sequence[int] = (5, 4, 7), size: tuple[int, int] = (16, 24)) -> list[Arrays]:
    """Returns episodes: joints, gripper, front (smooth pictures), action, reward, timestamp."""
    random = np.random.RandomState(0)
    found = []
    for length in lengths:
        corners = random.randint(0, 200, (length, 1, 1, 3))
        ramp = np.arange(size[1])[None, None, :, None] * 2 + np.zeros((1, size[0], 1, 1), int)
        found.append(
            {
                "joints": random.randn(length, 2).astype(np.float32),
                "gripper": random.rand(length).astype(np.float32),
                "front": np.uint8(corners + ramp),
                "action": random.uniform(-1, 1, (length, 3)).astype(np.float32),
                "reward": random.rand(length).astype(np.float32),
                "timestamp": np.float32(np.arange(length) / FPS),
            }
        )
    return found


def in_hdf5(recorded: Sequence[Arrays], keys: Sequence[str]) -> list[dict[str, Any]]:
    """Returns episodes as `convert_testing` writes them to HDF5 files: some of their observations.

    What was seen at an episode's end is what was seen before its last step.
    """
    found = []
    for episode in recorded:
        count = len(episode["action"])
        rows = np.minimum(np.arange(count + 1), count - 1)
        seen = {
            key: episode[key][rows].reshape(count + 1, *episode[key].shape[1:] or [1])
            for key in keys
        }
        found.append(
            {"observations": seen, "actions": episode["action"], "rewards": episode["reward"]}
        )
    return found


def problem(path: str | os.PathLike, out: pathlib.Path) -> str:
    """Returns why a recording cannot be converted to a file in `out`, which stays empty."""
    with pytest.raises(ValueError) as error:
        convert.convert(convert.open_source(path), out / "a.tfrecord")
    assert not list(out.glob("*"))
    text = str(error.value)
    assert "\n" not in text
    return text


def joined(recorded: Sequence[Arrays]) -> Arrays:
    """Returns the steps of all episodes, one after another."""
    return {name: np.concatenate([episode[name] for episode in recorded]) for name in recorded[0]}


def ends(recorded: Sequence[Arrays]) -> np.ndarray:
    """Returns the step after the last one of each episode."""
    return np.cumsum([len(episode["action"]) for episode in recorded])


def npz(folder: os.PathLike, recorded: Sequence[Arrays]) -> str:
    """Writes one npz with `episode_ends`; returns its name."""
    path = str(pathlib.Path(folder, "all.npz"))
    np.savez(path, **joined(recorded), episode_ends=ends(recorded))
    return path


def npz_folder(folder: os.PathLike, recorded: Sequence[Arrays]) -> str:
    """Writes an npz for each episode; returns the folder."""
    path = pathlib.Path(folder, "logs")
    path.mkdir()
    for number, episode in enumerate(recorded):
        np.savez_compressed(path / f"log_{number}.npz", **episode)
    return str(path)


def replay_buffer(folder: os.PathLike, recorded: Sequence[Arrays]) -> str:
    """Writes a zarr as Diffusion Policy's; returns its name."""
    import zarr

    path = str(pathlib.Path(folder, "buffer.zarr"))
    root: Any = zarr.open_group(path, mode="w")
    for name, values in joined(recorded).items():
        root.create_dataset(f"data/{name}", data=values, chunks=(4, *values.shape[1:]))
    root["meta/episode_ends"] = ends(recorded)
    return path


def replay_buffer_zip(folder: os.PathLike, recorded: Sequence[Arrays]) -> str:
    """Writes a zarr in a zip archive as Diffusion Policy does; returns its name."""
    import zarr

    path = str(pathlib.Path(folder, "buffer.zarr.zip"))
    stored = zarr.DirectoryStore(replay_buffer(folder, recorded))
    with zarr.ZipStore(path, mode="w") as archive:
        zarr.copy_store(stored, archive)
    return path


def parquet(folder: os.PathLike, recorded: Sequence[Arrays]) -> str:
    """Writes one parquet file with `episode_index` and pictures as PNG; returns its name."""
    path = str(pathlib.Path(folder, "all.parquet"))
    arrays = joined(recorded)
    numbers = np.repeat(np.arange(len(recorded)), [len(e["action"]) for e in recorded])
    write_table(path, {**arrays, "episode_index": numbers}, row_group_size=6)
    return path


def write_table(path: Any, arrays: Arrays, **options: Any) -> None:
    """Writes arrays as columns of a parquet file, lists as lists and pictures as PNG."""
    import pyarrow
    import pyarrow.parquet

    columns = {}
    for name, values in arrays.items():
        if values.ndim == 4:
            cells = [{"bytes": png(image), "path": None} for image in values]
            kind = pyarrow.struct({"bytes": pyarrow.binary(), "path": pyarrow.string()})
            columns[name] = pyarrow.array(cells, kind)
        elif values.ndim > 1:
            columns[name] = pyarrow.array(values.tolist(), pyarrow.list_(_arrow_type(values)))
        else:
            columns[name] = pyarrow.array(values)
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    pyarrow.parquet.write_table(pyarrow.table(columns), path, **options)


def png(image: np.ndarray) -> bytes:
    """Returns a picture encoded without loss."""
    import tensorflow as tf

    return tf.io.encode_png(image).numpy()


def write_video(path: Any, images: np.ndarray, fps: float = FPS) -> None:
    """Writes a video without loss."""
    import av

    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264rgb", rate=int(fps), options={"qp": "0", "g": "2"})
        stream.height, stream.width = images.shape[1:3]
        stream.pix_fmt = "rgb24"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())


def lerobot_2(folder: os.PathLike, recorded: Sequence[Arrays]) -> str:
    """Writes a LeRobot folder of version 2.1 with a video for each episode; returns it."""
    path = pathlib.Path(folder, "lerobot_2")
    start = 0
    for number, episode in enumerate(recorded):
        data = path / f"data/chunk-000/episode_{number:06d}.parquet"
        write_table(data, _lerobot_columns(number, start, episode))
        start += len(episode["action"])
        name = f"videos/chunk-000/observation.images.front/episode_{number:06d}.mp4"
        if "front" in episode:
            write_video(path / name, episode["front"])
    (path / "meta").mkdir()
    info = _lerobot_info("v2.1", recorded, "video")
    info["data_path"] = "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet"
    info["video_path"] = (
        "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    )
    (path / "meta/info.json").write_text(json.dumps(info))
    lines = [
        {"episode_index": number, "tasks": [task(number)], "length": len(episode["action"])}
        for number, episode in enumerate(recorded)
    ]
    (path / "meta/episodes.jsonl").write_text("\n".join(map(json.dumps, lines)) + "\n")
    tasks = [{"task_index": number, "task": task(number)} for number in range(2)]
    (path / "meta/tasks.jsonl").write_text("\n".join(map(json.dumps, tasks)) + "\n")
    return str(path)


def lerobot_3(folder: os.PathLike, recorded: Sequence[Arrays], pictures: str = "video") -> str:
    """Writes a LeRobot folder of version 3.0: two files of data, one video; returns it.

    Args:
      folder: Where to make it.
      recorded: At least two episodes.
      pictures: How pictures are kept, 'video' or 'image'.
    """
    import pyarrow
    import pyarrow.parquet

    path = pathlib.Path(folder, f"lerobot_3_{pictures}")
    counts = np.array([len(episode["action"]) for episode in recorded])
    starts = np.cumsum(counts) - counts
    parts = [
        _lerobot_columns(number, starts[number], episode, pictures == "image")
        for number, episode in enumerate(recorded)
    ]
    for file, part in enumerate((parts[:2], parts[2:])):
        write_table(
            path / f"data/chunk-000/file-{file:03d}.parquet", joined(part)
        ) if part else None
    rows: dict[str, Any] = {
        "episode_index": np.arange(len(recorded)),
        "tasks": [[task(number)] for number in range(len(recorded))],
        "length": counts,
        "data/chunk_index": np.zeros(len(recorded), int),
        "data/file_index": np.minimum(np.arange(len(recorded)) // 2, 1),
        "dataset_from_index": starts,
        "dataset_to_index": starts + counts,
    }
    if pictures == "video" and "front" in recorded[0]:
        key = "observation.images.front"
        write_video(path / f"videos/{key}/chunk-000/file-000.mp4", joined(recorded)["front"])
        rows[f"videos/{key}/chunk_index"] = rows[f"videos/{key}/file_index"] = 0 * starts
        rows[f"videos/{key}/from_timestamp"] = starts / FPS
        rows[f"videos/{key}/to_timestamp"] = (starts + counts) / FPS
    meta = path / "meta/episodes/chunk-000"
    meta.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.table(rows), meta / "file-000.parquet")
    tasks = pyarrow.table({"task_index": [0, 1], "__index_level_0__": [task(0), task(1)]})
    pyarrow.parquet.write_table(tasks, path / "meta/tasks.parquet")
    info = _lerobot_info("v3.0", recorded, pictures)
    info["data_path"] = "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    info["video_path"] = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    (path / "meta/info.json").write_text(json.dumps(info))
    return str(path)


def minari_arrow(folder: os.PathLike, recorded: Sequence[Arrays], kind: str = "arrow") -> str:
    """Writes a Minari data set in Arrow format; returns its folder.

    What was seen at an episode's end is what was seen before its last step.
    """
    import pyarrow
    import pyarrow.dataset

    data = pathlib.Path(folder, "store", "mine", "arm-v0", "data")
    for number, episode in enumerate(recorded):
        count = len(episode["action"])
        rows = np.minimum(np.arange(count + 1), count - 1)
        seen = {
            name: _arrow_rows(episode[name][rows])
            for name in ("joints", "gripper", "front")
            if name in episode
        }
        padded = {name: np.append(episode[name], 0 * episode[name][:1], 0) for name in _PADDED}
        table = pyarrow.table(
            {
                "observations": pyarrow.StructArray.from_arrays([*seen.values()], [*seen]),
                "actions": _arrow_rows(padded["action"]),
                "rewards": padded["reward"],
                "terminations": np.arange(count + 1) == count - 1,
                "truncations": np.zeros(count + 1, bool),
            }
        )
        options = {"basename_template": "part-{i}." + kind, "format": kind}
        pyarrow.dataset.write_dataset(table, data / str(number), **options)
        described = {"id": number, "total_steps": count}
        (data / str(number) / "metadata.json").write_text(json.dumps(described))
    space = {"type": "Dict", "subspaces": {"joints": {"type": "Box", "shape": [2]}}}
    meta = {"data_format": kind, "total_episodes": len(recorded), "observation_space": space}
    (data / "metadata.json").write_text(json.dumps(meta))
    return str(data.parent)


def task(number: int) -> str:
    """Returns what is to be done in an episode of a LeRobot folder."""
    return ("push the block", "open the door")[number % 2]


def _lerobot_names(episode: Arrays) -> dict[str, str]:
    """Returns array → feature."""
    own = {"front": "observation.images.front", "action": "action", "reward": "next.reward"}
    names = [name for name in episode if name != "timestamp"]
    return {name: own.get(name, f"observation.{name}") for name in names}


def _lerobot_columns(
    number: int, start: int, episode: Arrays, with_pictures: bool = False
) -> Arrays:
    count = np.arange(len(episode["action"]))
    columns = {
        feature: episode[name]
        for name, feature in _lerobot_names(episode).items()
        if name != "front" or with_pictures
    }
    return columns | {
        "timestamp": np.float32(count / FPS),
        "frame_index": count,
        "episode_index": np.full(len(count), number),
        "index": start + count,
        "task_index": np.full(len(count), number % 2),
    }


def _lerobot_info(version: str, recorded: Sequence[Arrays], pictures: str) -> dict[str, Any]:
    features: dict[str, Any] = {}
    for name, feature in _lerobot_names(recorded[0]).items():
        values = recorded[0][name]
        features[feature] = {
            "dtype": pictures if name == "front" else str(values.dtype),
            "shape": list(values.shape[1:]) or [1],
            "names": ["height", "width", "channels"] if name == "front" else None,
        }
    counters = ("frame_index", "episode_index", "index", "task_index")
    for name in ("timestamp", *counters):
        kind = "float32" if name == "timestamp" else "int64"
        features[name] = {"dtype": kind, "shape": [1], "names": None}
    return {
        "codebase_version": version,
        "robot_type": "arm",
        "total_episodes": len(recorded),
        "total_frames": sum(len(episode["action"]) for episode in recorded),
        "total_tasks": 2,
        "chunks_size": 1000,
        "fps": int(FPS),
        "splits": {"train": f"0:{len(recorded)}"},
        "features": features,
    }


def _arrow_type(values: np.ndarray) -> Any:
    import pyarrow

    return pyarrow.from_numpy_dtype(values.dtype)


def _arrow_rows(values: np.ndarray) -> Any:
    """Returns arrays [n, ...] as Minari stores them: vectors of a fixed size, pictures as PNG."""
    import pyarrow

    if values.ndim == 4:
        return pyarrow.array([png(image) for image in values])
    rows = values.reshape(len(values), -1)
    kind = pyarrow.list_(_arrow_type(values), rows.shape[1])
    return pyarrow.array(rows.tolist(), kind)


ARRAYS = {
    "npz": npz,
    "folder of npz": npz_folder,
    "zarr": replay_buffer,
    "zarr.zip": replay_buffer_zip,
    "parquet": parquet,
    "lerobot 2.1": lerobot_2,
    "lerobot 3.0": lerobot_3,
    "lerobot 3.0 with images": lambda folder, recorded: lerobot_3(folder, recorded, "image"),
}
"""What writes arrays by their names, in each format."""
