"""Tests of the draws of start poses."""

import math

import numpy as np
import pytest

from ibc.environments.block_pushing import start_poses

_SEEDS = (0, 1, 17, 2**32 - 1)


class _Uniforms:
    """The published sequence of draws, made from the raw stream by hand."""

    def __init__(self, seed: int):
        self._raw = np.random.RandomState(seed).random_sample

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * self._raw()

    def block(self) -> list[float]:
        return [0.4 + self.between(-0.1, 0.1), -0.2 + self.between(-0.15, 0.15)]

    def target(self) -> list[float]:
        return [0.4 + self.between(-0.1, 0.1), 0.2 + self.between(-0.15, 0.15)]

    def block_yaw(self) -> float:
        return self.between(math.pi, 1.0)

    def target_yaw(self) -> float:
        return math.pi + self.between(-math.pi / 6, math.pi / 6)


def _assert_pose(pose, xy, z, yaw):
    np.testing.assert_allclose(pose.translation, (*xy, z), rtol=0, atol=1e-15)
    # Half angles tell yaws apart that differ by a full turn.
    expected = (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))
    np.testing.assert_allclose(pose.quaternion, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", _SEEDS)
def test_one_block_and_one_target(seed):
    rng, draws = np.random.RandomState(seed), _Uniforms(seed)
    _assert_pose(start_poses.draw_block(rng), draws.block(), 0.0, draws.block_yaw())
    _assert_pose(start_poses.draw_target(rng), draws.target(), 0.02, draws.target_yaw())


def test_block_yaws_lie_between_one_and_pi():
    rng = np.random.RandomState(0)
    yaws = [start_poses.draw_block(rng).yaw for _ in range(500)]
    assert 1.0 <= min(yaws) < 1.02
    assert math.pi - 0.02 < max(yaws) <= math.pi


@pytest.mark.parametrize("seed", _SEEDS)
def test_two_blocks_redraw_the_second_and_turn_it_last(seed):
    rng, draws = np.random.RandomState(seed), _Uniforms(seed)
    first, second = start_poses.draw_separated_blocks(rng, 0.1)
    first_xy = draws.block()
    _assert_pose(first, first_xy, 0.0, draws.block_yaw())
    second_xy = draws.block()
    while abs(second_xy[0] - first_xy[0]) <= 0.1:
        second_xy = draws.block()
    _assert_pose(second, second_xy, 0.0, draws.block_yaw())


def test_two_targets_redraw_the_pair_where_the_second_finds_no_place():
    restarts = 0
    for seed in range(30):
        rng, draws = np.random.RandomState(seed), _Uniforms(seed)
        first, second = start_poses.draw_separated_targets(rng, 0.12)
        while True:
            first_xy, first_yaw = draws.target(), draws.target_yaw()
            for _ in range(1000):
                second_xy = draws.target()
                if abs(second_xy[0] - first_xy[0]) > 0.12:
                    break
            second_yaw = draws.target_yaw()
            if abs(second_xy[0] - first_xy[0]) > 0.12:
                break
            restarts += 1
        _assert_pose(first, first_xy, 0.02, first_yaw)
        _assert_pose(second, second_xy, 0.02, second_yaw)
    assert restarts > 0


def test_targets_in_rows_draw_x_alone():
    restarts = 0
    for seed in range(10):
        rng, draws = np.random.RandomState(seed), _Uniforms(seed)
        first, second = start_poses.draw_targets_in_rows(rng, (0.0, 0.4), 0.15)
        while True:
            first_x, first_yaw = 0.4 + draws.between(-0.1, 0.1), draws.target_yaw()
            for _ in range(1000):
                second_x = 0.4 + draws.between(-0.1, 0.1)
                if abs(second_x - first_x) > 0.15:
                    break
            second_yaw = draws.target_yaw()
            if abs(second_x - first_x) > 0.15:
                break
            restarts += 1
        _assert_pose(first, (first_x, 0.0), 0.02, first_yaw)
        _assert_pose(second, (second_x, 0.4), 0.02, second_yaw)
    assert restarts > 0


def test_impossible_separation_is_an_error():
    with pytest.raises(RuntimeError, match=r"more than 0\.3 m apart"):
        start_poses.draw_targets_in_rows(_Middle(), (0.0, 0.4), 0.3)


class _Middle:
    """Draws the middle of every range."""

    def uniform(self, low=0.0, high=1.0):
        return (low + high) / 2
