"""Small recordings in the formats that robots' data comes in, for tests."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import numpy as np

FPS = 10.0
"""Steps per second of `episodes`."""

Arrays = dict[str, np.ndarray]


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


ARRAYS = {"npz": npz, "folder of npz": npz_folder, "zarr": replay_buffer}
"""What writes arrays by their names alone."""
