"""Reads record files to write them anew: fewer episodes, or trajectories from transitions."""

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.data import episodes
from ibc.data.formats import convert, d4rl
from ibc.data.records import manifest, shard_reader, shards, specs
from ibc.environments.d4rl import task as d4rl_tasks

_SUFFIXES = (".tfrecord", ".tfrecords")


@convert.register
class RecordFiles:
    """The episodes of one or more record files, one file in memory; an `EpisodeSource`.

    Attributes:
      fps: Steps per second, where all manifests say the same.
      tasks: What was to be done in each episode, where the manifests say so.
      action_parts: Which numbers of an action are what, where all manifests say the same.
    """

    description = "record files (*.tfrecord)"

    @classmethod
    def recognizes(cls, path: str) -> bool:
        """Whether the name is one of record files, or a glob of them."""
        return path.endswith(_SUFFIXES)

    def __init__(self, path: str, task: str | None):
        """Reads all record files once, for their lengths and returns.

        Args:
          path: A file name or glob, or several separated by commas.
          task: See `convert.EpisodeSource`.

        Raises:
          FileNotFoundError, ValueError: Files are missing, damaged, or of another kind.
        """
        self.path = path
        self._task = task
        self._family = None if task is None else d4rl_tasks.get_family(task)
        self._first = self._shard = None
        self._episodes = []
        returns = []
        files = shards.find_shards(path)
        for file in files:
            self._read(file)
            self._check()
            steps = self._shard.episodes()
            rewards = [self._shard.frames.reward[part] for part in steps]
            returns.append(d4rl.episode_returns(rewards, self._family))
            self._episodes.extend((file, part) for part in steps)
        about = [found.about or {} for found in map(manifest.load, files) if found is not None]
        rates = {found.get("fps") for found in about}
        self.fps = rates.pop() if len(about) == len(files) and len(rates) == 1 else None
        parts = [found.get(episodes.ACTION_PARTS) for found in about]
        are_alike = len(parts) == len(files) and all(each == parts[0] for each in parts)
        self.action_parts = parts[0] if are_alike else None
        tasks = [task for found in about for task in found.get("tasks", ())]
        self.tasks = tasks if len(tasks) == len(self._episodes) else None
        self.lengths = np.array([part.stop - part.start for _, part in self._episodes])
        self.returns = np.concatenate(returns)

    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        return self._first[1]

    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n, ...]."""
        path, steps = self._episodes[number]
        if self._shard.path != path:
            self._read(path)
        return tf.nest.map_structure(
            lambda values, leaf: (
                _decoded(values[steps], leaf)
                if specs.is_image(leaf)
                # Views would keep the whole file in memory for as long as the episode.
                else values[steps].copy()
            ),
            self._shard.frames,
            self._shard.spec,
        )

    @property
    def images_are_compressed(self) -> bool:
        """Whether there are images, which record files hold encoded."""
        return any(map(specs.is_image, specs.leaves(self.spec()).values()))

    def _read(self, path: str) -> None:
        """Reads a file in place of the one before, which is let go first."""
        self._shard = None
        self._shard = shard_reader.read_shard(path)

    def _check(self) -> None:
        """Checks the file just read, its spec against the task or the first file."""
        path, spec = self._shard.path, self._shard.spec
        if not self._shard.frames.step_type[0] == ts.StepType.FIRST:
            raise ValueError(
                f"{path} does not begin with the first step of an episode: copy it again from "
                "where it came from."
            )
        if self._first is not None:
            shards.check_alike(path, spec, *self._first)
            return
        self._first = path, spec
        if self._family is not None:
            observation = tf.TensorSpec([self._family.observation_size], tf.float32)
            action = tf.TensorSpec([self._family.action_size], tf.float32)
            specs.check_matches(spec, observation, action, self._task, path)


def _decoded(encoded: np.ndarray, spec: tf.TensorSpec) -> np.ndarray:
    """Returns images uint8 [n, height, width, channels] of image files [n]."""
    channels = spec.shape[-1]
    return np.stack([tf.io.decode_jpeg(data, channels=channels).numpy() for data in encoded])
