import functools
import math

import numpy as np
import pytest

from ibc.environments.block_pushing import start_poses


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

    def in_row(self, y: float) -> list[float]:
        return [0.4 + self.between(-0.1, 0.1), y]

    def block_yaw(self) -> float:
        return self.between(math.pi, 1.0)

    def target_yaw(self) -> float:
        return math.pi + self.between(-math.pi / 6, math.pi / 6)


def _assert_pose(pose, xy, z, yaw):
    np.testing.assert_allclose(pose.translation, (*xy, z), rtol=0, atol=1e-15)
    # Half angles tell yaws apart that differ by a full turn.
    expected = (0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2))
    np.testing.assert_allclose(pose.quaternion, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize("seed", [0, 1, 17, 2**32 - 1])
def test_one_block_and_one_target(seed):
    rng, draws = np.random.RandomState(seed), _Uniforms(seed)
    _assert_pose(start_poses.draw_block(rng), draws.block(), 0.0, draws.block_yaw())
    _assert_pose(start_poses.draw_target(rng), draws.target(), 0.02, draws.target_yaw())


def test_block_yaws_lie_between_one_and_pi():
    rng = np.random.RandomState(0)
    yaws = [start_poses.draw_block(rng).yaw for _ in range(500)]
    assert 1.0 <= min(yaws) < 1.02
    assert math.pi - 0.02 < max(yaws) <= math.pi


def _check_pairs(seeds, draw, distance, z, first, second, yaw) -> int:
    """Compares pairs with the published order of draws; returns how often it started again.

    The second is redrawn up to 1,000 times and turned last, and then the first is drawn again.
    """
    restarts = -len(seeds)
    for seed in seeds:
        draws, apart = _Uniforms(seed), 0.0
        while apart <= distance:
            restarts += 1
            first_xy, first_yaw = first(draws), yaw(draws)
            for _ in range(1000):
                second_xy = second(draws)
                apart = abs(second_xy[0] - first_xy[0])
                if apart > distance:
                    break
            second_yaw = yaw(draws)
        poses = draw(np.random.RandomState(seed), distance=distance)
        _assert_pose(poses[0], first_xy, z, first_yaw)
        _assert_pose(poses[1], second_xy, z, second_yaw)
    return restarts


def test_two_blocks_redraw_the_second_and_turn_it_last():
    seeds, place = (0, 1, 17, 2**32 - 1), _Uniforms.block
    draw, yaw = start_poses.draw_separated_blocks, _Uniforms.block_yaw
    assert _check_pairs(seeds, draw, 0.1, 0.0, place, place, yaw) == 0


def test_two_targets_redraw_the_pair_where_the_second_finds_no_place():
    draw, place, yaw = start_poses.draw_separated_targets, _Uniforms.target, _Uniforms.target_yaw
    assert _check_pairs(range(30), draw, 0.12, 0.02, place, place, yaw) > 0


def test_targets_in_rows_draw_x_alone():
    draw = functools.partial(start_poses.draw_targets_in_rows, rows=(0.0, 0.4))
    places = (lambda draws: draws.in_row(0.0)), (lambda draws: draws.in_row(0.4))
    assert _check_pairs(range(10), draw, 0.15, 0.02, *places, _Uniforms.target_yaw) > 0


def test_impossible_separation_is_an_error():
    with pytest.raises(RuntimeError, match=r"more than 0\.3 m apart"):
        start_poses.draw_targets_in_rows(_Middle(), (0.0, 0.4), 0.3)


class _Middle:
    """Draws the middle of every range."""

    def uniform(self, low=0.0, high=1.0):
        return (low + high) / 2
