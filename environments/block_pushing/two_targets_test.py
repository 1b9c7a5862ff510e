import itertools

import numpy as np
import pytest

from ibc.environments.block_pushing import block_pushing_discontinuous, block_pushing_multimodal
from ibc.environments.block_pushing.simulation import bullet
from tests import environment_testing


@pytest.fixture(scope="module", name="environment")
def _environment():
    with environment_testing.made_once(lambda make: make()) as environment:
        yield environment


@pytest.fixture
def one_block(environment):
    return environment(block_pushing_discontinuous.BlockPushDiscontinuous)


@pytest.fixture
def two_blocks(environment):
    return environment(block_pushing_multimodal.BlockPushMultimodal)


def _start(env) -> list[np.ndarray]:
    """Starts an episode; returns where the targets are in the plane."""
    env.reset(seed=0)
    return [goal[:2] for goal in env.get_goal_translation()]


def _put(env, *places) -> tuple[float, bool]:
    """Puts the blocks somewhere for one step; returns reward and whether the episode ended."""
    for block, xy in zip(env.scene.blocks, places, strict=True):
        env.scene.place(block, bullet.from_yaw((*xy, 0.02), 0.0))
    _, reward, terminated, _, _ = env.step(np.zeros(2))
    return reward, terminated


def test_targets_are_in_two_rows_and_apart(one_block):
    for seed in range(5):
        state = one_block.reset(seed=seed)[0]
        first, second = state["target_translation"], state["target2_translation"]
        assert (first[1], second[1]) == (0.0, np.float32(0.4))
        assert abs(first[0] - second[0]) > 0.15


def test_first_then_second_target_is_success(one_block):
    first, second = _start(one_block)
    assert _put(one_block, np.add(first, (0.035, 0.0))) == (0.0, False)
    assert not one_block.succeeded
    assert _put(one_block, np.add(second, (0.0, 0.03))) == (1.0, True)
    assert one_block.succeeded
    assert one_block.goal_distance == pytest.approx((0.035 + 0.03) / 2, abs=1e-4)


def test_second_then_first_target_ends_the_episode_but_is_no_success(one_block):
    """The published code asks for the first target twice, and would call this a success."""
    first, second = _start(one_block)
    assert _put(one_block, second) == (0.0, False)
    assert _put(one_block, first) == (1.0, True)
    assert not one_block.succeeded


def test_success_needs_the_block_to_stay_at_the_second_target(one_block):
    first, second = _start(one_block)
    for place in (first, second, np.add(second, (0.05, 0.0))):
        _put(one_block, place)
    assert not one_block.succeeded


def test_just_outside_the_tolerance_is_not_enough(one_block):
    first, second = _start(one_block)
    _put(one_block, np.add(first, (0.041, 0.0)))
    assert _put(one_block, second) == (0.0, False)


def test_goal_distance_is_the_mean_of_the_smallest(one_block):
    targets, smallest = _start(one_block), np.full(2, np.inf)
    for xy in ((0.4, 0.0), (0.45, 0.2), (0.3, 0.1)):
        _put(one_block, xy)
        block = one_block.compute_state()["block_translation"]
        smallest = np.minimum(smallest, np.linalg.norm(block - targets, axis=1))
        assert one_block.goal_distance == pytest.approx(np.mean(smallest), abs=1e-12)
    one_block.reset(seed=1)
    _put(one_block, (0.4, -0.3))
    assert one_block.goal_distance > max(smallest)


def test_blocks_and_targets_are_apart_in_x(two_blocks):
    for seed in range(5):
        draws = np.random.RandomState(seed)
        state = two_blocks.reset(seed=seed)[0]
        assert state["block_translation"][0] == pytest.approx(0.3 + 0.2 * draws.rand(), abs=1e-4)
        for name, distance in (("block", 0.1), ("target", 0.12)):
            apart = state[f"{name}_translation"][0] - state[f"{name}2_translation"][0]
            assert abs(apart) > distance - 1e-3


@pytest.mark.parametrize("order", [1, -1])
def test_each_block_in_a_target_of_its_own_is_success(order, two_blocks):
    first, second = _start(two_blocks)[::order]
    near_first, near_second = np.add(first, (0.03, 0.0)), np.subtract(second, (0.0, 0.035))
    assert _put(two_blocks, near_first, (0.3, -0.3)) == (0.0, False)
    assert not two_blocks.succeeded
    assert _put(two_blocks, near_first, near_second) == (1.0, True)
    assert two_blocks.succeeded
    assert two_blocks.goal_distance == pytest.approx((0.03 + 0.035) / 2, abs=1e-4)


def test_both_blocks_in_one_target_is_no_success(two_blocks):
    first, _ = _start(two_blocks)
    both = np.add(first, (0.025, 0.0)), np.subtract(first, (0.025, 0.0))
    assert _put(two_blocks, *both) == (0.0, False)
    assert not two_blocks.succeeded


def test_one_block_outside_the_tolerance_is_no_success(two_blocks):
    first, second = _start(two_blocks)
    assert _put(two_blocks, first, np.add(second, (0.041, 0.0))) == (0.0, False)
    two_blocks.set_goal_dist_tolerance(0.05)
    assert two_blocks.succeeded
    two_blocks.set_goal_dist_tolerance(0.04)


def test_goal_distance_is_the_mean_over_targets_of_the_nearest_block(two_blocks):
    for seed in range(3):
        two_blocks.reset(seed=seed)
        state = two_blocks.compute_state()
        names = itertools.product(("target", "target2"), ("block", "block2"))
        ways = [
            state[f"{block}_translation"] - state[f"{target}_translation"]
            for target, block in names
        ]
        nearest = np.linalg.norm(ways, axis=1).reshape(2, 2).min(axis=1)
        assert two_blocks.goal_distance == pytest.approx(np.mean(nearest), abs=1e-12)
