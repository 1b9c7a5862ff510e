"""Tests of the oracle of the discontinuous task."""

import numpy as np
import pytest

from ibc.environments import suite
from ibc.environments.block_pushing.oracles import discontinuous_push_oracle, oriented_push_oracle
from tests import oracle_testing


def _oracle(**options):
    env = oracle_testing.table_env(oracle_testing.DISCONTINUOUS_KEYS)
    return discontinuous_push_oracle.DiscontinuousOrientedPushOracle(env, **options)


def _scene(block, effector):
    """The targets lie to the right of each other: (0.4, 0) and (0.4, 0.4) in the plane."""
    return {
        "block_translation": block,
        "effector": effector,
        "target_translation": (0.4, 0.0),
        "target2_translation": (0.4, 0.4),
    }


def test_first_target_then_second():
    oracle = _oracle()
    # The pre-block point lies behind the block as seen from the target: to its left here.
    far = oracle_testing.act(oracle, _scene((0.2, 0.0), (0.2, 0.1)), is_first=True)
    np.testing.assert_allclose(far, 0.03 * np.array([-0.05, -0.1]) / np.hypot(0.05, 0.1), atol=1e-7)
    # Within 0.04 m of the first target it makes for the point below the block.
    near = oracle_testing.act(oracle, _scene((0.4, -0.039), (0.5, -0.089)))
    np.testing.assert_allclose(near, [-0.03, 0], atol=1e-6)
    # The first target stays done, also when the block has left it.
    left = oracle_testing.act(oracle, _scene((0.4, -0.2), (0.5, -0.25)))
    np.testing.assert_allclose(left, [-0.03, 0], atol=1e-6)
    # A new episode begins with the first target again.
    again = oracle_testing.act(oracle, _scene((0.2, 0.0), (0.2, 0.1)), is_first=True)
    np.testing.assert_array_equal(again, far)


@pytest.mark.parametrize(("tolerance", "is_there"), [(0.03, False), (0.05, True)])
def test_tolerance_decides_when_the_first_target_is_done(tolerance, is_there):
    oracle = _oracle(goal_tolerance=tolerance)
    scene = _scene((0.36, 0.0), (0.31, 0.1))
    action = oracle_testing.act(oracle, scene, is_first=True)
    # Behind the block, for the first target, is straight below the effector.
    assert (abs(action[0]) > 1e-3) == is_there


def test_waiting_is_standing_still_for_so_many_steps():
    oracle = _oracle(wait=3)
    at_target = _scene((0.4, 0.0), (0.5, -0.05))
    actions = [oracle_testing.act(oracle, at_target, is_first=row == 0) for row in range(5)]
    np.testing.assert_array_equal(actions[:3], np.zeros((3, 2)))
    np.testing.assert_allclose(actions[3], [-0.03, 0], atol=1e-6)
    np.testing.assert_array_equal(actions[3], actions[4])


@pytest.mark.parametrize(
    ("name", "value"), [("goal_tolerance", 0.0), ("wait", -1), ("action_noise_std", -1.0)]
)
def test_bad_parameter_is_named(name, value):
    with pytest.raises(ValueError, match=rf"DiscontinuousOrientedPushOracle\.{name} must"):
        _oracle(**{name: value})


def test_until_the_first_target_it_is_the_push_oracle():
    env = suite.load("PUSH_DISCONTINUOUS")
    policies = (
        discontinuous_push_oracle.DiscontinuousOrientedPushOracle(env),
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
