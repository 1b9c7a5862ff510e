"""Geometry of pushing a square block to a target: where to stand, which way to push."""

import dataclasses

import numpy as np

# Distances from the block's centre, in metres, to the points on the pusher's way to it.
PRE_BLOCK_DISTANCE = 0.05
NEXT_TO_BLOCK_DISTANCE = 0.03
TOUCHING_BLOCK_DISTANCE = 0.01


@dataclasses.dataclass(frozen=True)
class PushingInfo:
    """What a pusher has to know in one step; positions [2] in metres, in the plane."""

    block: np.ndarray
    """Centre of the block."""
    effector: np.ndarray
    """Commanded position of the effector."""
    direction: np.ndarray
    """Unit vector from the block to the target: the way to push."""
    angle_error: float
    """Angle of `direction` seen from the block's nearest face, in [-pi/4, pi/4] rad."""
    pre_block: np.ndarray
    """Point behind the block, clear of it."""
    next_to_block: np.ndarray
    """Point behind the block, beside its face."""
    touching_block: np.ndarray
    """Point inside the block: moving there pushes it."""
    block_to_effector: np.ndarray
    """Unit vector from the block to the effector."""


def pushing_info(
    block: np.ndarray, yaw: np.ndarray, target: np.ndarray, effector: np.ndarray
) -> PushingInfo:
    """Measures how block, target and effector lie to each other.

    All is computed in the dtype of the arguments.

    Args:
      block: Position [2] of the block in metres.
      yaw: Orientation [1] of the block in radians.
      target: Position [2] of the target in metres.
      effector: Commanded position [2] of the effector in metres.
    """
    direction = unit(target - block)
    return PushingInfo(
        block=block,
        effector=effector,
        direction=direction,
        angle_error=angle_error(direction, yaw),
        pre_block=block - PRE_BLOCK_DISTANCE * direction,
        next_to_block=block - NEXT_TO_BLOCK_DISTANCE * direction,
        touching_block=block - TOUCHING_BLOCK_DISTANCE * direction,
        block_to_effector=unit(effector - block),
    )


def angle_error(direction: np.ndarray, yaw: np.ndarray) -> float:
    """Returns the angle in [-pi/4, pi/4] from a face of the square block to a direction.

    Args:
      direction: Vector [2].
      yaw: Orientation [1] of the block in radians; quarter turns of it look the same.
    """
    error = np.arctan2(direction[1:], direction[:1]) - yaw
    while error > np.pi / 4:
        error = error - np.pi / 2
    while error < -np.pi / 4:
        error = error + np.pi / 2
    return error.item()


def unit(vector: np.ndarray) -> np.ndarray:
    """Returns a vector [2] scaled to length 1; a zero vector has no direction and stays zero."""
    length = np.linalg.norm(vector)
    return vector / length if length > 0 else np.zeros_like(vector)


def rotated(vector: np.ndarray, angle: float) -> np.ndarray:
    """Returns a vector [2] turned counter-clockwise by an angle in radians, as float64."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin], [sin, cos]]) @ vector


def distance(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the distance between two points [2]."""
    return float(np.linalg.norm(first - second))


def shortened(displacement: np.ndarray, max_length: float) -> np.ndarray:
    """Returns a displacement [2], shortened to `max_length` if it is longer."""
    length = np.linalg.norm(displacement)
    return displacement / length * max_length if float(length) > max_length else displacement
