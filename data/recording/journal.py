"""What has been recorded, episode by episode: kept beside a record file until it is complete.

While `a.tfrecord` is being recorded, its records are in `.a.tfrecord.unfinished` and one line per
episode is in `.a.tfrecord.unfinished.journal`. An interrupted recording leaves both, and the same
command goes on from them.
"""

import contextlib
import dataclasses
import errno
import fcntl
import io
import itertools
import json
import os
import pathlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import gin

from ibc.data.recording import options as recording_options
from ibc.data.records import shard_files
from ibc.runtime import folders
from ibc.utils import termination

if TYPE_CHECKING:  # It imports TensorFlow, which --help does not wait for.
    from ibc.data.records import shard_writer

GO_ON = "whole episodes of a recording are kept, and the same command goes on after them."
"""What an interrupted command says."""

LONGEST_WAIT_SECONDS = 10.0
"""How long a journal is waited for that another process has."""

_JOURNAL_SUFFIX = ".journal"
_LONGEST_SHOWN = 60
# What may differ between a recording and its continuation, or between workers.
_HARMLESS = {
    *("num_shards", "worker_id", "num_workers", "replicas", "dataset_path", "shared_memory"),
    # What these come to is compared as gin has it.
    *("gin_file", "gin_bindings", "image_size", "renderer"),
}


@dataclasses.dataclass(frozen=True)
class Episode:
    """What an episode has come to."""

    frames: int
    """Number of frames recorded, with the one that joins it to the next; 0 if it was left out."""
    steps: int
    """Number of steps."""
    reward: float
    """Sum of its rewards."""
    succeeded: bool
    """Whether it ended in success; False where nobody asks."""
    metrics: dict[str, float]
    """The environment's own figures, by name."""
    draws: dict | None = None
    """States of the policy's random numbers after it; None: as after the episode before."""


@dataclasses.dataclass(frozen=True)
class Result:
    """What was done for one record file."""

    metrics: dict[str, float]
    """Averages over the episodes, by metric name."""
    num_episodes: int
    """Number of episodes kept."""
    num_frames: int
    """Number of their frames, those between episodes included."""
    written: tuple[str, ...]
    """Files that were written, the record file first."""
    tried: int = 0
    """Number of episodes that were run."""
    succeeded: int = 0
    """Number of those that were successes."""


def result(episodes: Sequence[Episode], written: Sequence[str]) -> Result:
    """Sums up episodes."""
    import numpy as np  # not needed for --help

    kept = [episode for episode in episodes if episode.frames]
    metrics = {
        "AverageReturn": sum(episode.reward for episode in kept) / len(kept),
        "AverageEpisodeLength": sum(episode.steps for episode in kept) / len(kept),
    }
    for name in dict.fromkeys(name for episode in kept for name in episode.metrics):
        # What only some episodes tell, such as success, is 0 in the others.
        values = [episode.metrics.get(name, 0.0) for episode in kept]
        metrics[name] = float(np.mean(values, dtype=np.float32))
    return Result(
        metrics=metrics,
        num_episodes=len(kept),
        num_frames=sum(episode.frames for episode in kept),
        written=tuple(written),
        tried=len(episodes),
        succeeded=sum(episode.succeeded for episode in episodes),
    )


def settings(options: recording_options.Options) -> dict[str, Any]:
    """Returns what decides a recording, as JSON has it. gin must have been parsed."""
    asked = {k: v for k, v in dataclasses.asdict(options).items() if k not in _HARMLESS}
    lines = gin.config_str().splitlines()
    asked["gin bindings"] = "\n".join(line for line in lines if line and line[0] != "#")
    for flag in ("saved_model_path", "checkpoint_path"):
        if asked.get(flag):
            asked[f"weights of {flag}"] = _written(asked[flag])
    return json.loads(json.dumps(asked))


def _written(path: str) -> int | bool:
    """Returns when the weights of a policy were written, in nanoseconds; False if never."""
    for folder in (pathlib.Path(path), pathlib.Path(path, folders.IN_RUN)):
        index = folder / "variables" / "variables.index"
        if index.exists():
            return index.stat().st_mtime_ns
    return False


def differences(begun: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """Says in one line which settings differ: 'seed was 0, now 3'; '' if none does."""
    return "; ".join(
        f"{k} was {_shown(begun.get(k))}, now {_shown(asked.get(k))}"
        for k in {**asked, **begun}
        if asked.get(k) != begun.get(k)
    )


def _shown(value: object) -> str:
    text = " ".join(str(value).split()) or "none"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 3]}..."


def unfinished_name(name: str) -> str:
    """Returns the name of a record file until it is complete."""
    return f".{name}.unfinished"


