"""Pushing two blocks into two zones, in any order and assignment."""

import gin
import numpy as np

from ibc.environments.block_pushing import pushing_env, start_poses
from ibc.environments.block_pushing import task as block_tasks
from ibc.environments.block_pushing.simulation import bullet

_NAME = "PushMultimodal"
_MIN_BLOCK_DISTANCE_METRES = 0.1
_MIN_TARGET_DISTANCE_METRES = 0.12


def build_env_name(shared_memory: bool, use_image_obs: bool) -> str:
    """Returns the Gymnasium id of a variant of the task."""
    return block_tasks.environment_id(_NAME, shared_memory, use_image_obs)


@gin.configurable
class BlockPushMultimodal(pushing_env.PushingEnv):
    """Two blocks, two targets: push each block into a zone of its own.

    Reward 1, and the end, when each block is within `goal_dist_tolerance` of its closest
    target and these differ. The goal distance is the mean over the targets of the distance to
    the nearest block.
    """

    block_urdfs = ("block.urdf", "block2.urdf")
    target_urdfs = ("zone.urdf", "zone2.urdf")

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns the success metric over the last `num_episodes` episodes, in a list and alone."""
        _, success = super().get_metrics(num_episodes)
        return [success], success

    def _draw_poses(
        self, rng: np.random.RandomState
    ) -> tuple[list[bullet.Pose], list[bullet.Pose]]:
        blocks = start_poses.draw_separated_blocks(rng, _MIN_BLOCK_DISTANCE_METRES)
        return blocks, start_poses.draw_separated_targets(rng, _MIN_TARGET_DISTANCE_METRES)

    def _evaluate(self, state: dict[str, np.ndarray]) -> tuple[float, bool]:
        solved = self._has_succeeded(state)
        return float(solved), solved

    def _distance_to_goal(self, state: dict[str, np.ndarray]) -> float:
        return float(_distances(state).min(axis=0).mean())

    def _has_succeeded(self, state: dict[str, np.ndarray]) -> bool:
        distances = _distances(state)
        first, second = distances.argmin(axis=1)
        return bool(first != second and (distances.min(axis=1) < self.goal_dist_tolerance).all())


def _distances(state: dict[str, np.ndarray]) -> np.ndarray:
    """Returns the distances in the plane of block i to target j, metres [2, 2]."""
    blocks, targets = (
        np.stack([state[f"{name}_translation"], state[f"{name}2_translation"]])
        for name in ("block", "target")
    )
    return np.linalg.norm(blocks[:, None] - targets[None], axis=-1)


block_tasks.register()
