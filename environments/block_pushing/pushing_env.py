"""What all block-pushing environments share: control, observations, pictures, seeds.

A task is a subclass. It names the bodies on the table, draws where they start and judges what
it observes; the physics is in `scene`.
"""

import abc
from collections.abc import Mapping, Sequence

import gymnasium
import numpy as np

from ibc.environments import task as task_lib
from ibc.environments.block_pushing import observations, task
from ibc.environments.block_pushing.simulation import (
    bullet,
    camera,
    scene,
    scene_state,
    xarm_sim_robot,
)
from ibc.environments.block_pushing.simulation import renderer as renderers
from ibc.utils import parameters

_MAX_DISPLACEMENT_METRES = 0.1
_EFFECTOR_HEIGHT_METRES = 0.06
_INITIAL_EFFECTOR_XY = (0.3, -0.4)
# Of the episode a new environment is in; never that of the caller's random state.
_FIRST_SEED = 0


class PushingEnv(gymnasium.Env, abc.ABC):
    """A robot arm that moves blocks on a table with the tip of its tool.

    Action (float [2]): displacement in metres of the commanded effector position in x and y.
    Observation (dict of float32): translations [2] in metres, orientations [1] in radians, of
    block(s), effector, commanded effector and target(s); `rgb` if there are images.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 (Gymnasium's name)

    block_urdfs: Sequence[str] = ("block.urdf",)
    """Asset of each block."""
    target_urdfs: Sequence[str] = ("zone.urdf",)
    """Asset of each target."""

    def __init__(
        self,
        control_frequency: float = 10.0,
        image_size: tuple[int, int] | None = None,
        shared_memory: bool = False,
        seed: int | None = None,
        goal_dist_tolerance: float = 0.04,
        effector_height: float | None = None,
        visuals_mode: str = "default",
        abs_action: bool = False,
        render_mode: str | None = None,
        use_image_obs: bool | None = None,
        renderer: str = "tiny",
    ):
        """Loads the scene and starts an episode.

        Args:
          control_frequency: Environment steps per second, a divisor of 240.
          image_size: Height and width of pictures; None means 240 × 320 where they are observed,
            otherwise those of the camera.
          shared_memory: Whether to use a PyBullet shared-memory server, in real time.
          seed: Seed of the random state; `reset(seed=...)` replaces it.
          goal_dist_tolerance: Distance (m) within which something is at its goal.
          effector_height: Height (m) of the commanded effector; None means 0.06.
          visuals_mode: 'default' or 'real': look, workspace bounds and camera.
          abs_action: Whether actions are commanded positions instead of displacements.
          render_mode: None or 'rgb_array'.
          use_image_obs: Whether observations contain a picture; None: if there is an `image_size`.
          renderer: What draws: 'tiny' (PyBullet's TinyRenderer), 'egl' (OpenGL without a display)
            or 'auto', EGL where a GPU draws and TinyRenderer elsewhere. With EGL import
            TensorFlow, if at all, before.

        Raises:
          ValueError: A parameter is out of range, the message names it; or EGL does not work.
          ConnectionError: No shared-memory server runs.
        """
        if effector_height is None:
            effector_height = _EFFECTOR_HEIGHT_METRES
        parameters.check_positive(
            self._name,
            control_frequency=control_frequency,
            goal_dist_tolerance=goal_dist_tolerance,
            effector_height=effector_height,
        )
        parameters.check_seed(self._name, seed)
        self._check_choice("visuals_mode", visuals_mode, tuple(scene.LOOKS))
        self._check_choice("render_mode", render_mode, (None, *self.metadata["render_modes"]))
        self._check_choice("renderer", renderer, task_lib.RENDERERS)
        if image_size is not None:
            self._check_image_size(image_size)
        self.control_frequency = control_frequency
        self.goal_dist_tolerance = goal_dist_tolerance
        self.effector_height = effector_height
        self.abs_action = abs_action
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": control_frequency}
        self._look = scene.LOOKS[visuals_mode]
        self._shows_picture = image_size is not None if use_image_obs is None else use_image_obs
        usual = task.IMAGE_SIZE if self._shows_picture else self._look.camera.image_size
        self._picture_size = tuple(image_size or usual)
        self._drawn: tuple[tuple, np.ndarray] | None = None
        self.observation_space = self._make_observation_space()
        self.action_space = self._make_action_space()
        self._rng = np.random.RandomState(seed)
        first_start = self._draw_start(np.random.RandomState(_FIRST_SEED))
        self.scene = scene.Scene(
            self.target_urdfs,
            self.block_urdfs,
            first_start,
            self._look,
            shared_memory=shared_memory,
            drawn_by=renderers.choose(renderer),
        )
        self._steps_per_action = self._count_steps_per_action()
        self._observe_targets()
        self._start_episode(self._measure())

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[dict[str, np.ndarray], dict]:
        """Starts an episode; a seed replaces the random state first. Returns observation, {}."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self._rng = np.random.RandomState(seed)
        return self._start(self._draw_start(self._rng)), {}

    def restore(self, observation: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Starts an episode from the state that one with this first observation started from.

        Observations are float32 and tell where blocks have settled, not where they were placed:
        the state is restored as nearly as they allow.

        Args:
          observation: First observation of an episode; images in it are not looked at.

        Returns:
          The observation in the state restored.

        Raises:
          ValueError: A block or target is not in the observation.
        """
        drawn = self._draw_start(np.random.RandomState(_FIRST_SEED))
        return observations.restore_start(self._start, drawn, observation)

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict]:
        """Moves the commanded effector by `action` [2], metres, for one control period.

        Returns:
          Observation, reward, terminated, truncated (never), {}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        self.scene.move_effector(self._command(action), self._steps_per_action)
        state = self._measure()
        reward, terminated = self._evaluate(state)
        return self._observe(state), reward, terminated, False, {}

    def compute_state(self) -> dict[str, np.ndarray]:
        """Returns what is observed now, in float64 (`rgb` in uint8)."""
        observed = self._present(self._measure())
        return self._with_picture({key: value.copy() for key, value in observed.items()})

    def render(self) -> np.ndarray | None:
        """Returns a picture of the table, uint8 [height, width, 3]; what is observed, if it is."""
        return None if self.render_mode is None else self._picture()

    def close(self) -> None:
        """Ends the simulation; may be called twice."""
        self.scene.close()

    @property
    def succeeded(self) -> bool:
        """Whether the task is solved as things stand."""
        return self._has_succeeded(self._measure())

    @property
    def goal_distance(self) -> float:
        """Distance (m) to the goal as things stand; the task says which distance it is."""
        return self._distance_to_goal(self._measure())

    @property
    def pybullet_client(self) -> bullet.Client:
        """The simulation: PyBullet's functions."""
        return self.scene.client

    @property
    def robot(self) -> xarm_sim_robot.XArmSimRobot:
        """The robot."""
        return self.scene.robot

    @property
    def workspace_bounds(self) -> np.ndarray:
        """Smallest and largest x, y of the commanded effector, metres [2, 2]."""
        return np.array([self._look.workspace_low, self._look.workspace_high])

    def set_goal_dist_tolerance(self, goal_dist_tolerance: float) -> None:
        """Sets the distance (m) within which something is at its goal."""
        parameters.check_positive(self._name, goal_dist_tolerance=goal_dist_tolerance)
        self.goal_dist_tolerance = goal_dist_tolerance

    def get_goal_translation(self) -> np.ndarray | list[np.ndarray]:
        """Returns where the goal is, [3] in metres; a list if there are several targets."""
        goals = [np.array(target.translation) for target in self.scene.target_poses]
        return goals if len(goals) > 1 else goals[0]

    def save_state(self) -> None:
        """Makes the world as it is the one that every later reset starts from."""
        self.scene.save()

    def get_pybullet_state(self) -> dict:
        """Returns the whole scene and what the task remembers, as JSON can hold it.

        See `scene_state` for the scene; `task` is the rest.
        """
        return {**scene_state.capture(self.scene), "task": self._memory()}

    def set_pybullet_state(self, state: dict) -> None:
        """Goes to a state from `get_pybullet_state` of this or another environment.

        Raises:
          ValueError: The state is that of another scene.
        """
        scene_state.restore(self.scene, state)
        self._observe_targets()
        self._remember(state["task"])

    def calc_camera_params(self, image_size: tuple[int, int]) -> camera.CameraParameters:
        """Returns the camera's matrices and place for pictures of some height and width."""
        return self._look.camera.parameters(image_size)

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns metrics averaging the last `num_episodes` episodes, and the success metric."""
        from ibc.environments import metrics  # imports TensorFlow

        success = metrics.AverageSuccessMetric(self, buffer_size=num_episodes)
        distance = metrics.AverageFinalGoalDistance(self, buffer_size=num_episodes)
        return [distance, success], success

    @abc.abstractmethod
    def _draw_poses(
        self, rng: np.random.RandomState
    ) -> tuple[list[bullet.Pose], list[bullet.Pose]]:
        """Draws where blocks and targets start."""

    def _start_episode(self, state: dict[str, np.ndarray]) -> None:
        """Remembers what the task needs of the state after a reset; nothing if not overridden."""

    @abc.abstractmethod
    def _evaluate(self, state: dict[str, np.ndarray]) -> tuple[float, bool]:
        """Returns the reward of the step that led to a state, and whether the episode ends."""

    @abc.abstractmethod
    def _distance_to_goal(self, state: dict[str, np.ndarray]) -> float:
        """Returns the distance to the goal in a state."""

    @abc.abstractmethod
    def _has_succeeded(self, state: dict[str, np.ndarray]) -> bool:
        """Returns whether a state is one of success."""

    def _memory(self) -> dict:
        """Returns what the task remembers of the episode, as JSON can hold it."""
        return {}

    def _remember(self, memory: dict) -> None:
        """Takes over what `_memory` returned."""

    def _draw_start(self, rng: np.random.RandomState) -> scene.Start:
        blocks, targets = self._draw_poses(rng)
        effector = (*_INITIAL_EFFECTOR_XY, self.effector_height)
        return scene.Start(effector, tuple(blocks), tuple(targets))

    def _start(self, start: scene.Start) -> dict[str, np.ndarray]:
        self.scene.start(start)
        self._observe_targets()
        state = self._measure()
        self._start_episode(state)
        return self._observe(state)

    def _measure(self) -> dict[str, np.ndarray]:
        robot, blocks = self.scene.robot, self.scene.blocks
        return {
            **observations.of_bodies("block", [self.scene.pose_of(block) for block in blocks]),
            "effector_translation": np.array(robot.forward_kinematics().translation[:2]),
            "effector_target_translation": np.array(self.scene.commanded_effector.translation[:2]),
            **self._observed_targets,
        }

    def _observe(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        observed = self._present(state)
        return self._with_picture(
            {key: value.astype(np.float32) for key, value in observed.items()}
        )

    def _present(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Returns what observations tell of a state; all of it if not overridden."""
        return state

    def _with_picture(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        if self._shows_picture:
            state["rgb"] = self._picture()
        return state

    def _picture(self) -> np.ndarray:
        """Draws the table, unless nothing has moved since it was drawn last."""
        poses = self.scene.poses()
        if self._drawn is None or self._drawn[0] != poses:
            picture = self._look.camera.render(self.scene.client, self._picture_size)
            self._drawn = poses, picture
        return self._drawn[1].copy()

    def _command(self, action: np.ndarray) -> tuple[float, float, float]:
        action = np.asarray(action)
        if action.shape != (2,) or not np.isfinite(action).all():
            raise ValueError(f"{self._name} needs actions of 2 finite numbers, got {action}.")
        start = (0.0, 0.0) if self.abs_action else self.scene.commanded_effector.translation[:2]
        wanted = start + np.asarray(self._in_metres(action), np.float64)
        x, y = np.clip(wanted, self._look.workspace_low, self._look.workspace_high)
        return float(x), float(y), self.effector_height

    def _in_metres(self, action: np.ndarray) -> np.ndarray:
        """Returns what an action means in metres; the action itself if not overridden."""
        return action

    def _observe_targets(self) -> None:
        self._observed_targets = observations.of_bodies("target", self.scene.target_poses)

    def _make_observation_space(self) -> gymnasium.spaces.Dict:
        return observations.make_space(
            len(self.block_urdfs),
            len(self.target_urdfs),
            *self.workspace_bounds,
            self._picture_size if self._shows_picture else None,
        )

    def _make_action_space(self) -> gymnasium.spaces.Box:
        low, high = self.workspace_bounds.astype(np.float32)
        if not self.abs_action:
            low, high = -_MAX_DISPLACEMENT_METRES, _MAX_DISPLACEMENT_METRES
        return gymnasium.spaces.Box(low, high, (2,), np.float32)

    def _count_steps_per_action(self) -> int:
        step_frequency = 1 / self.scene.time_step
        if step_frequency % self.control_frequency != 0:
            raise ValueError(
                f"{self._name}.control_frequency must divide {step_frequency:g}, the simulation's "
                f"steps per second, got {self.control_frequency!r}."
            )
        return int(step_frequency / self.control_frequency)

    def _check_image_size(self, image_size: tuple[int, int]) -> None:
        if np.shape(image_size) != (2,):
            raise ValueError(
                f"{self._name}.image_size must be (height, width) or None, got {image_size!r}."
            )
        parameters.check_whole(self._name, image_height=image_size[0], image_width=image_size[1])

    def _check_choice(self, name: str, value: object, choices: Sequence[object]) -> None:
        if value not in choices:
            raise ValueError(f"{self._name}.{name} must be one of {choices}, got {value!r}.")

    @property
    def _name(self) -> str:
        return type(self).__name__
