"""Tests of the reach oracle."""

import json

import numpy as np
import pytest

from ibc.environments import suite
from ibc.environments.block_pushing.oracles import reach_oracle
from tests import oracle_testing


def _oracle(target=(0.3, 0.1), control_frequency=10.0):
    env = oracle_testing.table_env(
        oracle_testing.PUSH_KEYS, control_frequency, reach_target_translation=np.array(target)
    )
    return reach_oracle.ReachOracle(env)


@pytest.mark.parametrize("frequency", [5.0, 10.0, 20.0])
def test_it_goes_straight_to_the_target_at_its_speed_limit(frequency):
    action = oracle_testing.act(_oracle((0.3, 0.4), frequency), {"effector": (0, 0)}, is_first=True)
    np.testing.assert_allclose(action * frequency, [0.12, 0.16], rtol=1e-6)
    assert action.dtype == np.float32 and action.shape == (2,)


def test_near_the_target_it_goes_there_and_no_further():
    action = oracle_testing.act(_oracle(), {"effector": (0.29, 0.105)})
    np.testing.assert_allclose(action, [0.01, -0.005], atol=1e-7)


def test_task_without_a_reach_target_is_refused():
    env = oracle_testing.table_env(oracle_testing.PUSH_KEYS, reach_target_translation=None)
    with pytest.raises(ValueError, match="ReachOracle needs an environment with a reach target"):
        reach_oracle.ReachOracle(env)


def test_recorded_rollouts_are_reproduced(golden):
    oracle_testing.check_rollouts(
        lambda: suite.load("REACH"),
        lambda env, seed: reach_oracle.ReachOracle(env, seed=seed),
        json.loads(golden("env/oracle_BlockReach.json").read_text())["rollouts"],
        np.load(golden("env/oracle_BlockReach_actions.npz"))["actions"],
    )
