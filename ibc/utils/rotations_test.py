"""Tests of rotations in actions, against Rodrigues' formula."""

import numpy as np
import pytest

from ibc.utils import rotations


def _matrix(vector: np.ndarray) -> np.ndarray:
    """Returns the matrix [3, 3] of an axis times an angle [3], after Rodrigues."""
    angle = np.linalg.norm(vector)
    x, y, z = vector / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def _actions(arms: int) -> np.ndarray:
    random = np.random.RandomState(arms)
    actions = random.uniform(-1, 1, (20, arms, 7))
    axes = random.randn(20, arms, 3)
    axes /= np.linalg.norm(axes, axis=-1, keepdims=True)
    actions[..., 3:6] = axes * random.uniform(0.01, np.pi - 0.01, (20, arms, 1))
    return actions.reshape(20, -1)


@pytest.mark.parametrize("arms", [1, 2])
def test_six_numbers_are_the_first_two_rows_of_the_matrix(arms):
    actions = _actions(arms)
    found = rotations.with_6d_rotations(np.float32(actions)).reshape(20, arms, 10)
    stored = actions.reshape(20, arms, 7)
    np.testing.assert_allclose(found[..., :3], stored[..., :3], atol=1e-6)
    np.testing.assert_allclose(found[..., 9], stored[..., 6], atol=1e-6)
    for row, arm in np.ndindex(20, arms):
        expected = _matrix(stored[row, arm, 3:6])[:2].ravel()
        np.testing.assert_allclose(found[row, arm, 3:9], expected, atol=1e-6)


@pytest.mark.parametrize("arms", [1, 2])
def test_there_and_back_is_the_same(arms):
    actions = _actions(arms)
    there = rotations.with_6d_rotations(actions)
    assert there.shape == (20, 10 * arms)
    np.testing.assert_allclose(rotations.with_axis_angles(there), actions, atol=1e-9)


def test_a_turn_of_a_quarter():
    action = np.array([1, 2, 3, 0, 0, np.pi / 2, -1.0])
    expected = [1, 2, 3, 0, -1, 0, 1, 0, 0, -1]
    np.testing.assert_allclose(rotations.with_6d_rotations(action), expected, atol=1e-12)
    np.testing.assert_allclose(rotations.with_axis_angles(expected), action, atol=1e-12)


def test_rows_that_are_not_at_right_angles_are_made_so():
    rows = np.array([[3.0, 0, 0], [5, 2, 0]])
    action = np.concatenate([np.zeros(3), rows.ravel(), [0]])
    np.testing.assert_allclose(rotations.with_axis_angles(action), np.zeros(7), atol=1e-12)


def test_what_is_no_rotation_or_no_arm_is_refused():
    parallel = np.array([0, 0, 0, 1, 2, 3, 2, 4, 6, 0.0])
    for action in (np.zeros(10), parallel):
        with pytest.raises(ValueError, match="6 numbers that are no rotation"):
            rotations.with_axis_angles(action)
    with pytest.raises(ValueError, match="have 8 numbers, expected 7 of one arm or 14 of two"):
        rotations.with_6d_rotations(np.zeros((3, 8)))
