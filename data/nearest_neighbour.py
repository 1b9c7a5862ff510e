r"""The nearest neighbour: does what a demonstration did in the most similar situation.

No training, no network. What a learned policy does not do better than this, it has not learned:

    python data/policy_eval.py --task=PUSH --policy=ibc.data.nearest_neighbour:NearestNeighbour \
        --gin_bindings="NearestNeighbour.dataset_path = 'datasets/push/oracle_push*.tfrecord'"
"""

from typing import Any

import gin
import gymnasium
import numpy as np
import tensorflow as tf
from scipy import spatial
from tf_agents.trajectories import time_step as ts

from ibc.data.records import shards, specs


@gin.configurable
class NearestNeighbour:
    """Acts as the demonstrations' frame did whose observation is nearest (arXiv 2109.00137, 5).

    Distances are Euclidean, each number of the observation in units of its standard deviation over
    the demonstrations. Numbers that never change have no say.
    """

    def __init__(
        self,
        env: gymnasium.Env,
        seed: int | None = None,
        dataset_path: str | None = None,
        max_data_shards: int = -1,
    ):
        """Reads the demonstrations.

        Args:
          env: What it acts in.
          seed: Of no use; part of how policies are made.
          dataset_path: Record files, as of `train_eval.dataset_path`.
          max_data_shards: How many of them, the first ones; −1 for all.

        Raises:
          ValueError: There is no `dataset_path`, or demonstrations do not fit the environment.
          FileNotFoundError: It names no record files.
        """
        del seed
        if dataset_path is None:
            raise ValueError(
                "The nearest neighbour is looked for among demonstrations: give --gin_bindings="
                "\"NearestNeighbour.dataset_path = 'datasets/push/oracle_push*.tfrecord'\"."
            )
        read = shards.read_shards(shards.find_shards(dataset_path, max_data_shards))
        observations = np.concatenate([_flat_frames(shard) for shard in read])
        actions = np.concatenate([shard.frames.action for shard in read])
        # An episode's last frame has an action that nobody took.
        step_types = np.concatenate([shard.frames.step_type for shard in read])
        taken = step_types != ts.StepType.LAST
        width = _flat(env.observation_space.sample()).size
        if observations.shape[1] != width or actions.shape[1:] != env.action_space.shape:
            raise ValueError(
                f"{dataset_path} has observations of {observations.shape[1]} numbers and actions "
                f"of the shape {list(actions.shape[1:])}, but the task has {width} and "
                f"{list(env.action_space.shape)}: give demonstrations of this task."
            )
        deviation = observations[taken].std(axis=0)
        self._per_unit = np.where(deviation > 0, 1 / np.where(deviation > 0, deviation, 1), 0)
        self._tree = spatial.KDTree(observations[taken] * self._per_unit)
        self._actions = actions[taken]

    def __call__(self, observation: Any) -> np.ndarray:
        """Returns the nearest frame's action, float32 [...], after an observation of numbers."""
        _, nearest = self._tree.query(_flat(observation) * self._per_unit)
        return self._actions[nearest]


def _flat(observation: Any) -> np.ndarray:
    """Returns an observation's numbers in the order of its keys: float64 [D]."""
    return np.concatenate(
        [np.ravel(part).astype(np.float64) for part in tf.nest.flatten(observation)]
    )


def _flat_frames(shard: Any) -> np.ndarray:
    """Returns a record file's observations, float64 [n, D]."""
    described = specs.leaves(shard.spec.observation, "observation")
    images = [name for name, leaf in described.items() if specs.is_image(leaf)]
    if images:
        raise ValueError(
            f"{shard.path}: {images[0]} is an image; the nearest neighbour is looked for among "
            "numbers: record demonstrations without images."
        )
    parts = tf.nest.flatten(shard.frames.observation)
    return np.concatenate(
        [part.reshape(len(part), -1).astype(np.float64) for part in parts], axis=1
    )
