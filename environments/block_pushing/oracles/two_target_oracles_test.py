import random

import numpy as np
import pytest

from ibc.environments import suite
from ibc.environments.block_pushing.oracles import oriented_push_oracle, two_target_oracles
from tests import oracle_testing


def _discontinuous(**options):
    env = oracle_testing.table_env(oracle_testing.DISCONTINUOUS_KEYS)
    return two_target_oracles.DiscontinuousOrientedPushOracle(env, **options)


def _table(block, effector):
    """The targets lie to the right of each other: (0.4, 0) and (0.4, 0.4) in the plane."""
    return {
        "block_translation": block,
        "effector": effector,
        "target_translation": (0.4, 0.0),
        "target2_translation": (0.4, 0.4),
    }


def test_first_target_then_second():
    oracle = _discontinuous()
    # The pre-block point lies behind the block as seen from the target: to its left here.
    far = oracle_testing.act(oracle, _table((0.2, 0.0), (0.2, 0.1)), is_first=True)
    np.testing.assert_allclose(far, 0.03 * np.array([-0.05, -0.1]) / np.hypot(0.05, 0.1), atol=1e-7)
    # Within 0.04 m of the first target it makes for the point below the block.
    near = oracle_testing.act(oracle, _table((0.4, -0.039), (0.5, -0.089)))
    np.testing.assert_allclose(near, [-0.03, 0], atol=1e-6)
    # The first target stays done, also when the block has left it.
    left = oracle_testing.act(oracle, _table((0.4, -0.2), (0.5, -0.25)))
    np.testing.assert_allclose(left, [-0.03, 0], atol=1e-6)
    # A new episode begins with the first target again.
    again = oracle_testing.act(oracle, _table((0.2, 0.0), (0.2, 0.1)), is_first=True)
    np.testing.assert_array_equal(again, far)


@pytest.mark.parametrize(("tolerance", "is_there"), [(0.03, False), (0.05, True)])
def test_tolerance_decides_when_the_first_target_is_done(tolerance, is_there):
    oracle = _discontinuous(goal_tolerance=tolerance)
    scene = _table((0.36, 0.0), (0.31, 0.1))
    action = oracle_testing.act(oracle, scene, is_first=True)
    # Behind the block, for the first target, is straight below the effector.
    assert (abs(action[0]) > 1e-3) == is_there


def test_waiting_is_standing_still_for_so_many_steps():
    oracle = _discontinuous(wait=3)
    at_target = _table((0.4, 0.0), (0.5, -0.05))
    actions = [oracle_testing.act(oracle, at_target, is_first=row == 0) for row in range(5)]
    np.testing.assert_array_equal(actions[:3], np.zeros((3, 2)))
    np.testing.assert_allclose(actions[3], [-0.03, 0], atol=1e-6)
    np.testing.assert_array_equal(actions[3], actions[4])


@pytest.mark.parametrize(
    ("name", "value"), [("goal_tolerance", 0.0), ("wait", -1), ("action_noise_std", -1.0)]
)
def test_bad_parameter_is_named(name, value):
    with pytest.raises(ValueError, match=rf"DiscontinuousOrientedPushOracle\.{name} must"):
        _discontinuous(**{name: value})


def test_until_the_first_target_it_is_the_push_oracle():
    env = suite.load("PUSH_DISCONTINUOUS")
    policies = (
        two_target_oracles.DiscontinuousOrientedPushOracle(env),
        oriented_push_oracle.OrientedPushOracle(env),
    )
    actions, steps = oracle_testing.rollout(env, policies[0], 3)
    observations = [step.observation for step in steps]
    distances = {
        key: [
            np.linalg.norm(o["block_translation"] - o[f"{key}_translation"]) for o in observations
        ]
        for key in ("target", "target2")
    }
    reached = np.argmax(np.array(distances["target"]) < 0.04)
    assert 0 < reached < len(actions)
    for step, action in zip(steps[:reached], actions, strict=False):
        np.testing.assert_array_equal(policies[1].action(step).action, action)
    assert suite.gym_env(env).succeeded
    assert distances["target2"][-1] < 0.04


