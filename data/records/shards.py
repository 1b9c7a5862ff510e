"""Finds the record files of a dataset and reads them together."""

import glob
import os
from collections.abc import Sequence
from concurrent import futures
from typing import Any

from ibc.data.records import shard_files, shard_reader, specs

_LISTED_NAMES = 5
_THREADS = 4


def find_shards(
    dataset_path: str, max_data_shards: int = -1, make_command: str | None = None
) -> list[str]:
    """Lists the record files that a dataset path names.

    Args:
      dataset_path: a file name or glob, or several separated by commas.
      max_data_shards: how many files to use, the first ones; -1 for all.
      make_command: command that records such a dataset, named when there is none.

    Returns:
      File names, sorted within each glob, each once. Specs, manifests and hidden files (a
      writer's temporaries) are left out.

    Raises:
      FileNotFoundError: a glob matches no record file.
      ValueError: `max_data_shards` is neither -1 nor positive.
    """
    if max_data_shards != -1 and max_data_shards < 1:
        raise ValueError(f"max_data_shards is {max_data_shards}, expected -1 (all) or at least 1.")
    found = []
    for pattern in dataset_path.split(","):
        pattern = os.path.expanduser(pattern.strip())
        matches = [
            path
            for path in sorted(glob.glob(pattern))
            if os.path.isfile(path) and shard_files.is_record_name(os.path.basename(path))
        ]
        if not matches:
            raise FileNotFoundError(_nothing_found(pattern, make_command))
        found.extend(matches)
    found = list(dict.fromkeys(found))
    return found if max_data_shards == -1 else found[:max_data_shards]


def split_shards(
    paths: Sequence[str], dataset_eval_fraction: float = 0.0
) -> tuple[list[str], list[str]]:
    """Divides record files into those to train on and those for validation.

    Args:
      paths: record files.
      dataset_eval_fraction: fraction of the files for validation, in [0, 1); their number is
        rounded down, and they are taken from the end.

    Returns:
      Files to train on (at least one), and files for validation (maybe none).

    Raises:
      ValueError: the fraction is outside [0, 1).
    """
    if not 0 <= dataset_eval_fraction < 1:
        raise ValueError(f"dataset_eval_fraction is {dataset_eval_fraction}, expected [0, 1).")
    num_training = len(paths) - int(len(paths) * dataset_eval_fraction)
    return list(paths[:num_training]), list(paths[num_training:])


def read_shards(paths: Sequence[str]) -> list[shard_reader.Shard]:
    """Reads record files, several at a time.

    Args:
      paths: at least one record file.

    Returns:
      The shards, in the order of `paths`.

    Raises:
      FileNotFoundError, ValueError: a shard is missing, damaged, or unlike the first one.
    """
    with futures.ThreadPoolExecutor(_THREADS) as pool:
        shards = list(pool.map(shard_reader.read_shard, paths))
    for shard in shards[1:]:
        check_alike(shard.path, shard.spec, shards[0].path, shards[0].spec)
    return shards


def load_specs(paths: Sequence[str]) -> Any:
    """Returns the spec of one frame of record files, without reading them.

    Raises:
      FileNotFoundError, ValueError: a file or its spec is missing, damaged, or unlike the first.
    """
    spec = shard_reader.load_spec(paths[0])
    for path in paths[1:]:
        check_alike(path, shard_reader.load_spec(path), paths[0], spec)
    return spec


def check_alike(path: str, spec: Any, first_path: str, first_spec: Any) -> None:
    """Checks that the frames of a record file are like those of the first one.

    Raises:
      ValueError: their specs differ.
    """
    phrases = specs.differences(spec, first_spec)
    if phrases:
        raise ValueError(
            f"{path} is unlike {first_path}: {'; '.join(phrases)}: train on shards that were "
            "recorded with the same task and settings."
        )


def _nothing_found(pattern: str, make_command: str | None) -> str:
    """The message for a glob without matches: what is there instead, and how to make data."""
    folder = os.path.dirname(pattern) or "."
    if os.path.isdir(pattern):
        state = (
            "it is a folder of no format that ibc-data convert knows, and record files are named "
            f"by a glob, like {pattern.rstrip('/')}/*.tfrecord"
        )
    elif not os.path.isdir(folder):
        state = f"there is no folder {folder}"
    else:
        names = sorted(name for name in os.listdir(folder) if not name.startswith("."))
        listed = ", ".join(names[:_LISTED_NAMES]) + (", ..." if names[_LISTED_NAMES:] else "")
        state = f"{folder} holds {listed or 'nothing'}"
    command = make_command or (
        "python data/policy_eval.py --task=<task> --policy=<policy> --num_episodes=<n> "
        f"--dataset_path={os.path.join(folder, '<name>.tfrecord')}"
    )
    return f"no record file matches dataset_path {pattern!r}: {state}. To record one: {command}"
