"""Tests of the oracles of the normalized tasks, against the maps' table."""

import gin
import numpy as np
import pytest

from ibc.environments import suite
from ibc.environments.block_pushing.oracles import (
    oriented_push_oracle,
    reach_oracle,
)
from tests import oracle_testing

# Smallest and largest values that are mapped to -1 and 1.
_ACTION = ((-0.02547718, -0.02090043), (0.02869084, 0.04272365))
_TABLE = {
    "effector_target_translation": (
        (0.1774151772260666, -0.6287994794547558),
        (0.5654461532831192, 0.5441607423126698),
    ),
    "effector_target_to_block_translation": (
        (-0.07369826920330524, -0.11395704373717308),
        (0.10131562314927578, 0.19391131028532982),
    ),
    "effector_target_to_target_translation": (
        (-0.17813862301409245, -0.3309651017189026),
        (0.23726161383092403, 0.8404090404510498),
    ),
    "block_orientation_cos_sin": (
        (-2.0649861991405487, -0.6154364347457886),
        (1.6590178310871124, 1.8811014890670776),
    ),
    "target_orientation_cos_sin": (
        (-1.0761439241468906, -0.8846937336493284),
        (-0.8344330154359341, 0.8786859593819827),
    ),
}


def _normalized(value, bounds):
    low, high = np.array(bounds)
    return 2 * (np.asarray(value) - low) / (high - low) - 1


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
        values = {
            "effector_target_translation": effector,
            "effector_target_to_block_translation": block - effector,
            "effector_target_to_target_translation": target - effector,
            "block_orientation_cos_sin": (np.cos(yaw), np.sin(yaw)),
            "target_orientation_cos_sin": (np.cos(target_yaw), np.sin(target_yaw)),
        }
        yield raw, {key: _normalized(value, _TABLE[key]) for key, value in values.items()}


def _check_same_actions(plain, normalized):
    for number, (raw, observation) in enumerate(_scenes(100)):
        is_first = number % 5 == 0
        expected = oracle_testing.act(plain, raw, is_first=is_first)
        action = oracle_testing.act(normalized, observation, is_first=is_first)
        assert action.dtype == np.float32
        np.testing.assert_allclose(action, _normalized(expected, _ACTION), atol=2e-4)


def test_push_oracle_is_the_plain_one_behind_the_maps():
    plain = oracle_testing.table_env(oracle_testing.PUSH_KEYS)
    normalized = oracle_testing.table_env(dict.fromkeys(_TABLE, 2))
    _check_same_actions(
        oriented_push_oracle.OrientedPushOracle(plain),
        oriented_push_oracle.OrientedPushNormalizedOracle(normalized),
    )


def test_reach_oracle_is_the_plain_one_behind_the_maps():
    target = {"reach_target_translation": np.array([0.38, -0.26])}
    plain = oracle_testing.table_env(oracle_testing.PUSH_KEYS, **target)
    normalized = oracle_testing.table_env(dict.fromkeys(_TABLE, 2), **target)
    _check_same_actions(
        reach_oracle.ReachOracle(plain), reach_oracle.ReachNormalizedOracle(normalized)
    )


@pytest.mark.parametrize("task", ["PUSH_NORMALIZED", "REACH_NORMALIZED"])
@pytest.mark.parametrize("history_length", [None, 2])
def test_task_is_solved(task, history_length):
    env = suite.load(task, history_length=history_length)
    oracle = suite.tasks.get_task(task).oracle_class("oracle")(env, seed=0)
    for seed in range(2):
        oracle_testing.rollout(env, oracle, seed)
        assert suite.gym_env(env).succeeded


def test_plain_observations_are_refused():
    env = oracle_testing.table_env(oracle_testing.PUSH_KEYS)
    with pytest.raises(ValueError, match="OrientedPushNormalizedOracle needs observations with"):
        oriented_push_oracle.OrientedPushNormalizedOracle(env)


def test_gin_knows_the_noise():
    gin.parse_config("OrientedPushNormalizedOracle.action_noise_std = 0.01")
    env = oracle_testing.table_env(dict.fromkeys(_TABLE, 2))
    noisy = oriented_push_oracle.OrientedPushNormalizedOracle(env)
    gin.clear_config()
    quiet = oriented_push_oracle.OrientedPushNormalizedOracle(env)
    _, observation = next(_scenes(1))
    noise = oracle_testing.act(noisy, observation) - oracle_testing.act(quiet, observation)
    expected = 0.01 * np.random.RandomState(0).randn(2) * 2 / np.subtract(*reversed(_ACTION))
    np.testing.assert_allclose(noise, expected, rtol=1e-5)
