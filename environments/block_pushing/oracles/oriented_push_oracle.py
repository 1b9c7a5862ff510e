"""Oracle of the pushing tasks: turns the block until a face looks at the target, and pushes."""

import enum
from collections.abc import Mapping

import gin
import numpy as np
from tf_agents.environments import py_environment

from ibc.environments.block_pushing.oracles import pushing_info
from ibc.utils import parameters

# Speed limits in m/s: with them, displacements do not depend on the control frequency.
MOVE_SPEED = 0.3
PUSH_SPEED = 0.35
ORIENT_SPEED = 0.15

# A point is reached within this distance, in metres.
ARRIVED = 0.001

# The block is turned when its angle error, in radians, exceeds the first, until it is below
# the second.
ORIENT_ABOVE = 0.2
FLAT_ENOUGH = 0.03

# To turn the block the effector circles its centre at this distance (m), by this angle (rad).
ORIENT_RADIUS = 0.025
ORIENT_ANGLE = 0.2

Move = tuple[np.ndarray, float]


class Phase(enum.Enum):
    """What an oracle is doing."""

    RETURN_TO_FIRST_PRE_BLOCK = enum.auto()
    RETURN_TO_ORIGIN = enum.auto()
    MOVE_TO_PRE_BLOCK = enum.auto()
    MOVE_TO_BLOCK = enum.auto()
    PUSH_BLOCK = enum.auto()
    ORIENT_LEFT = enum.auto()
    ORIENT_RIGHT = enum.auto()


@gin.configurable
class OrientedPushOracle(pushing_info.BlockOracle):
    """State machine that pushes the block to the target (PUSH; used by the other oracles).

    One call can pass through several phases, in the order of `self._moves`.
    """

    observation_keys = (
        "block_translation",
        "block_orientation",
        "effector_target_translation",
        "target_translation",
    )

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        seed: int | None = None,
        action_noise_std: float = 0.0,
    ):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a block pushing environment.
          seed: Seed of the action noise, and of what else a subclass draws; None means 0.
          action_noise_std: Standard deviation in metres of Gaussian noise on the actions.

        Raises:
          ValueError: `action_noise_std` is negative, or the oracle is for another task.
        """
        parameters.check_not_negative(type(self).__name__, action_noise_std=action_noise_std)
        super().__init__(env, action_noise_std, seed or 0)
        self._phase = Phase.MOVE_TO_PRE_BLOCK
        self._moves = (
            (Phase.MOVE_TO_PRE_BLOCK, self._move_to_pre_block),
            (Phase.MOVE_TO_BLOCK, self._move_to_block),
            (Phase.PUSH_BLOCK, self._push_block),
            (Phase.ORIENT_LEFT, self._orient_left),
            (Phase.ORIENT_RIGHT, self._orient_right),
        )

    def _start_episode(self, observation: Mapping[str, np.ndarray]) -> None:
        self._phase = Phase.MOVE_TO_PRE_BLOCK

    def _displacement(self, observation: Mapping[str, np.ndarray]) -> np.ndarray:
        return self._push(observation, "block", "target")

    def _push(self, observation: Mapping[str, np.ndarray], block: str, target: str) -> np.ndarray:
        """Returns the displacement [2] that brings the block nearer to the target."""
        info = pushing_info.pushing_info(
            block=observation[f"{block}_translation"],
            yaw=observation[f"{block}_orientation"],
            target=observation[f"{target}_translation"],
            effector=observation["effector_target_translation"],
        )
        for phase, move in self._moves:
            if self._phase is phase:
                displacement, speed = move(info)
        return pushing_info.shortened(displacement, speed / self._env.control_frequency)

    def _move_to_pre_block(self, info: pushing_info.PushingInfo) -> Move:
        if pushing_info.distance(info.pre_block, info.effector) < ARRIVED:
            self._phase = Phase.MOVE_TO_BLOCK
        return info.pre_block - info.effector, MOVE_SPEED

    def _move_to_block(self, info: pushing_info.PushingInfo) -> Move:
        if pushing_info.distance(info.next_to_block, info.effector) < ARRIVED:
            self._phase = Phase.PUSH_BLOCK
        if info.angle_error > ORIENT_ABOVE:
            self._phase = Phase.ORIENT_LEFT
        if info.angle_error < -ORIENT_ABOVE:
            self._phase = Phase.ORIENT_RIGHT
        return info.next_to_block - info.effector, PUSH_SPEED

    def _push_block(self, info: pushing_info.PushingInfo) -> Move:
        if abs(info.angle_error) > ORIENT_ABOVE:
            self._phase = Phase.MOVE_TO_PRE_BLOCK
        return info.touching_block - info.effector, PUSH_SPEED

    def _orient_left(self, info: pushing_info.PushingInfo) -> Move:
        if info.angle_error < FLAT_ENOUGH:
            self._phase = Phase.MOVE_TO_PRE_BLOCK
        return _circle(info, ORIENT_ANGLE), ORIENT_SPEED

    def _orient_right(self, info: pushing_info.PushingInfo) -> Move:
        if info.angle_error > -FLAT_ENOUGH:
            self._phase = Phase.MOVE_TO_PRE_BLOCK
        return _circle(info, -ORIENT_ANGLE), ORIENT_SPEED


@gin.configurable
class OrientedPushNormalizedOracle(pushing_info.NormalizedMaps, OrientedPushOracle):
    """`OrientedPushOracle` for PUSH_NORMALIZED; noise is added before the map, in metres."""


def _circle(info: pushing_info.PushingInfo, angle: float) -> np.ndarray:
    """Returns the displacement [2] to the effector's place on the circle, turned by an angle."""
    direction = pushing_info.rotated(info.block_to_effector, angle)
    return info.block + ORIENT_RADIUS * direction - info.effector
