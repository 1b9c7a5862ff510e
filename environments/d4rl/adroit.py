"""Dexterous manipulation with a 24-joint hand: door, hammer, pen, relocate.

Rajeswaran et al., Learning Complex Dexterous Manipulation, RSS 2018, as in D4RL. Physics and
observations are gymnasium-robotics'; rewards are computed here, since its reaching term has
another sign than D4RL's. Positions are in metres, angles in radians.
"""

import abc

import numpy as np

from ibc.environments.d4rl import d4rl_env
from ibc.environments.d4rl import task as d4rl_tasks

SUCCESS_STEPS = 25
"""An episode is a success if the goal is achieved on more steps than this."""

_SIMULATORS = "gymnasium_robotics.envs.adroit_hand"


class AdroitEnv(d4rl_env.WholeEnv):
    """The hand, with what it has to do left to subclasses."""

    def __init__(self, render_mode: str | None = None):
        """Loads the scene; `render_mode` is None or 'rgb_array'."""
        super().__init__(render_mode)
        import mujoco

        # The collision routine that MuJoCo had when D4RL was recorded; with the present one fingers
        # that touch part from D4RL's recordings by 2e-3 rad.
        self.model.opt.disableflags |= mujoco.mjtDisableBit.mjDSBL_NATIVECCD

    @property
    def succeeded(self) -> bool:
        """Whether the goal was achieved on more than `SUCCESS_STEPS` steps."""
        return self.goal_steps > SUCCESS_STEPS

    @property
    def palm(self) -> np.ndarray:
        """Position of the palm [3]."""
        return self.data.site("S_grasp").xpos

    @property
    def held(self) -> np.ndarray:
        """Position of the object that is to be held [3]."""
        return self.data.body("Object").xpos

    @abc.abstractmethod
    def compute_reward(self) -> float:
        """Returns D4RL's reward of the state as it is."""

    @abc.abstractmethod
    def _place(self, observation: np.ndarray, positions: np.ndarray) -> None:
        """Moves what the observation tells of: model bodies, and joint positions in place."""

    def _has_failed(self) -> bool:
        return False

    def _advance(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        observation = self.simulator.step(action)[0]
        return observation, self.compute_reward(), self._has_failed()

    def _restore(self, observation: np.ndarray) -> np.ndarray:
        positions = self.model.qpos0.copy()
        self._place(observation, positions)
        return self._observe_at_rest(positions)

    def _observe_at_rest(self, positions: np.ndarray) -> np.ndarray:
        """Goes to joint positions, without velocities; returns the observation there."""
        self.simulator.set_state(positions, np.zeros(self.model.nv))
        # An action of the simulator would move it; its own observation has no public name.
        return self.simulator._get_obs()


class DoorEnv(AdroitEnv):
    """Undo the latch and swing the door open."""

    family = d4rl_tasks.DOOR
    target = f"{_SIMULATORS}.adroit_door:AdroitHandDoorEnv"
    camera = {"lookat": (0.0, 0.0, 0.25), "distance": 1.2, "azimuth": 60, "elevation": -25}  # noqa: RUF012

    @property
    def handle(self) -> np.ndarray:
        """Position of the door's handle [3]."""
        return self.data.site("S_handle").xpos

    @property
    def door_angle(self) -> float:
        """Angle of the door, 0 when it is closed."""
        return float(self.data.joint("door_hinge").qpos[0])

    @property
    def goal_achieved(self) -> bool:
        """Whether the door stands open."""
        return self.door_angle >= 1.35

    def compute_reward(self) -> float:
        angle = self.door_angle
        reward = -0.1 * np.linalg.norm(self.palm - self.handle)
        reward -= 0.1 * (angle - 1.57) ** 2
        reward -= 1e-5 * np.sum(self.data.qvel**2)
        return float(reward + 2 * (angle > 0.2) + 8 * (angle > 1.0) + 10 * (angle > 1.35))

    def _place(self, observation: np.ndarray, positions: np.ndarray) -> None:
        # The arm's own slide, the first joint, is not observed.
        positions[1:28] = observation[:27]
        positions[28:30] = observation[28], observation[27]
        self._observe_at_rest(positions)
        self.model.body("frame").pos += observation[32:35] - self.handle


class HammerEnv(AdroitEnv):
    """Pick up the hammer and drive the nail in."""

    family = d4rl_tasks.HAMMER
    target = f"{_SIMULATORS}.adroit_hammer:AdroitHandHammerEnv"
    camera = {"lookat": (0.0, 0.0, 0.15), "distance": 1.1, "azimuth": 50, "elevation": -30}  # noqa: RUF012

    @property
    def tool(self) -> np.ndarray:
        """Position of the hammer's head [3]."""
        return self.data.site("tool").xpos

    @property
    def nail(self) -> np.ndarray:
        """Position of the nail's head [3]."""
        return self.data.site("S_target").xpos

    @property
    def nail_distance(self) -> float:
        """How far the nail is from where it should be."""
        return float(np.linalg.norm(self.nail - self.data.site("nail_goal").xpos))

    @property
    def goal_achieved(self) -> bool:
        """Whether the nail is driven in."""
        return self.nail_distance < 0.010

    def compute_reward(self) -> float:
        distance = self.nail_distance
        reward = -0.1 * np.linalg.norm(self.palm - self.held)
        reward -= np.linalg.norm(self.tool - self.nail) + 10 * distance
        reward -= 1e-2 * np.linalg.norm(self.data.qvel)
        is_lifted = self.held[2] > 0.04 and self.tool[2] > 0.04
        return float(reward + 2 * is_lifted + 25 * (distance < 0.020) + 75 * (distance < 0.010))

    def _place(self, observation: np.ndarray, positions: np.ndarray) -> None:
        positions[:27] = observation[:27]
        self._observe_at_rest(positions)
        self.model.body("nail_board").pos += observation[42:45] - self.nail


class PenEnv(AdroitEnv):
    """Turn the pen in the hand to a given orientation; the episode ends if it falls."""

    family = d4rl_tasks.PEN
    target = f"{_SIMULATORS}.adroit_pen:AdroitHandPenEnv"
    camera = {"lookat": (0.0, -0.2, 0.25), "distance": 0.6, "azimuth": -45, "elevation": -35}  # noqa: RUF012

    @property
    def pen_direction(self) -> np.ndarray:
        """Direction of the pen [3], of length 1."""
        ends = self.data.site("object_top").xpos - self.data.site("object_bottom").xpos
        return ends / self.simulator.pen_length

    @property
    def desired_direction(self) -> np.ndarray:
        """Direction that the pen should have [3], of length 1."""
        ends = self.data.site("target_top").xpos - self.data.site("target_bottom").xpos
        return ends / self.simulator.tar_length

    @property
    def similarity(self) -> float:
        """Cosine of the angle between the two directions."""
        return float(np.dot(self.pen_direction, self.desired_direction))

    @property
    def distance(self) -> float:
        """How far the pen is from where it should be."""
        return float(np.linalg.norm(self.held - self.data.site("eps_ball").xpos))

    @property
    def goal_achieved(self) -> bool:
        """Whether the pen is in its place and turned as desired."""
        return self.distance < 0.075 and self.similarity > 0.95

    def compute_reward(self) -> float:
        is_near = self.distance < 0.075
        reward = self.similarity - self.distance - 5 * self._has_failed()
        return float(reward + 10 * (is_near and self.similarity > 0.9) + 50 * self.goal_achieved)

    def _has_failed(self) -> bool:
        return bool(self.held[2] < 0.075)

    def _place(self, observation: np.ndarray, positions: np.ndarray) -> None:
        positions[:24] = observation[:24]
        self._observe_at_rest(positions)
        turn = _shortest_turn(self.desired_direction, observation[36:39])
        target = self.model.body("target")
        target.quat[:] = _product(turn, target.quat)


class RelocateEnv(AdroitEnv):
    """Take the ball to the target."""

    family = d4rl_tasks.RELOCATE
    target = f"{_SIMULATORS}.adroit_relocate:AdroitHandRelocateEnv"
    camera = {"lookat": (0.0, 0.0, 0.15), "distance": 1.3, "azimuth": 90, "elevation": -35}  # noqa: RUF012

    @property
    def goal(self) -> np.ndarray:
        """Position of the target [3]."""
        return self.data.site("target").xpos

    @property
    def distance(self) -> float:
        """How far the ball is from the target."""
        return float(np.linalg.norm(self.held - self.goal))

    @property
    def goal_achieved(self) -> bool:
        """Whether the ball is at the target."""
        return self.distance < 0.1

    def compute_reward(self) -> float:
        reward = -0.1 * np.linalg.norm(self.palm - self.held)
        if self.held[2] > 0.04:
            reward += 1.0 - 0.5 * np.linalg.norm(self.palm - self.goal) - 0.5 * self.distance
        return float(reward + 10 * (self.distance < 0.1) + 20 * (self.distance < 0.05))

    def _place(self, observation: np.ndarray, positions: np.ndarray) -> None:
        positions[:30] = observation[:30]
        self._observe_at_rest(positions)
        self.model.body("Object").pos += self.palm - observation[30:33] - self.held
        self.model.site("target").pos += self.palm - observation[33:36] - self.goal


def _shortest_turn(start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """Returns the quaternion [4] (w first) of the smallest rotation of one unit vector to another.

    They must not be opposite.
    """
    quaternion = np.append(1 + np.dot(start, end), np.cross(start, end))
    return quaternion / np.linalg.norm(quaternion)


def _product(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns the quaternion [4] (w first) of the rotation `right` followed by `left`."""
    import mujoco

    result = np.zeros(4)
    mujoco.mju_mulQuat(result, left, right)
    return result
