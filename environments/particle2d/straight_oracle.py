"""The oracle of the particle on a plane: straight to the centre."""

from typing import Any

import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts

from ibc.environments import suite
from ibc.environments.particle2d import particle_goal

_PIXELS = 20.0


class StraightOracle(py_policy.PyPolicy):
    """Moves towards the centre along each axis, slower within 20 pixels of it."""

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the oracle of a `ParticleGoalEnv`; nothing is drawn with `seed`."""
        super().__init__(env.time_step_spec(), env.action_spec())
        self._env = suite.gym_env(env)

    def _action(
        self, time_step: ts.TimeStep, policy_state: Any = (), seed: Any = None
    ) -> policy_step.PolicyStep:
        action = np.clip((particle_goal.GOAL - self._env.position) / _PIXELS, -1, 1)
        return policy_step.PolicyStep(action.astype(np.float32), policy_state)
