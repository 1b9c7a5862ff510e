"""Tests of reading observations through wrappers."""

import numpy as np
import pytest
from tf_agents.environments import wrappers

from ibc.environments.block_pushing.oracles import latest_observation
from tests import oracle_testing

_KEYS = ("target_translation", "block_orientation")


def _observation(number):
    """An observation whose every value tells its key's rank and the number."""
    return {
        key: np.float32(100 * number + 10 * rank + np.arange(size))
        for rank, (key, size) in enumerate(sorted(oracle_testing.PUSH_KEYS.items()))
    }


def _wrappings():
    history = [_observation(number) for number in range(3)]
    stacked = {key: np.stack([o[key] for o in history]) for key in history[0]}
    flat = [np.concatenate([o[key] for key in sorted(o)]) for o in history]
    return {"plain": history[2], "stacked": stacked, "flat": flat[2], "both": np.stack(flat)}


@pytest.mark.parametrize("wrapping", ["plain", "stacked", "flat", "both"])
def test_latest_values_are_found(wrapping):
    env = oracle_testing.table_env(oracle_testing.PUSH_KEYS)
    if wrapping in ("flat", "both"):
        env = wrappers.FlattenObservationsWrapper(env)
    read = latest_observation.LatestObservation(env, "Oracle", _KEYS)
    found = read(_wrappings()[wrapping])
    expected = _observation(2)
    assert set(found) == set(_KEYS)
    for key in _KEYS:
        np.testing.assert_array_equal(found[key], expected[key])


def test_values_are_read_as_float32():
    env = oracle_testing.table_env(oracle_testing.PUSH_KEYS)
    read = latest_observation.LatestObservation(env, "Oracle", _KEYS)
    found = read({key: value.astype(np.float64) + 1e-12 for key, value in _observation(1).items()})
    assert all(value.dtype == np.float32 for value in found.values())


def test_environment_of_another_task_is_refused():
    env = oracle_testing.table_env({"pos_agent": 2})
    with pytest.raises(ValueError, match=r"PushOracle needs .* block_orientation, but Table has: "):
        latest_observation.LatestObservation(env, "PushOracle", _KEYS)
