"""Which shards of a collection are still to be made, and whether they would fit the others."""

import dataclasses
import glob
import json
import os
import re
import shutil

import gin

from ibc.data.recording import collect_options
from ibc.data.records import manifest
from ibc.utils import atomic_file

# What may differ between workers, or between a collection and its continuation.
_HARMLESS = (
    "num_shards",
    "worker_id",
    "num_workers",
    "dataset_path",
    "shared_memory",
    "gin_file",
    "gin_bindings",
)


def claim(options: collect_options.Options) -> None:
    """Records what a collection is made with, or checks that its continuation asks for the same.

    Settings of a collection without any shard, finished or in the making, are replaced.
    Gin files and bindings must have been parsed.

    Raises:
      ValueError: The collection was begun with other settings; the message names them.
    """
    asked = {k: v for k, v in dataclasses.asdict(options).items() if k not in _HARMLESS}
    asked["gin bindings"] = _gin_bindings()
    path = os.path.join(options.collection_folder(), "settings.json")
    if not os.path.exists(path) or not _has_begun(options):
        atomic_file.write_text(path, json.dumps(asked, indent=2))
    try:
        with open(path, encoding="utf-8") as file:
            begun = dict(json.load(file))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); choose another --dataset_path.") from error
    differing = [k for k in {**asked, **begun} if asked.get(k) != begun.get(k)]
    if differing:
        shown = "; ".join(
            f"{k} was {_shown(begun.get(k))}, now {_shown(asked.get(k))}" for k in differing
        )
        raise ValueError(
            f"{options.collection_folder()} was begun with other settings ({shown}): continue it "
            "with the same ones, or choose another --dataset_path."
        )


def is_complete(options: collect_options.Options, shard: int) -> bool:
    """Whether a shard has been recorded already, whole.

    Raises:
      ValueError: Its record file is damaged, or is not of this collection.
    """
    path = options.shard_path(shard)
    if not os.path.exists(path):
        return False
    contents = manifest.load(path)
    if contents is None or contents.episodes != options.num_episodes:
        found = "no manifest" if contents is None else f"{contents.episodes} episodes"
        raise ValueError(
            f"{path} exists with {found}, but a shard of this collection has "
            f"{options.num_episodes} episodes: delete it, or choose another --dataset_path."
        )
    manifest.check_files(path, contents)
    return True


def remove_leftovers(options: collect_options.Options, shard: int) -> None:
    """Removes what a worker that was killed has left of a shard under temporary names."""
    for path in (options.shard_path(shard), options.shard_folder(shard)):
        folder, name = os.path.split(os.path.realpath(path))
        for leftover in glob.glob(os.path.join(glob.escape(folder), f".{glob.escape(name)}.*-*")):
            if os.path.isdir(leftover):
                shutil.rmtree(leftover)
            else:
                os.remove(leftover)


def _has_begun(options: collect_options.Options) -> bool:
    folder, name = os.path.split(options.shard_path(0))
    stem, _, extension = name.rpartition("_0")
    shard = re.compile(rf"\.?{re.escape(stem)}_\d+{re.escape(extension)}(\.tmp-\d+)?")
    return any(shard.fullmatch(entry) for entry in os.listdir(folder))


def _gin_bindings() -> str:
    lines = gin.config_str().splitlines()
    return "\n".join(line for line in lines if line and not line.startswith("#"))


def _shown(value: object) -> str:
    text = " ".join(str(value).split()) or "none"
    return text if len(text) <= 60 else f"{text[:57]}..."
