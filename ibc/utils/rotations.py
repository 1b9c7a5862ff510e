"""Rotations in actions that are poses: axis-angle, and six numbers without jumps.

An arm's action is its position (3), its rotation and its gripper (1). Axis-angle, the axis times
the angle, jumps where the angle passes π. The first two rows of the rotation's matrix do not (Zhou
et al., On the Continuity of Rotation Representations in Neural Networks, 2019, section 4.2).
"""

import numpy as np
from scipy.spatial import transform

_AXIS_ANGLE, _6D = 3, 6
_POSITION, _GRIPPER = 3, 1
_ARM = _POSITION + _AXIS_ANGLE + _GRIPPER
_ARM_6D = _POSITION + _6D + _GRIPPER
_SMALLEST = 1e-6

SIZES = (_ARM, 2 * _ARM)
"""Numbers in an action with axis-angle rotations, of one arm and of two."""
SIZES_6D = (_ARM_6D, 2 * _ARM_6D)
"""Numbers in an action with rotations of 6 numbers, of one arm and of two."""


def with_6d_rotations(actions: np.ndarray) -> np.ndarray:
    """Returns actions float64 [..., 10 · arms] for actions [..., 7 · arms] in axis-angle."""
    position, rotation, gripper = _parts(actions, _AXIS_ANGLE)
    matrix = transform.Rotation.from_rotvec(rotation.reshape(-1, _AXIS_ANGLE)).as_matrix()
    rows = matrix[:, :2].reshape(*rotation.shape[:-1], _6D)
    return _joined(position, rows, gripper)


def with_axis_angles(actions: np.ndarray) -> np.ndarray:
    """Returns actions float64 [..., 7 · arms] for actions [..., 10 · arms].

    The two rows need be neither of length 1 nor at right angles, as a policy's are not: the second
    is made so with respect to the first. Angles come out in [0, π].

    Raises:
      ValueError: Two rows are parallel, or one is nearly 0.
    """
    position, rows, gripper = _parts(actions, _6D)
    first, second = np.moveaxis(rows.reshape(-1, 2, 3), 1, 0)
    first = _of_length_1(first)
    second = _of_length_1(second - np.sum(first * second, axis=1, keepdims=True) * first)
    matrix = np.stack([first, second, np.cross(first, second)], axis=1)
    rotation = transform.Rotation.from_matrix(matrix).as_rotvec()
    return _joined(position, rotation.reshape(*rows.shape[:-1], _AXIS_ANGLE), gripper)


def _parts(actions: np.ndarray, rotation: int) -> list[np.ndarray]:
    """Splits actions into positions, rotations and grippers of each arm [..., arms, size]."""
    actions = np.asarray(actions, np.float64)
    arm = _POSITION + rotation + _GRIPPER
    if actions.shape[-1] not in (arm, 2 * arm):
        raise ValueError(
            f"actions have {actions.shape[-1]} numbers, expected {arm} of one arm or {2 * arm} of "
            f"two: position 3, rotation {rotation}, gripper 1."
        )
    arms = actions.reshape(*actions.shape[:-1], -1, arm)
    return np.split(arms, [_POSITION, _POSITION + rotation], axis=-1)


def _joined(*parts: np.ndarray) -> np.ndarray:
    arms = np.concatenate(parts, axis=-1)
    return arms.reshape(*arms.shape[:-2], -1)


def _of_length_1(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not np.all(lengths > _SMALLEST):
        raise ValueError(
            "actions hold 6 numbers that are no rotation: expected two rows of a matrix, not "
            "parallel."
        )
    return vectors / lengths
