"""Tests of the oracles of the tasks with one target: pushing, reaching, and both normalized."""

import functools
import math

import gin
import numpy as np
import pytest
from tf_agents.trajectories import time_step as ts

from ibc.environments import suite
from ibc.environments.block_pushing.oracles import oriented_push_oracle, reach_oracle
from tests import environment_testing, oracle_testing

_PLAIN = functools.partial(oracle_testing.table_env, oracle_testing.PUSH_KEYS)
_NORMALIZED = functools.partial(
    oracle_testing.table_env, dict.fromkeys(environment_testing.NORMALIZED_KEYS, 2)
)


def _oracle(control_frequency=10.0, **options):
    env = _PLAIN(control_frequency)
    return oriented_push_oracle.OrientedPushOracle(env, **options)


def _act(oracle, effector, yaw=0.0, is_first=False):
    """The block is at (0.4, 0), the target 0.3 m above it; the effector is relative to it."""
    scene = {
        "block_translation": (0.4, 0.0),
        "block_orientation": yaw,
        "target_translation": (0.4, 0.3),
        "effector": (0.4 + effector[0], effector[1]),
    }
    return oracle_testing.act(oracle, scene, is_first)


def _check(oracle, effector, expected, yaw=0.0):
    np.testing.assert_allclose(_act(oracle, effector, yaw), expected, atol=1e-6)


def _at_block(yaw=0.0):
    """Returns an oracle that stands behind the block and has just begun to move to it."""
    oracle = _oracle()
    _act(oracle, (0, -0.05), yaw, is_first=True)
    return oracle


@pytest.mark.parametrize(
    ("effector", "expected"),
    [
        # Far away it moves straight to the pre-block point at its speed limit.
        ((0.1, -0.05), [-0.03, 0]),
        # Near the point it goes exactly there and no further.
        ((0.003, -0.06), [-0.003, 0.01]),
        # At the point the same call moves on to the block.
        ((0, -0.05), [0, 0.02]),
    ],
)
def test_it_begins_by_moving_to_the_pre_block_point(effector, expected):
    action = _act(_oracle(), effector, is_first=True)
    np.testing.assert_allclose(action, expected, atol=1e-7)
    assert action.dtype == np.float32 and action.shape == (2,)


@pytest.mark.parametrize("frequency", [5.0, 10.0, 20.0])
def test_speed_does_not_depend_on_the_control_frequency(frequency):
    action = _act(_oracle(frequency), (0, -0.3), is_first=True)
    np.testing.assert_allclose(action * frequency, [0, 0.3], rtol=1e-5)


def test_one_call_passes_on_into_turning_too_when_the_block_is_askew():
    action = _act(_oracle(), (0, -0.05), yaw=0.3, is_first=True)
    assert np.linalg.norm(action) == pytest.approx(0.015, rel=1e-5)


def test_beside_the_block_it_pushes_towards_a_point_inside():
    oracle = _at_block()
    _check(oracle, (0.0005, -0.03), [-0.0005, 0.02])
    # From now on it pushes, wherever the effector is, until the block is askew.
    _check(oracle, (0, -0.1), [0, 0.035])
    _check(oracle, (0, -0.1), [0, 0.035], yaw=0.25)
    _check(oracle, (0, -0.06), [0, 0.01], yaw=0.25)


# The angle error is that of the direction to the target seen from the block: minus its yaw.
@pytest.mark.parametrize(("yaw", "side"), [(-0.25, 1), (0.25, -1)])
def test_block_askew_is_circled_until_it_is_nearly_straight(yaw, side):
    oracle = _at_block(yaw)
    effector = (0.025 * math.sin(side * 0.1), -0.025 * math.cos(side * 0.1))
    angle = -math.pi / 2 + side * 0.3
    step = np.subtract((0.025 * math.cos(angle), 0.025 * math.sin(angle)), effector)
    # Below the first threshold it goes on, below the second it has finished.
    for present in (yaw, yaw, yaw, 0.16 * yaw):
        _check(oracle, effector, step, present)
    _act(oracle, effector, 0.11 * yaw)
    _check(oracle, effector, np.subtract((0, -0.05), effector), 0.11 * yaw)


def test_first_step_starts_from_the_beginning():
    oracle = _at_block()
    _act(oracle, (0, -0.03))
    action = _act(oracle, (0, -0.04), is_first=True)
    np.testing.assert_allclose(action, [0, -0.01], atol=1e-6)


def test_noise_has_the_wanted_spread_and_the_published_draws():
    quiet, noisy = _oracle(), _oracle(action_noise_std=0.01)
    differences = [_act(noisy, (0, -0.3)) - _act(quiet, (0, -0.3)) for _ in range(200)]
    expected = 0.01 * np.random.RandomState(0).randn(200, 2)
    np.testing.assert_allclose(differences, expected, atol=1e-8)
    other = _act(_oracle(action_noise_std=0.01, seed=1), (0, -0.3))
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


