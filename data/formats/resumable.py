"""Record files that are made episode by episode, over several tries, and read back at the end."""

import itertools
import os
import zlib
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.data import episodes as episodes_lib
from ibc.data.recording import journal as journals
from ibc.data.records import shard_reader, shard_writer, specs
from ibc.utils import termination

_SUM = "crc32"


class Shard:
    """A record file in the making; used as a context manager.

    An interruption (Ctrl-C, SIGTERM, SIGKILL) leaves the whole episodes and their journal; any
    other error leaves nothing, as the same conversion would end in it again.

    Attributes:
      path: The record file.
      episodes: Whole episodes so far, also those of an interrupted conversion.
      num_frames: Their frames.
    """

    def __init__(
        self,
        path: str,
        spec: trajectory.Trajectory,
        asked: Mapping[str, Any],
        about: Mapping[str, Any],
    ):
        """Remembers what is to be made.

        Args:
          path: The record file.
          spec: Of one frame.
          asked: What decides its contents, as JSON has it: only a conversion of which the same
            was asked goes on from what is there.
          about: See `manifest.Manifest`.
        """
        self.path = os.path.abspath(os.path.expanduser(path))
        self._spec, self._asked, self._about = spec, dict(asked), dict(about)

    @property
    def episodes(self) -> int:
        """Number of whole episodes so far."""
        return len(self._journal.episodes)

    @property
    def num_frames(self) -> int:
        """Number of frames so far."""
        return self._writer.num_frames

    def __enter__(self) -> "Shard":
        self._writer = shard_writer.ShardWriter(self.path, self._spec)
        self._writer.about = self._about
        try:
            self._journal = journals.Journal(self.path, self._asked, logging.info)
            whole = journals.copy_episodes(self._journal, self._writer)
            self._journal.keep(whole)
            self._writer.keep_as(os.path.basename(self._journal.records))
        except BaseException as error:
            self._writer.__exit__(type(error), error, error.__traceback__)
            raise
        if whole:
            logging.info("%s: going on after episode %d.", self.path, whole)
        return self

    def append(self, frames: trajectory.Trajectory) -> None:
        """Writes an episode, arrays [n, ...], and hands it to the operating system."""
        termination.check()
        for frame in episodes_lib.unstacked(frames):
            self._writer(frame)
        self._writer.flush()
        sums = _Sums(self._spec)
        sums.add(frames, slice(None))
        count = len(frames.step_type)
        reward = float(np.sum(frames.reward, dtype=np.float64))
        self._journal.append(
            journals.Episode(count, count - 1, reward, False, {_SUM: sums.result()})
        )

    def __exit__(
        self,
        error_type: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            try:
                if error_type is None:
                    self._writer.flush()
                    self._compare()
            except BaseException as found:
                self._writer.__exit__(type(found), found, found.__traceback__)
                raise
            self._writer.__exit__(error_type, error, traceback)
        except BaseException as found:
            error_type = type(found)
            raise
        finally:
            # Exceptions are what this input or this disk would bring again; the others, signals.
            if error_type is None or issubclass(error_type, Exception) or not self.episodes:
                self._journal.remove()
                journals.forget(self.path)
            self._journal.close()

    def _compare(self) -> None:
        """Reads the records back, decodes all images, and compares all numbers by checksums.

        Raises:
          ValueError: Something else is read than was written.
        """
        expected = [(e.frames, e.metrics[_SUM]) for e in self._journal.episodes]
        found = []
        for count, total in _sums_of_file(self._journal.records):
            found.append((count, total))
            if found[-1] != expected[len(found) - 1]:
                break
        if found != expected:
            raise ValueError(
                f"{self.path}: what is read back of episode {max(0, len(found) - 1)} is not what "
                "was written: check the disk, and convert again."
            )


class _Sums:
    """The checksum of an episode's numbers, whose frames come in parts; images do not count."""

    def __init__(self, spec: trajectory.Trajectory):
        leaves = specs.leaves(spec).values()
        self._types = [None if specs.is_image(leaf) else _numpy_type(leaf) for leaf in leaves]
        self._sums = [0] * len(self._types)
        self.frames = 0

    def add(self, frames: trajectory.Trajectory, rows: slice) -> None:
        """Takes some of an episode's frames."""
        for number, values in enumerate(tf.nest.flatten(frames)):
            if self._types[number] is not None:
                part = np.ascontiguousarray(values[rows], self._types[number])
                self._sums[number] = zlib.crc32(part, self._sums[number])
        self.frames += len(frames.step_type[rows])

    def result(self) -> float:
        """Returns the checksum, which a float holds exactly."""
        return float(zlib.crc32(np.array(self._sums, np.uint32).tobytes()))


def _sums_of_file(path: str) -> Iterator[tuple[int, float]]:
    """Yields the frames and the checksum of each episode of a record file; decodes all images."""
    sums = None
    for part in shard_reader.read_parts(path):
        shard_reader.check_every_image(part)
        starts = np.flatnonzero(part.frames.step_type == ts.StepType.FIRST)
        bounds = np.unique([0, *starts, len(part)])
        for first, last in itertools.pairwise(bounds):
            if first in starts:
                if sums is not None:
                    yield sums.frames, sums.result()
                sums = _Sums(part.spec)
            sums.add(part.frames, slice(first, last))
    if sums is not None:
        yield sums.frames, sums.result()


def _numpy_type(leaf: Any) -> np.dtype:
    return np.dtype(getattr(leaf.dtype, "as_numpy_dtype", leaf.dtype))
