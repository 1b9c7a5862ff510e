"""Episodes in one parquet file: a row for each step."""

from collections.abc import Mapping, Sequence

import numpy as np

from ibc.data.formats import columns, convert, parquet_file, step_arrays


@convert.register
class ParquetSteps(step_arrays.StepArrays):
    """The episodes of a parquet file, one after another; an `EpisodeSource`.

    A column `episode_index` tells them apart, or flags such as `done` at their ends.
    """

    description = "a parquet file (action, observations, episode_index)"
    is_general = True

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether it is a parquet file."""
        return parquet_file.is_parquet(path)

    def _open(self, rename: Mapping[str, str]) -> step_arrays.Table:
        return _Rows(self.path, rename)


class _Rows:
    """The columns of a file with the steps of all episodes; a `Table`."""

    def __init__(self, path: str, rename: Mapping[str, str]):
        self._path, self._file = path, parquet_file.ParquetFile(path)
        self.columns = self._file.columns
        if not self._file.num_rows:
            raise ValueError(f"{path} has no rows, expected one for each step.")
        self._starts = self._first_rows({rename.get(name, name): name for name in self.columns})
        self.counts = np.diff([*self._starts, self._file.num_rows]).tolist()

    def where(self, number: int) -> str:
        """See `Table`."""
        return f"{self._path}: episode {number}"

    def read(self, number: int, names: Sequence[str]) -> dict[str, np.ndarray]:
        """See `Table`."""
        start = int(self._starts[number])
        stop = start + self.counts[number]
        return {name: self._file.read(name, start, stop) for name in names}

    def _first_rows(self, names: Mapping[str, str]) -> np.ndarray:
        """Returns the first row of each episode [num_episodes]."""
        count = self._file.num_rows
        for name in columns.EPISODES:
            if name in names:
                numbers = self._file.read(names[name], 0, count)
                begins = np.append(True, numbers[1:] != numbers[:-1])
                found, times = np.unique(numbers[begins], return_counts=True)
                if times.max() > 1:
                    raise ValueError(
                        f"{self._path}: the rows of {names[name]} {found[np.argmax(times)]} are "
                        "not together: sort the rows."
                    )
                return np.flatnonzero(begins)
        for name in columns.ENDS:
            if name in names:
                flags = self._file.read(names[name], 0, count).astype(bool)
                return np.flatnonzero(np.append(True, flags[:-1]))
        raise ValueError(
            f"{self._path} has no {columns.EPISODES[0]} and no {columns.ENDS[0]}, which tell "
            f"episodes apart; it holds {', '.join(self.columns)}: say which column does, with "
            f"--rename=<name>={columns.EPISODES[0]}."
        )
