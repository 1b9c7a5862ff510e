"""The simulated robot: an xArm 6 with a tool, steered by the pose of its effector."""

import math
from collections.abc import Sequence

from ibc.environments.block_pushing.simulation import bullet

HOME_JOINT_POSITIONS = tuple(math.radians(angle) for angle in (0, -20, -80, 0, 100, -30))
"""Angles of the joints when no others are given, in radians."""

TOOLS = ("suction", "cylinder", "cylinder_real")

_URDF = "xarm/xarm6_robot.urdf"
_EFFECTOR_LINK = 6
_TOOL_MAX_FORCE = 50.0
_JOINT_MAX_FORCES = (1200.0,) * 6
_IK_MAX_ITERATIONS = 100
_IK_RESIDUAL = 1e-10
_IK_LOWER_LIMITS = (-17.0,) * 6
_IK_UPPER_LIMITS = (17.0,) * 6
_IK_JOINT_RANGES = (17.0,) * 6
_WHITE = (1.0, 1.0, 1.0, 1.0)


class XArmSimRobot:
    """Six revolute joints under position control, and a tool fixed to the last link."""

    def __init__(
        self,
        pybullet_client: bullet.Client,
        initial_joint_positions: Sequence[float] = HOME_JOINT_POSITIONS,
        end_effector: str | None = None,
        color: str = "default",
    ):
        """Loads the robot at the origin.

        Args:
          pybullet_client: The simulation.
          initial_joint_positions: Angles of the six joints, radians.
          end_effector: One of `TOOLS`, or None for a bare arm.
          color: 'default' for PyBullet's colours, or 'white'.

        Raises:
          ValueError: There is no such tool or colour.
        """
        if end_effector is not None and end_effector not in TOOLS:
            raise ValueError(f"end_effector must be None or one of {TOOLS}, got {end_effector!r}.")
        if color not in ("default", "white"):
            raise ValueError(f"color must be 'default' or 'white', got {color!r}.")
        self._client = pybullet_client
        self.body = bullet.load_from_pybullet_data(pybullet_client, _URDF)
        links = range(pybullet_client.getNumJoints(self.body))
        self._joints = [
            link
            for link in links
            if pybullet_client.getJointInfo(self.body, link)[2] == bullet.pybullet.JOINT_REVOLUTE
        ]
        for joint in self._joints:
            pybullet_client.changeDynamics(self.body, joint, linearDamping=0, angularDamping=0)
        if color == "white":
            for link in (-1, *links):
                pybullet_client.changeVisualShape(self.body, link, rgbaColor=_WHITE)
        self.reset_joints(initial_joint_positions)
        self.target_joint_positions = list(initial_joint_positions)
        self.end_effector = None if end_effector is None else self._attach_tool(end_effector)

    def reset_joints(
        self, positions: Sequence[float], velocities: Sequence[float] = (0.0,) * 6
    ) -> None:
        """Puts the joints to `positions` (radians) at once, moving at `velocities` (rad/s)."""
        for joint, position, velocity in zip(self._joints, positions, velocities, strict=True):
            self._client.resetJointState(self.body, joint, position, velocity)

    def joint_states(self) -> tuple[list[float], list[float]]:
        """Returns the joints' positions (radians) and velocities (rad/s)."""
        states = self._client.getJointStates(self.body, self._joints)
        return [state[0] for state in states], [state[1] for state in states]

    def forward_kinematics(self) -> bullet.Pose:
        """Returns the pose of the effector link's centre of mass."""
        return bullet.Pose(*self._client.getLinkState(self.body, _EFFECTOR_LINK)[:2])

    def inverse_kinematics(self, effector_pose: bullet.Pose) -> tuple[float, ...]:
        """Returns six joint positions (radians) that bring the effector to a pose."""
        positions, _ = self.joint_states()
        return self._client.calculateInverseKinematics(
            self.body,
            _EFFECTOR_LINK,
            effector_pose.translation,
            effector_pose.quaternion,
            lowerLimits=_IK_LOWER_LIMITS,
            upperLimits=_IK_UPPER_LIMITS,
            jointRanges=_IK_JOINT_RANGES,
            restPoses=[0.0, 0.0, *positions[2:]],
            maxNumIterations=_IK_MAX_ITERATIONS,
            residualThreshold=_IK_RESIDUAL,
        )

    def set_target_effector_pose(self, effector_pose: bullet.Pose) -> None:
        """Makes the joints' controllers move the effector to a pose."""
        self.set_target_joint_positions(self.inverse_kinematics(effector_pose))

    def set_target_joint_positions(self, positions: Sequence[float]) -> None:
        """Makes the joints' controllers move to `positions` (radians)."""
        self.target_joint_positions = list(positions)
        self._client.setJointMotorControlArray(
            self.body,
            self._joints,
            bullet.pybullet.POSITION_CONTROL,
            targetPositions=self.target_joint_positions,
            forces=_JOINT_MAX_FORCES,
        )

    def _attach_tool(self, name: str) -> int:
        effector = self.forward_kinematics()
        tool = bullet.load_asset(
            self._client,
            f"tool_{name}.urdf",
            basePosition=effector.translation,
            baseOrientation=effector.quaternion,
        )
        constraint = self._client.createConstraint(
            parentBodyUniqueId=self.body,
            parentLinkIndex=_EFFECTOR_LINK,
            childBodyUniqueId=tool,
            childLinkIndex=-1,
            jointType=bullet.pybullet.JOINT_FIXED,
            jointAxis=(0, 0, 0),
            parentFramePosition=(0, 0, 0),
            childFramePosition=(0, 0, 0),
        )
        self._client.changeConstraint(constraint, maxForce=_TOOL_MAX_FORCE)
        return tool
