"""Oracle of the reaching task: go straight to the reach target."""

import gin
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step, time_step
from tf_agents.typing import types

from ibc.environments import suite
from ibc.environments.block_pushing.oracles import pushing_info

SPEED = 0.2
"""Speed limit in m/s."""


@gin.configurable
class ReachOracle(py_policy.PyPolicy):
    """Moves the commanded effector to the reach target, at most 0.2 m/s (REACH).

    The target is read from the environment: no observation shows where it stays once the
    block is touched.
    """

    observation_keys = ("effector_target_translation",)

    def __init__(self, env: py_environment.PyEnvironment, seed: int | None = None):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a block pushing environment of the reaching task.
          seed: Accepted as by every oracle; nothing is drawn here.

        Raises:
          ValueError: The environment is of another task.
        """
        del seed
        super().__init__(env.time_step_spec(), env.action_spec())
        self._latest = pushing_info.LatestObservation(
            env, type(self).__name__, self.observation_keys
        )
        self._env = suite.gym_env(env)
        if getattr(self._env, "reach_target_translation", None) is None:
            raise ValueError(
                f"{type(self).__name__} needs an environment with a reach target, but "
                f"{type(self._env).__name__} has none; choose the oracle of the task."
            )

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        effector = self._read(time_step.observation)["effector_target_translation"]
        displacement = pushing_info.shortened(
            self._env.reach_target_translation - effector, SPEED / self._env.control_frequency
        )
        return policy_step.PolicyStep(displacement.astype(np.float32), policy_state)

    def _read(self, observation: types.NestedArray) -> dict[str, np.ndarray]:
        """Returns the latest values of an observation, in metres and radians."""
        return self._latest(observation)


@gin.configurable
class ReachNormalizedOracle(pushing_info.NormalizedMaps, ReachOracle):
    """`ReachOracle` for REACH_NORMALIZED."""
