"""Tests of the oriented push oracle: its phases, and the actions recorded of the published one."""

import json
import math

import gin
import numpy as np
import pytest
from tf_agents.trajectories import time_step as ts

from ibc.environments import suite
from ibc.environments.block_pushing.oracles import oriented_push_oracle
from tests import oracle_testing


def _oracle(control_frequency=10.0, **options):
    env = oracle_testing.table_env(oracle_testing.PUSH_KEYS, control_frequency)
    return oriented_push_oracle.OrientedPushOracle(env, **options)


def _scene(effector, yaw=0.0):
    """The block is at (0.4, 0), the target 0.3 m above it; the effector is relative to it."""
    return {
        "block_translation": (0.4, 0.0),
        "block_orientation": yaw,
        "target_translation": (0.4, 0.3),
        "effector": (0.4 + effector[0], effector[1]),
    }


def _at_block(yaw=0.0):
    """Returns an oracle that stands behind the block and has just begun to move to it."""
    oracle = _oracle()
    oracle_testing.act(oracle, _scene((0, -0.05), yaw), is_first=True)
    return oracle


def test_far_away_it_moves_straight_to_the_pre_block_point_at_its_speed_limit():
    action = oracle_testing.act(_oracle(), _scene((0.1, -0.05)), is_first=True)
    np.testing.assert_allclose(action, [-0.03, 0], atol=1e-7)
    assert action.dtype == np.float32 and action.shape == (2,)


@pytest.mark.parametrize("frequency", [5.0, 10.0, 20.0])
def test_speed_does_not_depend_on_the_control_frequency(frequency):
    action = oracle_testing.act(_oracle(frequency), _scene((0, -0.3)), is_first=True)
    np.testing.assert_allclose(action * frequency, [0, 0.3], rtol=1e-5)


def test_near_the_point_it_goes_exactly_there_and_no_further():
    action = oracle_testing.act(_oracle(), _scene((0.003, -0.06)), is_first=True)
    np.testing.assert_allclose(action, [-0.003, 0.01], atol=1e-7)


def test_at_the_pre_block_point_the_same_call_moves_on_to_the_block():
    oracle = _oracle()
    action = oracle_testing.act(oracle, _scene((0, -0.05)), is_first=True)
    np.testing.assert_allclose(action, [0, 0.02], atol=1e-7)
    # One call passes on into turning too, when the block is askew.
    oracle = _oracle()
    action = oracle_testing.act(oracle, _scene((0, -0.05), yaw=0.3), is_first=True)
    assert np.linalg.norm(action) == pytest.approx(0.015, rel=1e-5)


def test_beside_the_block_it_pushes_towards_a_point_inside():
    oracle = _at_block()
    np.testing.assert_allclose(
        oracle_testing.act(oracle, _scene((0.0005, -0.03))), [-0.0005, 0.02], atol=1e-6
    )
    # From now on it pushes, wherever the effector is, until the block is askew.
    np.testing.assert_allclose(oracle_testing.act(oracle, _scene((0, -0.1))), [0, 0.035], atol=1e-6)
    np.testing.assert_allclose(
        oracle_testing.act(oracle, _scene((0, -0.1), 0.25)), [0, 0.035], atol=1e-6
    )
    np.testing.assert_allclose(
        oracle_testing.act(oracle, _scene((0, -0.06), 0.25)), [0, 0.01], atol=1e-6
    )


