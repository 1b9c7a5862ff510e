"""Policies of the particle with one goal: its oracle, and others that a judge should tell apart."""

from typing import Any

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from ibc.environments import suite

_NOISE = 0.3
_SLOW_SHARE = 0.15
_LATE_STEPS = 8


class ReachOracle(py_policy.PyPolicy):
    """Has the goal as setpoint; goal and position are read from the environment."""

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the policy.

        Args:
          env: TF-Agents environment over a `ParticleReachEnv`.
          seed: Of what is drawn, where something is.
        """
        super().__init__(env.time_step_spec(), env.action_spec())
        self._env = suite.gym_env(env)
        self._rng = np.random.RandomState(seed)

    def setpoint(self, is_first: bool) -> np.ndarray:
        """Returns where the point is steered to [2]; beyond the unit square it is clipped."""
        return self._env.goal

    def _action(
        self, time_step: ts.TimeStep, policy_state: Any = (), seed: Any = None
    ) -> policy_step.PolicyStep:
        setpoint = self.setpoint(bool(time_step.is_first()))
        return policy_step.PolicyStep(np.clip(setpoint, 0, 1).astype(np.float32), policy_state)


class Noisy(ReachOracle):
    """Aims at the goal with normal noise of the standard deviation 0.3 in each step."""

    def setpoint(self, is_first: bool) -> np.ndarray:
        """See `ReachOracle`."""
        return self._env.goal + self._rng.normal(0, _NOISE, 2)


class Slow(ReachOracle):
    """Asks for 0.15 of the way that is left, so that it arrives far too late."""

    def setpoint(self, is_first: bool) -> np.ndarray:
        """See `ReachOracle`."""
        return self._env.position + _SLOW_SHARE * (self._env.goal - self._env.position)


class Still(ReachOracle):
    """Stays where it is."""

    def setpoint(self, is_first: bool) -> np.ndarray:
        """See `ReachOracle`."""
        return self._env.position


class Elsewhere(ReachOracle):
    """Goes, as the oracle does, to a place that is drawn at the start of each episode."""

    def setpoint(self, is_first: bool) -> np.ndarray:
        """See `ReachOracle`."""
        if is_first:
            self._place = self._rng.uniform(size=2)
        return self._place


class Late(ReachOracle):
    """Stays for 8 steps, then goes to the goal."""

    def setpoint(self, is_first: bool) -> np.ndarray:
        """See `ReachOracle`."""
        self._steps = 0 if is_first else self._steps + 1
        return self._env.position if self._steps < _LATE_STEPS else self._env.goal
