"""Doing nothing: what every policy of Push-T has to be better than."""

from typing import Any

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from ibc.environments import suite


class StayPolicy(py_policy.PyPolicy):
    """Has the disc stay where it is."""

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the policy for an environment of Push-T; nothing is drawn with `seed`."""
        super().__init__(env.time_step_spec(), env.action_spec())
        self._env = suite.gym_env(env)

    def _action(
        self, time_step: ts.TimeStep, policy_state: Any = (), seed: Any = None
    ) -> policy_step.PolicyStep:
        return policy_step.PolicyStep(self._env.resting_action.astype(np.float32), policy_state)