_PLACES = {
    "block_translation": (0.3, -0.2),
    "block2_translation": (0.5, -0.2),
    "target_translation": (0.3, 0.2),
    "target2_translation": (0.5, 0.2),
}
# The published code's list of orders, by what is pushed first.
_PAIRS = [("block", "target"), ("block", "target2"), ("block2", "target"), ("block2", "target2")]
_START = (0.4, -0.4)
_BLOCK2_TO_TARGET_SEED = 5


def _multimodal(**options):
    env = oracle_testing.table_env(oracle_testing.MULTIMODAL_KEYS)
    return two_target_oracles.MultimodalOrientedPushOracle(env, **options)


def _act(oracle, effector, is_first=False, **places):
    return oracle_testing.act(oracle, {**_PLACES, **places, "effector": effector}, is_first)


def _behind(block, target):
    """Point 5 cm behind a block."""
    block, target = (np.array(_PLACES[f"{name}_translation"]) for name in (block, target))
    return block - 0.05 * (target - block) / np.linalg.norm(target - block)


def _order(first_action):
    """Which pair the first step is for, by its direction from the start."""

    def cosine(pair):
        way = _behind(*pair) - _START
        return way @ first_action / np.linalg.norm(way) / np.linalg.norm(first_action)

    return max(_PAIRS, key=cosine)


@pytest.mark.parametrize("seed", range(6))
def test_orders_are_those_of_pythons_generator(seed):
    oracle = _multimodal(seed=seed)
    random.seed(seed)
    for _ in range(10):
        assert _order(_act(oracle, _START, is_first=True)) == random.choice(_PAIRS)


def test_every_order_pushes_both_blocks_into_both_targets():
    for first, second in two_target_oracles.ORDERS:
        assert {first[0], second[0]} == {"block", "block2"}
        assert {first[1], second[1]} == {"target", "target2"}
    assert len(set(two_target_oracles.ORDERS)) == 4


def test_it_returns_the_way_it_came_before_it_pushes_the_second():
    oracle = _multimodal(seed=_BLOCK2_TO_TARGET_SEED)
    (block, target), second = (("block2", "target"), ("block", "target2"))
    assert _order(_act(oracle, _START, is_first=True)) == (block, target)
    # It arrives behind the first block, which is then brought to its target.
    behind = _behind(block, target)
    _act(oracle, behind)
    done = {f"{block}_translation": np.add(_PLACES[f"{target}_translation"], (0.0, -0.03))}
    action = _act(oracle, (0.3, 0.1), **done)
    np.testing.assert_allclose(action, _towards((0.3, 0.1), behind), atol=1e-6)
    # Back behind where the block was, it goes on to its start in the same call.
    np.testing.assert_allclose(_act(oracle, behind, **done), _towards(behind, _START), atol=1e-6)
    # At the start it stands for one call, and then makes for the second block.
    np.testing.assert_allclose(_act(oracle, _START, **done), [0, 0], atol=1e-6)
    action = _act(oracle, _START, **done)
    np.testing.assert_allclose(action, _towards(_START, _behind(*second)), atol=1e-6)


def test_block_that_starts_at_its_target_is_left_there():
    oracle = _multimodal(seed=_BLOCK2_TO_TARGET_SEED)
    done = {"block2_translation": _PLACES["target_translation"]}
    # There is no way back: it stands at its start once, and then makes for the other block.
    np.testing.assert_array_equal(_act(oracle, _START, is_first=True, **done), [0, 0])
    action = _act(oracle, _START, **done)
    np.testing.assert_allclose(action, _towards(_START, _behind("block", "target2")), atol=1e-6)


def test_bad_tolerance_is_refused():
    with pytest.raises(ValueError, match="goal_dist_tolerance must"):
        _multimodal(goal_dist_tolerance=0.0)


def test_task_with_one_block_is_refused():
    env = oracle_testing.table_env(oracle_testing.DISCONTINUOUS_KEYS)
    with pytest.raises(ValueError, match="needs observations with block2_translation"):
        two_target_oracles.MultimodalOrientedPushOracle(env)


def _towards(start, goal):
    """Displacement towards a goal at 0.3 m/s and 10 Hz."""
    way = np.subtract(goal, start)
    return 0.03 * way / np.linalg.norm(way)
