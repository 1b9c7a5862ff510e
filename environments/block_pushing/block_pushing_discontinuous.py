"""Pushing one block into two zones, one after the other."""

import math

import gin
import numpy as np

from ibc.environments.block_pushing import pushing_env, start_poses
from ibc.environments.block_pushing import task as block_tasks
from ibc.environments.block_pushing.simulation import bullet

_NAME = "PushDiscontinuous"
_TARGET_ROWS_Y = (0.0, 0.4)
_MIN_TARGET_DISTANCE_METRES = 0.15


def build_env_name(shared_memory: bool, use_image_obs: bool) -> str:
    """Returns the Gymnasium id of a variant of the task."""
    return block_tasks.environment_id(_NAME, shared_memory, use_image_obs)


@gin.configurable
class BlockPushDiscontinuous(pushing_env.PushingEnv):
    """One block, two targets: push the block into the first (green), then the second (red).

    Reward 1, and the end, when the block has been within `goal_dist_tolerance` of both. The
    goal distance is the mean of the smallest distances to the two targets so far.
    """

    target_urdfs = ("zone.urdf", "zone2.urdf")

    def _draw_poses(
        self, rng: np.random.RandomState
    ) -> tuple[list[bullet.Pose], list[bullet.Pose]]:
        block = start_poses.draw_block(rng)
        targets = start_poses.draw_targets_in_rows(rng, _TARGET_ROWS_Y, _MIN_TARGET_DISTANCE_METRES)
        return [block], targets

    def _start_episode(self, state: dict[str, np.ndarray]) -> None:
        self.smallest_first_distance = math.inf
        self.smallest_second_distance = math.inf

    def _evaluate(self, state: dict[str, np.ndarray]) -> tuple[float, bool]:
        first, second = _distances(state)
        self.smallest_first_distance = min(self.smallest_first_distance, first)
        self.smallest_second_distance = min(self.smallest_second_distance, second)
        solved = self._visited_both()
        return float(solved), solved

    def _distance_to_goal(self, state: dict[str, np.ndarray]) -> float:
        return 0.5 * (self.smallest_first_distance + self.smallest_second_distance)

    def _has_succeeded(self, state: dict[str, np.ndarray]) -> bool:
        return self._visited_both() and _distances(state)[1] < self.goal_dist_tolerance

    def _visited_both(self) -> bool:
        farthest = max(self.smallest_first_distance, self.smallest_second_distance)
        return farthest < self.goal_dist_tolerance

    def _memory(self) -> dict:
        distances = (self.smallest_first_distance, self.smallest_second_distance)
        # JSON has no infinity, which stands for: no step was made yet.
        return {"smallest_distances": [d if math.isfinite(d) else None for d in distances]}

    def _remember(self, memory: dict) -> None:
        self.smallest_first_distance, self.smallest_second_distance = (
            math.inf if distance is None else distance for distance in memory["smallest_distances"]
        )


def _distances(state: dict[str, np.ndarray]) -> tuple[float, float]:
    """Returns the block's distances to the two targets in the plane, metres."""
    block = state["block_translation"]
    return tuple(
        float(np.linalg.norm(block - state[f"{target}_translation"]))
        for target in ("target", "target2")
    )


block_tasks.register()
