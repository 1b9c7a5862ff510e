"""How long a policy takes: what is counted as the first call, and as planning."""

import time
import types

import numpy as np
import pytest

from ibc.deploy import latency
from ibc.runtime import description


class _Policy:
    """Waits for a while in the first call, and in each that plans."""

    def __init__(self, action_steps):
        field = description.Field((2,), "float32", None)
        chunks = action_steps and description.Chunks(8, action_steps)
        self.description = types.SimpleNamespace(
            observation={"": field}, is_array=True, chunks=chunks
        )
        self._steps = action_steps or 1

    def reset(self, batch_size):
        self._shape, self._calls = (batch_size, 2), 0

    def __call__(self, observation):
        assert observation.shape == self._shape and not np.any(observation)
        is_plan = self._calls % self._steps == 0
        time.sleep(0.05 if not self._calls else 0.01 if is_plan else 0.0)
        self._calls += 1


@pytest.mark.parametrize("action_steps", [None, 1, 4])
def test_calls_that_plan_are_told_apart(action_steps):
    found = latency.measure(_Policy(action_steps), batch_size=3, num_actions=20)
    assert found.first >= 50
    assert found.p95 >= 10
    if action_steps == 4:
        assert found.planning >= 10 > found.median
    else:
        assert found.planning is None and found.median >= 10
