"""The simulated table: robot, targets and blocks, and how each episode's world comes to be."""

import dataclasses
import math
import time
from collections.abc import Iterable, Iterator, Sequence

from ibc.environments.block_pushing.simulation import bullet, camera, renderer, xarm_sim_robot

_GRAVITY = -9.8
_PLANE_Z = -0.001
_WORKSPACE_TRANSLATION = (0.35, 0.0, 0.0)
_SETTLING_STEPS = 100
_INITIAL_JOINT_POSITIONS = (
    -0.9254632489674508,
    0.6990770671568564,
    -1.106629064060494,
    0.0006653351931553931,
    0.3987969742311386,
    -4.063402065624296,
)
_EFFECTOR_DOWN = bullet.from_rotation_vector((0.0, 0.0, 0.0), (0.0, math.pi, 0.0)).quaternion


@dataclasses.dataclass(frozen=True)
class Look:
    """How the table looks, how much of it the effector may use, and where the camera is."""

    workspace_urdf: str
    """Asset of the rectangle that shows the workspace."""
    workspace_low: tuple[float, float]
    """Smallest x, y of the commanded effector, metres."""
    workspace_high: tuple[float, float]
    """Largest x, y of the commanded effector, metres."""
    robot_color: str
    """Colour of the arm; see `XArmSimRobot`."""
    camera: camera.Camera
    """The camera."""


LOOKS = {
    "default": Look("workspace.urdf", (0.15, -0.5), (0.7, 0.5), "default", camera.DEFAULT),
    "real": Look("workspace_real.urdf", (0.15, -0.3048), (0.6, 0.3048), "white", camera.REAL),
}


@dataclasses.dataclass(frozen=True)
class Start:
    """Where everything is placed when an episode starts."""

    effector: tuple[float, float, float]
    """Where the effector is commanded to, metres; it points down."""
    blocks: tuple[bullet.Pose, ...]
    """Pose of each block."""
    targets: tuple[bullet.Pose, ...]
    """Pose of each target."""


Move = tuple[tuple[float, float, float], int]
"""A commanded effector position in metres, and how many simulation steps it lasted."""