# The angle error is that of the direction to the target seen from the block: minus its yaw.
@pytest.mark.parametrize(("yaw", "side"), [(-0.25, 1), (0.25, -1)])
def test_block_askew_is_circled_until_it_is_nearly_straight(yaw, side):
    oracle = _at_block(yaw)
    effector = (0.025 * math.sin(side * 0.1), -0.025 * math.cos(side * 0.1))
    angle = -math.pi / 2 + side * 0.3
    goal = (0.025 * math.cos(angle), 0.025 * math.sin(angle))
    step = np.subtract(goal, effector)
    for _ in range(3):
        np.testing.assert_allclose(
            oracle_testing.act(oracle, _scene(effector, yaw)), step, atol=1e-6
        )
    # Below the first threshold it goes on, below the second it has finished.
    np.testing.assert_allclose(
        oracle_testing.act(oracle, _scene(effector, 0.16 * yaw)), step, atol=1e-6
    )
    oracle_testing.act(oracle, _scene(effector, 0.11 * yaw))
    to_pre_block = np.subtract((0, -0.05), effector)
    np.testing.assert_allclose(
        oracle_testing.act(oracle, _scene(effector, 0.11 * yaw)), to_pre_block, atol=1e-6
    )


def test_first_step_starts_from_the_beginning():
    oracle = _at_block()
    oracle_testing.act(oracle, _scene((0, -0.03)))
    action = oracle_testing.act(oracle, _scene((0, -0.04)), is_first=True)
    np.testing.assert_allclose(action, [0, -0.01], atol=1e-6)


def test_noise_has_the_wanted_spread_and_the_published_draws():
    quiet, noisy = _oracle(), _oracle(action_noise_std=0.01)
    differences = np.array(
        [
            oracle_testing.act(noisy, _scene((0, -0.3)))
            - oracle_testing.act(quiet, _scene((0, -0.3)))
            for _ in range(200)
        ]
    )
    expected = 0.01 * np.random.RandomState(0).randn(200, 2)
    np.testing.assert_allclose(differences, expected, atol=1e-8)
    other = oracle_testing.act(_oracle(action_noise_std=0.01, seed=1), _scene((0, -0.3)))
    assert np.any(np.abs(other - [0, 0.03] - expected[0]) > 1e-4)


def test_negative_noise_is_refused():
    with pytest.raises(ValueError, match=r"OrientedPushOracle\.action_noise_std must"):
        _oracle(action_noise_std=-0.1)


def test_recorded_observations_give_the_recorded_actions(golden):
    recorded = dict(np.load(golden("data/decoded_push.npz")))
    observations = {k.removeprefix("obs/"): v for k, v in recorded.items() if k.startswith("obs/")}
    oracle = _oracle()
    actions = [
        oracle.action(
            ts.TimeStep(step_type, 0.0, 1.0, {key: v[row] for key, v in observations.items()})
        ).action
        for row, step_type in enumerate(recorded["step_type"])
    ]
    np.testing.assert_array_equal(actions, recorded["action"])


def test_recorded_rollouts_are_reproduced(golden):
    def make_env():
        env = suite.load("PUSH")
        suite.gym_env(env).set_goal_dist_tolerance(0.02)
        return env

    oracle_testing.check_rollouts(
        make_env,
        lambda env, seed: oriented_push_oracle.OrientedPushOracle(env),
        json.loads(golden("env/oracle_BlockPush.json").read_text())["rollouts"],
        np.load(golden("env/oracle_BlockPush_actions.npz"))["actions"],
    )


@pytest.mark.parametrize("options", [{"flatten": True}, {"history_length": 3}])
def test_wrappers_do_not_change_what_the_oracle_does(options):
    plain, wrapped = suite.load("PUSH"), suite.load("PUSH", **options)
    expected, _ = oracle_testing.rollout(plain, oriented_push_oracle.OrientedPushOracle(plain), 5)
    actions, _ = oracle_testing.rollout(
        wrapped, oriented_push_oracle.OrientedPushOracle(wrapped), 5
    )
    np.testing.assert_array_equal(actions, expected)


def test_gin_knows_the_noise():
    gin.parse_config("OrientedPushOracle.action_noise_std = 0.02")
    noise = oracle_testing.act(_oracle(), _scene((0, -0.05)), is_first=True) - [0, 0.02]
    np.testing.assert_allclose(noise, 0.02 * np.random.RandomState(0).randn(2), atol=1e-7)
