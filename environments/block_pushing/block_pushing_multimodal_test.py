"""Tests of the task with two blocks and two targets."""

import itertools

import numpy as np
import pytest

from ibc.environments.block_pushing import block_pushing_multimodal
from ibc.environments.block_pushing.simulation import bullet


@pytest.fixture(scope="module")
def env():
    """Returns the environment."""
    env = block_pushing_multimodal.BlockPushMultimodal()
    yield env
    env.close()


def _put_blocks(env, *places) -> tuple[float, bool]:
    """Puts the blocks somewhere for one step; returns reward and whether the episode ended."""
    for block, xy in zip(env.scene.blocks, places, strict=True):
        env.scene.place(block, bullet.from_yaw((*xy, 0.02), 0.0))
    _, reward, terminated, _, _ = env.step(np.zeros(2))
    return reward, terminated


def _targets(env) -> tuple[np.ndarray, np.ndarray]:
    first, second = env.get_goal_translation()
    return first[:2], second[:2]


def test_blocks_and_targets_are_apart_in_x(env):
    for seed in range(5):
        draws = np.random.RandomState(seed)
        state = env.reset(seed=seed)[0]
        assert state["block_translation"][0] == pytest.approx(0.3 + 0.2 * draws.rand(), abs=1e-4)
        for name, distance in (("block", 0.1), ("target", 0.12)):
            apart = state[f"{name}_translation"][0] - state[f"{name}2_translation"][0]
            assert abs(apart) > distance - 1e-3


@pytest.mark.parametrize("order", [1, -1])
def test_each_block_in_a_target_of_its_own_is_success(order, env):
    env.reset(seed=0)
    first, second = _targets(env)[::order]
    assert _put_blocks(env, np.add(first, (0.03, 0.0)), (0.3, -0.3)) == (0.0, False)
    assert not env.succeeded
    assert _put_blocks(env, np.add(first, (0.03, 0.0)), np.subtract(second, (0.0, 0.035))) == (
        1.0,
        True,
    )
    assert env.succeeded
    assert env.goal_distance == pytest.approx((0.03 + 0.035) / 2, abs=1e-4)


def test_both_blocks_in_one_target_is_no_success(env):
    env.reset(seed=0)
    first, _ = _targets(env)
    assert _put_blocks(env, np.add(first, (0.025, 0.0)), np.subtract(first, (0.025, 0.0))) == (
        0.0,
        False,
    )
    assert not env.succeeded


def test_one_block_outside_the_tolerance_is_no_success(env):
    env.reset(seed=0)
    first, second = _targets(env)
    assert _put_blocks(env, first, np.add(second, (0.041, 0.0))) == (0.0, False)
    env.set_goal_dist_tolerance(0.05)
    assert env.succeeded
    env.set_goal_dist_tolerance(0.04)


def test_goal_distance_is_the_mean_over_targets_of_the_nearest_block(env):
    for seed in range(3):
        env.reset(seed=seed)
        state = env.compute_state()
        distances = {
            (block, target): np.linalg.norm(
                state[f"{block}_translation"] - state[f"{target}_translation"]
            )
            for block, target in itertools.product(("block", "block2"), ("target", "target2"))
        }
        expected = np.mean(
            [
                min(distances["block", target], distances["block2", target])
                for target in ("target", "target2")
            ]
        )
        assert env.goal_distance == pytest.approx(expected, abs=1e-12)