class Scene:
    """Robot, targets and blocks in a simulation of their own.

    Episodes start from the saved world: that in which everything, once loaded, has settled.
    """

    def __init__(
        self,
        target_urdfs: Sequence[str],
        block_urdfs: Sequence[str],
        first_start: Start,
        look: Look = LOOKS["default"],
        end_effector: str = "suction",
        shared_memory: bool = False,
        drawn_by: str = "tiny",
    ):
        """Loads everything and starts an episode.

        Args:
          target_urdfs: Asset of each target; targets do not move.
          block_urdfs: Asset of each block.
          first_start: How the first episode starts.
          look: How the table looks.
          end_effector: The robot's tool, one of `xarm_sim_robot.TOOLS`.
          shared_memory: Whether the simulation is that of a shared-memory server.
          drawn_by: What draws pictures, 'tiny' or 'egl'; a server with a window draws itself.

        Raises:
          ConnectionError: No shared-memory server runs.
          ValueError: What draws cannot be loaded.
        """
        self._target_urdfs, self._block_urdfs = tuple(target_urdfs), tuple(block_urdfs)
        self._first_start = first_start
        self._look, self._end_effector = look, end_effector
        # Someone watching a server would see everything vanish.
        self._may_rebuild = not shared_memory
        self.client = bullet.connect(shared_memory)
        drawn_by = "tiny" if shared_memory else drawn_by
        renderer.prepare(self.client, drawn_by)
        self._build()
        renderer.draw_first(self.client, drawn_by)
        self._pacer = Pacer(self.time_step) if shared_memory else None

    @property
    def time_step(self) -> float:
        """Duration of a simulation step in seconds."""
        return self.client.getPhysicsEngineParameters()["fixedTimeStep"]

    def save(self) -> None:
        """Makes the world as it is the one that episodes start from."""
        self._saved_state = self.client.saveState()
        self._may_rebuild = False

    def start(self, start: Start) -> None:
        """Starts an episode: goes back to the saved world, places everything, lets it settle."""
        self._restore_saved()
        self._place_and_settle(start)
        if self._pacer is not None:
            self._pacer.restart()

    def move_effector(self, translation: tuple[float, float, float], steps: int) -> None:
        """Commands the effector to a position and makes `steps` simulation steps."""
        if self._pacer is not None:
            bullet.check_server()
        self.command_effector(translation)
        self._advance(range(steps) if self._pacer is None else self._pacer.ticks(steps))
        self.moves.append((translation, steps))

    def replay(self, start: Start, moves: Iterable[Move]) -> None:
        """Brings about the episode that started and went on as given, not in real time."""
        self.start(start)
        for translation, steps in moves:
            self.command_effector(translation)
            self._advance(range(steps))
            self.moves.append((translation, steps))

    def command_effector(self, translation: tuple[float, float, float]) -> None:
        """Makes the robot move its effector, pointing down, to a position in metres."""
        self.commanded_effector = bullet.Pose(translation, _EFFECTOR_DOWN)
        self.robot.set_target_effector_pose(self.commanded_effector)

    def place(self, body: int, new_pose: bullet.Pose) -> None:
        """Puts a body to a pose, at rest."""
        self.client.resetBasePositionAndOrientation(body, *new_pose)

    def place_targets(self, poses: Sequence[bullet.Pose]) -> None:
        """Puts every target to its pose."""
        self.target_poses = tuple(poses)
        for body, new_pose in zip(self.targets, poses, strict=True):
            self.place(body, new_pose)

    def pose_of(self, body: int) -> bullet.Pose:
        """Returns the pose of a body."""
        return bullet.Pose(*self.client.getBasePositionAndOrientation(body))

    def poses(self) -> tuple:
        """Returns where everything is, all that a picture depends on unless colours change."""
        bodies = (self.robot.end_effector, *self.targets, *self.blocks)
        return (*self.robot.joint_states()[0], *map(self.pose_of, bodies))

    def close(self) -> None:
        """Ends the simulation, or the connection to the server; may be called twice."""
        self.client.disconnect()

    def _build(self) -> None:
        """Loads everything, saves the world when it has settled, and starts the first episode.

        Blocks are loaded in one place, where they overlap, so the first restore differs from
        later ones: no episode but this one may be the first.
        """
        self._load()
        self._settle()
        self._saved_state = self.client.saveState()
        self.client.restoreState(self._saved_state)
        self._place_and_settle(self._first_start)
        self._saved_contact_order = None

    def _load(self) -> None:
        """Loads everything. The order decides the last digits of every contact."""
        client, look = self.client, self._look
        client.resetSimulation()
        client.configureDebugVisualizer(bullet.pybullet.COV_ENABLE_RENDERING, 0)
        client.setPhysicsEngineParameter(enableFileCaching=0)
        client.setGravity(0, 0, _GRAVITY)
        bullet.load_from_pybullet_data(client, "plane.urdf", basePosition=(0, 0, _PLANE_Z))
        bullet.load_asset(client, look.workspace_urdf, basePosition=_WORKSPACE_TRANSLATION)
        self.robot = xarm_sim_robot.XArmSimRobot(
            client, _INITIAL_JOINT_POSITIONS, self._end_effector, look.robot_color
        )
        self.targets = [
            bullet.load_asset(client, urdf, useFixedBase=True) for urdf in self._target_urdfs
        ]
        self.blocks = [bullet.load_asset(client, urdf) for urdf in self._block_urdfs]
        client.configureDebugVisualizer(bullet.pybullet.COV_ENABLE_RENDERING, 1)

    def _restore_saved(self) -> None:
        """Goes back to the saved world, so that what follows is the same whatever came before.

        Restoring does not reset the order in which Bullet keeps pairs of bodies. It solves
        their contacts in this order, so in another one the same episode ends differently. With
        one block the contacts show whether the order is the first one; with two not always.
        """
        self.client.restoreState(self._saved_state)
        contact_order = self._contact_order()
        is_first = self._saved_contact_order is None
        is_as_first = len(self.blocks) == 1 and contact_order == self._saved_contact_order
        if self._may_rebuild and not (is_first or is_as_first):
            self._build()
            self.client.restoreState(self._saved_state)
            contact_order = self._contact_order()
        self._saved_contact_order = contact_order

    def _contact_order(self) -> list[tuple]:
        pairs = [contact[1:5] for contact in self.client.getContactPoints()]
        return [pair for i, pair in enumerate(pairs) if i == 0 or pair != pairs[i - 1]]

    def _place_and_settle(self, start: Start) -> None:
        self.command_effector(start.effector)
        for body, new_pose in zip(self.blocks, start.blocks, strict=True):
            self.place(body, new_pose)
        self.place_targets(start.targets)
        self._settle()
        self.latest_start, self.moves = start, []

    def _settle(self) -> None:
        self._advance(range(_SETTLING_STEPS))

    def _advance(self, ticks: Iterable[int]) -> None:
        step = self.client.stepSimulation
        for _ in ticks:
            step()


class Pacer:
    """Makes each environment step take as long as it lasts in the simulation.

    The time a caller spends between two steps counts, and what is left is spread evenly over
    the simulation steps, so that the motion looks smooth.
    """

    def __init__(self, time_step: float):
        """Creates a pacer for simulation steps of `time_step` seconds."""
        self._time_step = time_step
        self._end_of_last_step = None

    def restart(self) -> None:
        """Forgets the last environment step: what happens until the next one does not count."""
        self._end_of_last_step = None

    def ticks(self, steps: int) -> Iterator[int]:
        """Yields for each of `steps` simulation steps, and sleeps after each one was made."""
        due = time.monotonic()
        since_last_step = 0.0 if self._end_of_last_step is None else due - self._end_of_last_step
        pause = max(self._time_step - since_last_step / steps, 0.0)
        for step in range(steps):
            yield step
            due += pause
            time.sleep(max(due - time.monotonic(), 0.0))
        self._end_of_last_step = time.monotonic()
