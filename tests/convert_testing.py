"""Small HDF5 files of recorded episodes, for tests."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import h5py
import numpy as np


def episode(length: int, observation_size: int, action_size: int, seed: int) -> dict[str, Any]:
    """Returns random steps: observations [length + 1, ...], actions and rewards [length, ...]."""
    random = np.random.RandomState(seed)
    return {
        "observations": random.randn(length + 1, observation_size).astype(np.float32),
        "actions": random.uniform(-1, 1, (length, action_size)).astype(np.float32),
        "rewards": random.randn(length).astype(np.float32),
    }


def write_d4rl(
    path: str | os.PathLike, episodes: Sequence[Mapping[str, Any]], terminated: Sequence[bool]
) -> str:
    """Writes a file as D4RL's, with both kinds of ends; returns its name."""
    ends = [np.arange(len(e["actions"])) == len(e["actions"]) - 1 for e in episodes]
    pairs = list(zip(ends, terminated, strict=True))
    with h5py.File(path, "w") as file:
        observations = np.concatenate([e["observations"][:-1] for e in episodes])
        file.create_dataset("observations", data=observations, compression="gzip")
        for key in ("actions", "rewards"):
            file[key] = np.concatenate([e[key] for e in episodes])
        file["terminals"] = np.concatenate([end & is_own for end, is_own in pairs])
        file["timeouts"] = np.concatenate([end & (not is_own) for end, is_own in pairs])
        file["infos/qpos"] = np.zeros((len(observations), 3))
    return str(path)


def write_minari(
    folder: str | os.PathLike, episodes: Sequence[Mapping[str, Any]], terminated: Sequence[bool]
) -> str:
    """Writes a folder as Minari's, episodes out of their order; returns its name."""
    os.makedirs(os.path.join(folder, "data"))
    with h5py.File(os.path.join(folder, "data", "main_data.hdf5"), "w") as file:
        for number in reversed(range(len(episodes))):
            group = file.create_group(f"episode_{number}")
            group.attrs["total_steps"] = len(episodes[number]["actions"])
            for key, values in episodes[number].items():
                _write(group, key, values)
            is_last = np.arange(len(episodes[number]["actions"])) == group.attrs["total_steps"] - 1
            group["terminations"] = is_last & terminated[number]
            group["truncations"] = is_last & (not terminated[number])
            group["infos/success"] = np.zeros(len(is_last), bool)
    return str(folder)


def write_robomimic(
    path: str | os.PathLike,
    episodes: Sequence[Mapping[str, Any]],
    terminated: Sequence[bool],
    numbers: Sequence[int] | None = None,
    env_args: str | None = '{"env_name": "Lift", "type": 1, "env_kwargs": {}}',
    masks: Mapping[str, Sequence[str]] | None = None,
) -> str:
    """Writes a file as robomimic's, in float64 as recorders do; returns its name.

    Args:
      path: The file.
      episodes: As of `episode`; observations [length + 1, ...] are one array, or a dict of them.
      terminated: Whether each one is done at its end.
      numbers: Of the demonstrations, 0, 1, … if None.
      env_args: Attribute of that name; None for none.
      masks: Name → names of demonstrations.
    """
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["total"] = sum(len(e["actions"]) for e in episodes)
        if env_args is not None:
            data.attrs["env_args"] = env_args
        for number, own, is_done in zip(
            numbers or range(len(episodes)), episodes, terminated, strict=True
        ):
            group, length = data.create_group(f"demo_{number}"), len(own["actions"])
            group.attrs["num_samples"] = length
            group["actions"], group["rewards"] = np.float64(own["actions"]), own["rewards"]
            group["dones"] = np.int64((np.arange(length) == length - 1) & is_done)
            group["states"] = np.zeros((length, 5))
            parts = own["observations"]
            for key, values in (parts if isinstance(parts, Mapping) else {"arm": parts}).items():
                values = values if values.dtype == np.uint8 else np.float64(values)
                group[f"obs/{key}"], group[f"next_obs/{key}"] = values[:-1], values[1:]
        for name, names in (masks or {}).items():
            file[f"mask/{name}"] = np.array(names, "S")
    return str(path)


def _write(group: h5py.Group, key: str, values: Any) -> None:
    if not isinstance(values, Mapping):
        group[key] = values
        return
    for name, part in values.items():
        _write(group.require_group(key), name, part)
