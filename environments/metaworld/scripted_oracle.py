"""Meta-World's scripted policies as oracles."""

import warnings

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step, time_step
from tf_agents.typing import types

from ibc.environments import suite


class ScriptedOracle(py_policy.PyPolicy):
    """Does what Meta-World's script for the task does.

    The state is read from the environment, so it does not matter what is observed.
    """

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a `MetaWorldEnv`.
          seed: Not used: nothing is drawn.
        """
        super().__init__(env.time_step_spec(), env.action_spec())
        from metaworld import policies  # It is there, as the environment is made of it.

        self._env = suite.gym_env(env)
        self._script = policies.ENV_POLICY_MAP[self._env.task]()

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        with warnings.catch_warnings():  # of actions that have to be clipped
            warnings.simplefilter("ignore")
            action = self._script.get_action(self._env.state)
        return policy_step.PolicyStep(np.clip(action, -1, 1).astype(np.float32), policy_state)
