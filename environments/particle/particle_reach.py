"""A particle on a plane that has to reach one goal in few steps."""

import collections
from collections.abc import Mapping

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments.particle import particle, plane_picture
from ibc.environments.particle import task as particle_tasks
from ibc.utils import parameters

_STATE_KEYS = ("pos_agent", "vel_agent", "pos_goal")
_AGENT_BOUND = 100.0
_RENDERED_PIXELS = 256
_DISTANCES = (0.05, 0.1)


@gin.configurable
class ParticleReachEnv(gymnasium.Env):
    """The point of `ParticleEnv` in a plane, with one goal and a control period of 0.1 s.

    Observation (dict of float32 [2]): pos_agent, vel_agent, pos_goal. Action (float32 [2] in
    [0, 1]): position setpoint. Reward: −‖position − goal‖. An episode has no end of its own.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 10}  # noqa: RUF012 (Gymnasium's name)

    def __init__(
        self,
        dt: float = 0.005,
        repeat_actions: int = 20,
        k_p: float = 10.0,
        k_v: float = 5.0,
        goal_tolerance: float = 0.05,
        render_mode: str | None = None,
    ):
        """Creates the environment.

        Args:
          dt: Duration of a simulation step in seconds.
          repeat_actions: Simulation steps per environment step.
          k_p: Stiffness of the controller, 1/s².
          k_v: Damping of the controller, 1/s.
          goal_tolerance: The goal counts as reached within this distance.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        owner = "ParticleReachEnv"
        parameters.check_whole(owner, repeat_actions=repeat_actions)
        parameters.check_positive(owner, dt=dt, goal_tolerance=goal_tolerance)
        parameters.check_not_negative(owner, k_p=k_p, k_v=k_v)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(f"{owner}.render_mode must be None or 'rgb_array', got {render_mode}.")
        self.dt, self.repeat_actions, self.k_p, self.k_v = dt, repeat_actions, k_p, k_v
        self.goal_tolerance, self.render_mode = goal_tolerance, render_mode
        self.metadata = {**self.metadata, "render_fps": self.control_frequency}
        bounds = {"pos_agent": _AGENT_BOUND, "vel_agent": _AGENT_BOUND}
        agent = {key: spaces.Box(-high, high, (2,), np.float32) for key, high in bounds.items()}
        goal = {"pos_goal": spaces.Box(0.0, 1.0, (2,), np.float32)}
        self.observation_space = spaces.Dict(collections.OrderedDict(agent | goal))
        self.action_space = spaces.Box(0.0, 1.0, (2,), np.float32)
        self._start(*np.zeros((3, 2), np.float32))

    def reset(
        self, *, seed: int | None = None, options: Mapping | None = None
    ) -> tuple[dict[str, np.ndarray], dict]:
        """Starts an episode at rest, point and goal anywhere in the unit square."""
        super().reset(seed=seed, options=options)
        position, goal = self.np_random.uniform(size=(2, 2)).astype(np.float32)
        self._start(position, np.zeros(2, np.float32), goal)
        return self._observe(), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict]:
        """Steers towards the setpoint `action` [2] for one control period.

        Returns:
          Observation, reward, terminated (never), truncated (never), {}.

        Raises:
          ValueError: The action is not two finite numbers.
        """
        setpoint = np.asarray(action, np.float32)
        if setpoint.shape != (2,) or not np.isfinite(setpoint).all():
            raise ValueError(f"ParticleReachEnv needs actions of 2 finite numbers, got {action}.")
        self.position, self.velocity = particle.advance(
            self.position, self.velocity, setpoint, self.k_p, self.k_v, self.dt, self.repeat_actions
        )
        self.smallest_distance = min(self.smallest_distance, self.goal_distance)
        return self._observe(), -self.goal_distance, False, False, {}

    def restore(self, observation: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Starts an episode in the state that an observation tells; returns what is seen.

        Raises:
          ValueError: A part of the state is not in the observation.
        """
        missing = [key for key in _STATE_KEYS if key not in observation]
        if missing:
            raise ValueError(
                f"ParticleReachEnv is restored from an observation with {', '.join(_STATE_KEYS)}, "
                f"but {', '.join(missing)} is not among {', '.join(observation)}."
            )
        self._start(*(np.array(observation[key], np.float32) for key in _STATE_KEYS))
        return self._observe()

    @property
    def control_frequency(self) -> float:
        """Environment steps per second."""
        return 1.0 / (self.dt * self.repeat_actions)

    @property
    def goal_distance(self) -> float:
        """Distance to the goal as things stand."""
        return particle.distance(self.position, self.goal)

    @property
    def succeeded(self) -> bool:
        """Whether the point has come within the tolerance of the goal."""
        return self.smallest_distance < self.goal_tolerance

    @property
    def episode_measures(self) -> dict[str, float]:
        """Whether the point has come within 0.05, and within 0.1, of the goal: 1 or 0."""
        return {f"within_{away}": float(self.smallest_distance < away) for away in _DISTANCES}

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns metrics averaging the last `num_episodes` episodes, and that of success."""
        from ibc.environments import metrics  # imports TensorFlow

        success = metrics.AverageSuccessMetric(self, buffer_size=num_episodes)
        distance = metrics.AverageFinalGoalDistance(self, buffer_size=num_episodes)
        return [distance, success], success

    def picture(self, height: int, width: int) -> np.ndarray:
        """Returns goal and point as a video shows them, uint8 [height, width, 3]."""
        goal = plane_picture.Disc(self.goal, plane_picture.GOAL_RADIUS, plane_picture.FIRST_GOAL)
        point = plane_picture.Disc(self.position, plane_picture.AGENT_RADIUS, plane_picture.AGENT)
        return plane_picture.draw([goal, point], height, width)

    def render(self) -> np.ndarray | None:
        """Returns goal and point, uint8 [256, 256, 3]."""
        if self.render_mode is None:
            return None
        return self.picture(_RENDERED_PIXELS, _RENDERED_PIXELS)

    def _start(self, position: np.ndarray, velocity: np.ndarray, goal: np.ndarray) -> None:
        self.position, self.velocity, self.goal = position, velocity, goal
        self.smallest_distance = self.goal_distance

    def _observe(self) -> dict[str, np.ndarray]:
        return {
            "pos_agent": self.position.astype(np.float32),
            "vel_agent": self.velocity.astype(np.float32),
            "pos_goal": self.goal.copy(),
        }


particle_tasks.register()
