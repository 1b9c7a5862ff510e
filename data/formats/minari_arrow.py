"""Reads Minari data sets in Arrow and parquet format, without the package minari."""

import glob
import json
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ibc.data.formats import columns, convert, hdf5, minari, parquet_file, step_arrays

_META = "metadata.json"
_FORMATS = {"arrow": "arrow", "parquet": "parquet"}
_EPISODE = re.compile(r"(?:episode_id=)?(\d+)")
_OBSERVATIONS, _ACTIONS, _REWARDS = "observations", "actions", "rewards"
_TERMINATIONS = "terminations"
_COLUMNS = (_OBSERVATIONS, _ACTIONS, _REWARDS, _TERMINATIONS)


@convert.register
class MinariArrowFolder(step_arrays.StepArrays):
    """The episodes of a Minari data set in Arrow format; an `EpisodeSource`.

    An episode has a folder with a file whose last row is what was seen at its end. Parts of
    observations are called like their parts, joined by `_`.
    """

    description = "the folder of a Minari data set in Arrow format (data/metadata.json)"
    bare_key = "observation"

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is a folder with such a description, or the id of one in the local store."""
        return _meta(_folder(path)).get("data_format") in _FORMATS

    def _open(self, rename: Mapping[str, str]) -> step_arrays.Table:
        self.path = _folder(self.path)
        return _Episodes(self.path, _meta(self.path))


class _Episodes:
    """The files of a data set; a `Table`."""

    def __init__(self, folder: str, meta: Mapping[str, Any]):
        self._folder, self._format = folder, meta["data_format"]
        found = {}
        for name in os.listdir(folder):
            if match := _EPISODE.fullmatch(name):
                found[int(match[1])] = os.path.join(folder, name)
        total = meta.get("total_episodes", len(found))
        if sorted(found) != list(range(len(found))) or not found or total != len(found):
            raise ValueError(
                f"{folder} has folders of {len(found)} episodes, expected {total} from 0 on as "
                f"{_META} says: copy it again from where it came from."
            )
        self._files = [self._file(found[number]) for number in range(len(found))]
        self._held: tuple[int, dict[str, np.ndarray]] | None = None
        self._shapes = _shapes(meta.get("observation_space"))
        self.counts = [self._count(number) for number in range(len(found))]
        first = self._arrays(0)
        self.columns = {n: columns.Column(v.shape[1:], v.dtype) for n, v in first.items()}

    def where(self, number: int) -> str:
        """See `Table`."""
        return f"{self._files[number]}: episode {number}"

    def read(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """See `Table`."""
        arrays = self._arrays(number)
        missing = [name for name in names if name not in arrays]
        if missing:
            raise ValueError(f"{self._files[number]} has no {missing[0]}; it has {list(arrays)}.")
        count = self.counts[number]
        is_seen = {name: name.startswith(f"{_OBSERVATIONS}") for name in names}
        return {name: arrays[name] if is_seen[name] else arrays[name][:count] for name in names}

    def _file(self, folder: str) -> str:
        files = sorted(glob.glob(os.path.join(glob.escape(folder), f"*.{self._format}")))
        if len(files) != 1:
            raise ValueError(f"{folder} has {len(files)} {self._format} files, expected one.")
        return files[0]

    def _count(self, number: int) -> int:
        """Returns the number of actions, which is one less than there are rows."""
        table = self._table(number)
        missing = [name for name in _COLUMNS if name not in table.column_names]
        if missing:
            raise ValueError(
                f"{self._files[number]} has no {missing[0]}; it holds "
                f"{', '.join(table.column_names)}."
            )
        file = os.path.join(os.path.dirname(self._files[number]), _META)
        said = _read_json(file).get("total_steps", table.num_rows - 1)
        if said != table.num_rows - 1:
            raise ValueError(
                f"{self._files[number]} has {table.num_rows} rows, expected {said + 1} as {file} "
                "says: copy it again from where it came from."
            )
        return table.num_rows - 1

    def _table(self, number: int) -> Any:
        path = self._files[number]
        arrow = parquet_file.import_arrow(path)
        with hdf5.reading(path):
            if self._format == "parquet":
                return arrow.parquet.read_table(path, partitioning=None)
            with arrow.memory_map(path) as file:
                return arrow.ipc.open_file(file).read_all()

    def _arrays(self, number: int) -> dict[str, np.ndarray]:
        """Returns the arrays of an episode by name, `observations.…` if they have parts."""
        if self._held is None or self._held[0] != number:
            table, path = self._table(number), self._files[number]
            found: dict[str, np.ndarray] = {}
            with hdf5.reading(path):
                for name in _COLUMNS:
                    self._add(path, name, table.column(name).combine_chunks(), found)
            self._held = number, found
        return self._held[1]

    def _add(self, path: str, name: str, values: Any, found: dict[str, np.ndarray]) -> None:
        if hasattr(values, "field"):
            for index, field in enumerate(values.type):
                self._add(path, f"{name}.{field.name}", values.field(index), found)
            return
        array = parquet_file.to_numpy(f"{path}: {name}", values)
        shape = self._shapes.get(name)
        is_flat = shape is not None and array.ndim == 2  # Pictures may be JPEG instead.
        found[name] = array.reshape(len(array), *shape) if is_flat else array


def _shapes(space: Any, name: str = _OBSERVATIONS) -> dict[str, tuple[int, ...]]:
    """Returns array → shape of boxes of more than one dimension, whose rows are stored flat."""
    if isinstance(space, str):
        try:
            space = json.loads(space)
        except ValueError:
            return {}
    if not isinstance(space, Mapping):
        return {}
    if space.get("type") == "Dict" and isinstance(space.get("subspaces"), Mapping):
        parts = [_shapes(part, f"{name}.{key}") for key, part in space["subspaces"].items()]
        return {key: shape for part in parts for key, shape in part.items()}
    shape = space.get("shape")
    if space.get("type") != "Box" or not isinstance(shape, list) or len(shape) < 2:
        return {}
    return {name: tuple(shape)}


def _folder(path: str) -> str:
    """Returns the folder of a data set's episodes; anything else stays as it is."""
    path = minari.in_store(path)
    inside = os.path.join(path, "data")
    return inside if os.path.isfile(os.path.join(inside, _META)) else path


def _meta(folder: str) -> dict[str, Any]:
    file = os.path.join(folder, _META)
    return _read_json(file) if os.path.isfile(file) else {}


def _read_json(file: str) -> dict[str, Any]:
    try:
        with open(file, encoding="utf-8") as text:
            found = json.load(text)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"{file} is missing, no JSON or damaged ({error}): copy the data set again."
        ) from error
    return found if isinstance(found, dict) else {}