class Journal:
    """The journal of one record file in the making, which one process at a time can have.

    Attributes:
      episodes: what was recorded, in the order of its making; empty after a new start.
      records: where the records are until they are complete.
    """

    def __init__(
        self, shard_path: str, asked: Mapping[str, Any], note: Callable[[str], None]
    ) -> None:
        """Opens the journal that an interrupted recording has left, or begins one.

        Args:
          shard_path: the record file to make.
          asked: `settings` of the recording; those of another one are given up.
          note: is told so in one line.

        Raises:
          ValueError: another process records this file.
        """
        self.records = _beside(shard_path)
        self.episodes: list[Episode] = []
        os.makedirs(os.path.dirname(self.records), exist_ok=True)
        self._file = self._open(shard_path)
        # Where the lines end that are whole.
        self._ends: list[int] = []
        begun = self._read()
        if begun is not None and not (differing := differences(begun, asked)):
            self.keep(len(self.episodes))
            return
        if self.episodes:
            note(
                f"{shard_path}: the interrupted recording of {len(self.episodes)} episodes was "
                f"begun with other settings ({differing}); it is given up, this is a new start."
            )
        self.episodes, self._ends = [], []
        self._file.truncate(0)
        self._write(asked)

    def keep(self, count: int) -> None:
        """Forgets all but the first episodes."""
        del self.episodes[count:], self._ends[count + 1 :]
        self._file.truncate(self._ends[-1])

    def append(self, episode: Episode) -> None:
        """Adds an episode whose records have been handed to the operating system."""
        self.episodes.append(episode)
        self._write(dataclasses.asdict(episode))

    def draws(self) -> dict:
        """Returns the latest states of the policy's random numbers; empty if there are none."""
        known = (episode.draws for episode in reversed(self.episodes))
        return next((draws for draws in known if draws is not None), {})

    def close(self) -> None:
        """Lets other processes have it."""
        self._file.close()

    def remove(self) -> None:
        """Removes it and the unfinished records."""
        _remove(self.records)
        self.close()

    def _open(self, shard_path: str) -> io.FileIO:
        """Opens the file and keeps others out; replicas of a command that was killed end soon."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while True:
            file = open(self.records + _JOURNAL_SUFFIX, "a+b", buffering=0)
            with contextlib.suppress(OSError):  # also that of a file system without locks
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    file.close()
            if not file.closed and os.fstat(file.fileno()).st_nlink:
                return file
            file.close()
            if time.monotonic() > deadline:
                raise ValueError(
                    f"{shard_path} is being recorded by another process; wait for its end, or "
                    "choose another --dataset_path."
                )
            termination.check()
            time.sleep(0.1)

    def _read(self) -> dict | None:
        """Reads settings and episodes, up to a line that a killed process has not completed."""
        self._file.seek(0)
        begun, end = None, 0
        with contextlib.suppress(ValueError, TypeError):
            for line in self._file.readall().splitlines(keepends=True):
                content = json.loads(line)
                if begun is None:
                    begun = dict(content)
                else:
                    self.episodes.append(Episode(**content))
                end += len(line)
                self._ends.append(end)
        return begun

    def _write(self, content: Mapping[str, Any]) -> None:
        line = json.dumps(content).encode() + b"\n"
        if self._file.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self._file.name)
        self._ends.append(self._file.tell())


def copy_episodes(journal: Journal, writer: "shard_writer.ShardWriter") -> int:
    """Copies the episodes of unfinished records; returns how many of the journal's are whole."""
    import tensorflow as tf  # not needed for --help

    records = iter(())
    if os.path.exists(journal.records):
        records = tf.data.TFRecordDataset(journal.records).as_numpy_iterator()
    for number, episode in enumerate(journal.episodes):
        found = []
        with contextlib.suppress(tf.errors.OpError):
            found = list(itertools.islice(records, episode.frames))
        if len(found) < episode.frames:
            return number
        if found:
            writer.append_episode(found)
    return len(journal.episodes)


def is_kept(shard_path: str) -> bool:
    """Whether a record file has a journal, since it or others of its recording are incomplete."""
    return os.path.exists(_beside(shard_path) + _JOURNAL_SUFFIX)


def forget(shard_path: str) -> None:
    """Removes the journal of a record file that is complete."""
    _remove(_beside(shard_path))


def _remove(records: str) -> None:
    for path in (*shard_files.files_of(records), records + _JOURNAL_SUFFIX):
        with contextlib.suppress(FileNotFoundError):
            os.remove(path)


def _beside(shard_path: str) -> str:
    folder, name = os.path.split(os.path.realpath(os.path.expanduser(shard_path)))
    return os.path.join(folder, unfinished_name(name))


def report(results: Sequence[Result], seconds: float) -> str:
    """Returns the figures of each replica, of all together, and what was written where.

    Args:
      results: One or more; of the same number of episodes each.
      seconds: Time it all took.
    """
    lines = []
    if len(results) > 1:
        for replica, found in enumerate(results):
            lines.append(f"Replica {replica}, {found.num_episodes} episodes:")
            lines.extend(f"  {line}" for line in _metric_lines([found]))
        lines.append("All replicas:")
    lines.extend(_metric_lines(results))
    episodes = sum(found.num_episodes for found in results)
    frames = sum(found.num_frames for found in results)
    lines.extend(f"Wrote {name}" for found in results for name in found.written)
    rate = f"{seconds:.1f} s, {episodes / seconds:.1f} episodes/s"
    lines.append(f"Ran {episodes} episodes ({frames} frames) in {rate}.")
    return "\n".join(lines)


def _metric_lines(results: Sequence[Result]) -> list[str]:
    means = {
        name: sum(found.metrics[name] for found in results) / len(results)
        for name in results[0].metrics
    }
    return [f"{name} = {round(mean, 6)}" for name, mean in means.items()]
