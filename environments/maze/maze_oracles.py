"""Policies of the maze: the scripted demonstrator, and the shortcut beside the corridor."""

import gin
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step, time_step
from tf_agents.typing import types

from ibc.environments import suite
from ibc.environments.maze import demonstrator


@gin.configurable
class CorridorOracle(py_policy.PyPolicy):
    """Goes through both legs of the corridor, with noise, as `demonstrator.Demonstrator` does."""

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a `MazeEnv`.
          seed: Seed of the noise.
        """
        super().__init__(env.time_step_spec(), env.action_spec())
        self._env = suite.gym_env(env)
        self._rng = np.random.default_rng(seed)
        self._demonstrator = demonstrator.Demonstrator(1, self._rng)

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        if time_step.is_first():
            self._demonstrator = demonstrator.Demonstrator(1, self._rng)
        action = self._demonstrator.actions(self._env.position[np.newaxis])[0]
        return policy_step.PolicyStep(action.astype(np.float32), policy_state)


class ShortcutPolicy(py_policy.PyPolicy):
    """Goes straight towards the far corner, which leads to the published goal."""

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the policy; nothing is drawn with `seed`."""
        super().__init__(env.time_step_spec(), env.action_spec())

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        return policy_step.PolicyStep(np.ones(2, np.float32), policy_state)