def _reach_oracle(target=(0.3, 0.1), control_frequency=10.0):
    env = _PLAIN(control_frequency, reach_target_translation=np.array(target))
    return reach_oracle.ReachOracle(env)


@pytest.mark.parametrize("frequency", [5.0, 10.0, 20.0])
def test_it_goes_straight_to_the_reach_target_at_its_speed_limit(frequency):
    action = oracle_testing.act(
        _reach_oracle((0.3, 0.4), frequency), {"effector": (0, 0)}, is_first=True
    )
    np.testing.assert_allclose(action * frequency, [0.12, 0.16], rtol=1e-6)
    assert action.dtype == np.float32 and action.shape == (2,)


def test_near_the_reach_target_it_goes_there_and_no_further():
    action = oracle_testing.act(_reach_oracle(), {"effector": (0.29, 0.105)})
    np.testing.assert_allclose(action, [0.01, -0.005], atol=1e-7)


def test_task_without_a_reach_target_is_refused():
    env = _PLAIN(reach_target_translation=None)
    with pytest.raises(ValueError, match="ReachOracle needs an environment with a reach target"):
        reach_oracle.ReachOracle(env)


def _scenes(count):
    """Yields raw scenes, and the same as normalized observations."""
    rng = np.random.RandomState(0)
    for _ in range(count):
        block = np.array([0.4, -0.2]) + rng.uniform(-0.1, 0.1, 2)
        target = np.array([0.4, 0.2]) + rng.uniform(-0.1, 0.1, 2)
        effector = block + rng.uniform(-0.06, 0.06, 2)
        yaw, target_yaw = rng.uniform(-3, 3, 2)
        raw = {
            "block_translation": block,
            "block_orientation": yaw,
            "effector": effector,
            "target_translation": target,
            "target_orientation": target_yaw,
        }
        yield raw, environment_testing.normalized(block, yaw, target, target_yaw, effector)


def _check_same_actions(plain, normalized):
    for number, (raw, observation) in enumerate(_scenes(100)):
        is_first = number % 5 == 0
        expected = oracle_testing.act(plain, raw, is_first=is_first)
        action = oracle_testing.act(normalized, observation, is_first=is_first)
        assert action.dtype == np.float32
        scaled = environment_testing.scaled("action", expected)
        np.testing.assert_allclose(action, scaled, atol=2e-4)


def test_push_oracle_is_the_plain_one_behind_the_maps():
    normalized = oriented_push_oracle.OrientedPushNormalizedOracle(_NORMALIZED())
    _check_same_actions(_oracle(), normalized)


def test_reach_oracle_is_the_plain_one_behind_the_maps():
    target = (0.38, -0.26)
    env = _NORMALIZED(reach_target_translation=np.array(target))
    _check_same_actions(_reach_oracle(target), reach_oracle.ReachNormalizedOracle(env))


@pytest.mark.parametrize("task", ["PUSH_NORMALIZED", "REACH_NORMALIZED"])
@pytest.mark.parametrize("history_length", [None, 2])
def test_task_is_solved(task, history_length):
    env = suite.load(task, history_length=history_length)
    oracle = suite.tasks.get_task(task).oracle_class("oracle")(env, seed=0)
    for seed in range(2):
        oracle_testing.rollout(env, oracle, seed)
        assert suite.gym_env(env).succeeded


def test_plain_observations_are_refused():
    env = _PLAIN()
    with pytest.raises(ValueError, match="OrientedPushNormalizedOracle needs observations with"):
        oriented_push_oracle.OrientedPushNormalizedOracle(env)


@pytest.mark.parametrize("normalized", [False, True])
def test_gin_knows_the_noise(normalized):
    oracle = oriented_push_oracle.OrientedPushOracle
    env, (observation, observation_normalized) = _PLAIN(), next(_scenes(1))
    if normalized:
        oracle = oriented_push_oracle.OrientedPushNormalizedOracle
        env, observation = _NORMALIZED(), observation_normalized
    gin.parse_config(f"{oracle.__name__}.action_noise_std = 0.01")
    noisy = oracle_testing.act(oracle(env), observation)
    gin.clear_config()
    noise = noisy - oracle_testing.act(oracle(env), observation)
    expected = 0.01 * np.random.RandomState(0).randn(2)
    if normalized:
        expected *= 2 / np.subtract(*reversed(environment_testing.RANGES["action"]))
    np.testing.assert_allclose(noise, expected, rtol=1e-5)
