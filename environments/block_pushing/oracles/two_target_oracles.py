"""Oracles of the tasks with two targets: one block to both, or a block to each."""

import random
from collections.abc import Mapping

import gin
import numpy as np
from tf_agents.environments import py_environment

from ibc.environments.block_pushing.oracles import oriented_push_oracle, pushing_info
from ibc.utils import parameters

Phase, Move = oriented_push_oracle.Phase, oriented_push_oracle.Move


@gin.configurable
class DiscontinuousOrientedPushOracle(oriented_push_oracle.OrientedPushOracle):
    """Pushes the block to the first target, can wait there, and pushes it to the second."""

    observation_keys = (
        *oriented_push_oracle.OrientedPushOracle.observation_keys,
        "target2_translation",
    )

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        seed: int | None = None,
        goal_tolerance: float = 0.04,
        wait: int = 0,
        action_noise_std: float = 0.0,
    ):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a block pushing environment with two targets.
          seed: Seed of the action noise; None means 0.
          goal_tolerance: Distance in metres within which the block is at the first target.
          wait: Number of steps to stand still there.
          action_noise_std: Standard deviation in metres of Gaussian noise on the actions.

        Raises:
          ValueError: A parameter is out of range, or the oracle is for another task.
        """
        name = type(self).__name__
        parameters.check_positive(name, goal_tolerance=goal_tolerance)
        parameters.check_not_negative(name, wait=wait)
        super().__init__(env, seed, action_noise_std)
        self._goal_tolerance = goal_tolerance
        self._wait = wait
        self._target = "target"
        self._steps_to_wait = 0

    def _start_episode(self, observation: Mapping[str, np.ndarray]) -> None:
        super()._start_episode(observation)
        self._target = "target"
        self._steps_to_wait = 0

    def _displacement(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        to_first_target = pushing_info.distance(
            observation["block_translation"], observation["target_translation"]
        )
        if self._target == "target" and to_first_target < self._goal_tolerance:
            self._target = "target2"
            self._steps_to_wait = self._wait
        if self._steps_to_wait > 0:
            self._steps_to_wait -= 1
            return np.zeros(2)
        return self._push(observation, "block", self._target)


# Which (block, target) is pushed first, and which second.
ORDERS = (
    (("block", "target"), ("block2", "target2")),
    (("block", "target2"), ("block2", "target")),
    (("block2", "target"), ("block", "target2")),
    (("block2", "target2"), ("block", "target")),
)


@gin.configurable
class MultimodalOrientedPushOracle(oriented_push_oracle.OrientedPushOracle):
    """Pushes one block to a target, goes back the way it came, and pushes the other.

    Each episode's order is drawn at its first step. Seed s gives the orders that the
    published code draws after Python's `random.seed(s)`.
    """

    observation_keys = (
        *oriented_push_oracle.OrientedPushOracle.observation_keys,
        "block2_translation",
        "block2_orientation",
        "target2_translation",
    )

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        seed: int | None = None,
        goal_dist_tolerance: float = 0.04,
        action_noise_std: float = 0.0,
    ):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a block pushing environment with two blocks.
          seed: Seed of the orders, None for any, and of the action noise, None for 0.
          goal_dist_tolerance: Distance in metres within which a block is at its target.
          action_noise_std: Standard deviation in metres of Gaussian noise on the actions.

        Raises:
          ValueError: A parameter is out of range, or the oracle is for another task.
        """
        parameters.check_positive(type(self).__name__, goal_dist_tolerance=goal_dist_tolerance)
        super().__init__(env, seed, action_noise_std)
        self._moves = (
            *self._moves,
            (Phase.RETURN_TO_FIRST_PRE_BLOCK, self._return_to_first_pre_block),
            (Phase.RETURN_TO_ORIGIN, self._return_to_origin),
        )
        self._goal_dist_tolerance = goal_dist_tolerance
        self._random = random.Random(seed)
        self._order = ORDERS[0]
        self._is_second = False
        self._origin = None
        self._first_pre_block = None

    def _start_episode(self, observation: Mapping[str, np.ndarray]) -> None:
        super()._start_episode(observation)
        self._order = self._random.choice(ORDERS)
        self._is_second = False
        self._origin = observation["effector_target_translation"].copy()
        self._first_pre_block = None

    def _displacement(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        block, target = self._order[0]
        to_target = pushing_info.distance(
            observation[f"{block}_translation"], observation[f"{target}_translation"]
        )
        if not self._is_second and to_target < self._goal_dist_tolerance:
            self._is_second = True
            self._phase = Phase.RETURN_TO_FIRST_PRE_BLOCK
        return self._push(observation, *self._order[self._is_second])

    def _move_to_pre_block(self, info: pushing_info.PushingInfo) -> Move:
        move = super()._move_to_pre_block(info)
        has_arrived = self._phase is not Phase.MOVE_TO_PRE_BLOCK
        if has_arrived and self._first_pre_block is None:
            self._first_pre_block = info.pre_block.copy()
        return move

    def _return_to_first_pre_block(self, info: pushing_info.PushingInfo) -> Move:
        if self._first_pre_block is None:
            self._first_pre_block = self._origin
        return self._return_to(self._first_pre_block, info, Phase.RETURN_TO_ORIGIN)

    def _return_to_origin(self, info: pushing_info.PushingInfo) -> Move:
        return self._return_to(self._origin, info, Phase.MOVE_TO_PRE_BLOCK)

    def _return_to(
        self, point: np.ndarray, info: pushing_info.PushingInfo, next_phase: Phase
    ) -> Move:
        if pushing_info.distance(point, info.effector) < oriented_push_oracle.ARRIVED:
            self._phase = next_phase
        return point - info.effector, oriented_push_oracle.MOVE_SPEED
