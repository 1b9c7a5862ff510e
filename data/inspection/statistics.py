"""Smallest, largest and average values of steps, and their spread: what normalizers are made of."""

import operator
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.records import shard_reader, specs


class Statistics:
    """Statistics of arrays by name, of which parts come one after another.

    Each number of an array has its own; of images, all levels are taken together.
    """

    def __init__(self):
        """Begins without values."""
        # By name and size: files that are told of together need not be alike.
        self._arrays: dict[tuple[str, int], _Moments] = {}

    def add_shard(self, shard: shard_reader.Shard) -> None:
        """Takes the steps of all episodes of a record file, without images."""
        for frames in shard.episodes():
            episode = tf.nest.map_structure(operator.itemgetter(frames), shard.frames)
            self.add_steps(shard.spec, episode)

    def add_steps(self, spec: trajectory.Trajectory, frames: trajectory.Trajectory) -> int:
        """Takes observations and actions of the steps in an episode's frames.

        Args:
          spec: Of one frame.
          frames: Arrays [n, ...]; images that are still encoded (objects) are left out.

        Returns:
          The number of steps.
        """
        count = episodes.num_steps(frames)
        for part in ("observation", "action"):
            leaves = specs.leaves(getattr(spec, part), part)
            arrays = tf.nest.flatten(getattr(frames, part))
            for (name, leaf), values in zip(leaves.items(), arrays, strict=True):
                if values.dtype != object:
                    self._add(name, values[:count], specs.is_image(leaf))
        return count

    def lines(self, described: Mapping[str, str]) -> Iterator[str]:
        """Yields lines that tell the statistics of each array.

        Args:
          described: Name → what stands behind it, such as a type.
        """
        for (name, _), moments in self._arrays.items():
            yield f"{name}: {described[name]}" if name in described else name
            for title, values in moments.figures().items():
                yield f"  {title:4}  {' '.join(f'{value:.5g}' for value in values)}"

    def _add(self, name: str, values: np.ndarray, is_image: bool) -> None:
        rows = np.asarray(values, np.float64).reshape((-1, 1) if is_image else (len(values), -1))
        key = name, rows.shape[1]
        if key in self._arrays:
            self._arrays[key].add(rows)
        else:
            self._arrays[key] = _Moments(rows)


class _Moments:
    """Count, extremes, mean and sum of squares around it of rows [n, size] so far."""

    def __init__(self, rows: np.ndarray):
        self._count = len(rows)
        self._minimum, self._maximum = rows.min(axis=0), rows.max(axis=0)
        self._mean = rows.mean(axis=0)
        self._squares = np.square(rows - self._mean).sum(axis=0)

    def add(self, rows: np.ndarray) -> None:
        """Takes more rows (Chan et al., Updating formulae for computing variances, 1979)."""
        more = _Moments(rows)
        total = self._count + more._count
        offset = more._mean - self._mean
        self._squares += more._squares + offset**2 * self._count * more._count / total
        self._mean += offset * more._count / total
        self._minimum = np.minimum(self._minimum, more._minimum)
        self._maximum = np.maximum(self._maximum, more._maximum)
        self._count = total

    def figures(self) -> dict[str, np.ndarray]:
        """Returns title → numbers [size]; the standard deviation is that of a population."""
        std = np.sqrt(self._squares / self._count)
        return {"min": self._minimum, "max": self._maximum, "mean": self._mean, "std": std}
