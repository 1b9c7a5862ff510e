"""Oracle of the reacher: joint angles by inverse kinematics, held by a damped spring."""

import gin
import numpy as np
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import policy_step, time_step
from tf_agents.typing import types

from ibc.environments import suite

_LINK_METRES = 0.12
_ELBOW_LIMIT = np.deg2rad(160)


@gin.configurable
class ReacherOracle(py_policy.PyPolicy):
    """Pulls both joints to the angles at which the tip is on the target.

    Arm and target are read from the environment, so it does not matter what is observed.
    """

    def __init__(
        self,
        env: py_environment.PyEnvironment,
        stiffness: float = 3.0,
        damping: float = 0.3,
        seed: int | None = None,
    ):
        """Creates the oracle.

        Args:
          env: TF-Agents environment over a `ReacherEnv`.
          stiffness: Torque per angle that is missing, 1/rad.
          damping: Torque against a velocity, s/rad.
          seed: Not used: nothing is drawn.
        """
        super().__init__(env.time_step_spec(), env.action_spec())
        self._env = suite.gym_env(env)
        self._stiffness, self._damping = stiffness, damping
        self._goal = np.zeros(2)

    def _action(
        self,
        time_step: time_step.TimeStep,
        policy_state: types.NestedArray,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        if time_step.is_first():
            self._goal = nearest_angles(self._env.target, self._env.angles)
        missing = self._goal - self._env.angles
        torque = self._stiffness * missing - self._damping * self._env.velocities
        return policy_step.PolicyStep(np.clip(torque, -1, 1).astype(np.float32), policy_state)


def nearest_angles(target: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Returns angles at which the tip is on a target, those of the two elbows that are nearer.

    Args:
      target: [2] in metres, within reach.
      angles: Of shoulder and elbow now, [2] in radians; the shoulder turns without an end.

    Returns:
      Angles [2] in radians, the shoulder's less than half a turn away.
    """
    reach = np.clip(np.hypot(*target) / (2 * _LINK_METRES), 0, 1)
    bend = min(2 * np.arccos(reach), _ELBOW_LIMIT)
    elbows = np.array([bend, -bend])
    shoulders = np.arctan2(target[1], target[0]) - elbows / 2
    turns = np.stack([_wrapped(shoulders - angles[0]), elbows - angles[1]], axis=1)
    return angles + turns[np.argmin(np.linalg.norm(turns, axis=1))]


def _wrapped(angles: np.ndarray) -> np.ndarray:
    """Returns the same directions in [−π, π)."""
    return (angles + np.pi) % (2 * np.pi) - np.pi
