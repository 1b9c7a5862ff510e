"""Reads record files to write them anew: fewer episodes, or trajectories from transitions."""

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory

from ibc.data import shards, specs
from ibc.environments.d4rl import d4rl_tasks


class ShardFiles:
    """The episodes of one or more record files; an `EpisodeSource`."""

    def __init__(self, pattern: str, task: str | None = None):
        """Reads record files.

        Args:
          pattern: A file name or glob, or several separated by commas.
          task: Name of a D4RL task: sizes are checked, and it decides how a return is computed.

        Raises:
          FileNotFoundError, ValueError: Files are missing, damaged, or of another kind.
        """
        self.path = pattern
        read = shards.read_shards(shards.find_shards(pattern))
        if any(map(specs.is_image, specs.leaves(read[0].spec).values())):
            raise ValueError(
                f"{pattern} has images, which would lose quality when compressed again: convert "
                "shards without images."
            )
        family = None if task is None else d4rl_tasks.get_family(task)
        if family is not None:
            observation = tf.TensorSpec([family.observation_size], tf.float32)
            action = tf.TensorSpec([family.action_size], tf.float32)
            specs.check_matches(read[0].spec, observation, action, task, pattern)
        self._spec = read[0].spec
        self._frames = tf.nest.map_structure(
            lambda *arrays: np.concatenate(arrays), *[shard.frames for shard in read]
        )
        starts = np.flatnonzero(self._frames.step_type == ts.StepType.FIRST)
        if not len(starts) or starts[0] != 0:
            raise ValueError(
                f"{pattern} does not begin with the first step of an episode: copy it again from "
                "where it came from."
            )
        self._starts, self._ends = starts, np.append(starts[1:], len(self._frames.step_type))
        self.lengths = self._ends - self._starts
        accumulate = family is not None and family.rewards_accumulate
        summed = np.maximum.reduceat if accumulate else np.add.reduceat
        self.returns = summed(np.float64(self._frames.reward), starts)

    def spec(self) -> trajectory.Trajectory:
        """Returns the spec of one frame."""
        return self._spec

    def frames(self, number: int) -> trajectory.Trajectory:
        """Returns the frames of an episode, arrays [n, ...]."""
        steps = slice(self._starts[number], self._ends[number])
        return tf.nest.map_structure(lambda values: values[steps], self._frames)
