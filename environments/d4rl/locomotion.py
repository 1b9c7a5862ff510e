"""Gymnasium's HalfCheetah, Hopper and Walker2d, version 4, in which D4RL's rewards are computed."""

import numpy as np

from ibc.environments.d4rl import d4rl_env
from ibc.environments.d4rl import task as d4rl_tasks

_SIMULATORS = "gymnasium.envs.mujoco"


class LocomotionEnv(d4rl_env.WholeEnv):
    """Run forwards as fast as possible; Hopper's and Walker2d's episodes end when they fall.

    Observation: joint positions but for the distance covered, then velocities.
    """

    camera = "track"
    has_goal = False

    @property
    def goal_achieved(self) -> bool:
        """Never: there is no goal, the return is the score."""
        return False

    def _advance(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        observation, reward, terminated, _, _ = self.simulator.step(action)
        return observation, reward, terminated

    def _restore(self, observation: np.ndarray) -> np.ndarray:
        positions, velocities = np.split(np.append(0.0, observation), [self.model.nq])
        self.simulator.set_state(positions, velocities)
        return self.simulator._get_obs()


class HalfCheetahEnv(LocomotionEnv):
    """A planar cheetah with six joints."""

    family = d4rl_tasks.HALFCHEETAH
    target = f"{_SIMULATORS}.half_cheetah_v4:HalfCheetahEnv"


class HopperEnv(LocomotionEnv):
    """A planar leg with three joints."""

    family = d4rl_tasks.HOPPER
    target = f"{_SIMULATORS}.hopper_v4:HopperEnv"


class Walker2dEnv(LocomotionEnv):
    """Two planar legs with six joints."""

    family = d4rl_tasks.WALKER2D
    target = f"{_SIMULATORS}.walker2d_v4:Walker2dEnv"
