"""Particle: a point in N dimensions that has to visit one goal and then another.

The point is driven by a PD controller towards the position the action asks for. It is the
task on which implicit and explicit policies are compared as the number of dimensions grows
(Florence et al., Implicit Behavioral Cloning, CoRL 2021, section 4, "N-D particle").
"""

import collections
import dataclasses
import functools
import math
from collections.abc import Mapping

import gin
import gymnasium
import numpy as np

from ibc.environments.particle import plane_picture
from ibc.environments.particle import task as particle_tasks
from ibc.utils import parameters

_STATE_KEYS = ("pos_agent", "vel_agent", "pos_first_goal", "pos_second_goal")

# The point overshoots the unit cube it is steered in, so its position has room too.
_AGENT_BOUND = 100.0

# Far more than any study has; a slip of the pen would ask for more memory than there is.
_MOST_DIMENSIONS = 10_000


@dataclasses.dataclass(frozen=True)
class ParticleEpisode:
    """What has happened since the last reset, as pictures need it; t steps were made."""

    positions: np.ndarray
    """Positions [t + 1, n_dim], the initial one first."""
    setpoints: np.ndarray
    """Actions [t, n_dim]."""
    first_goal: np.ndarray
    """First goal [n_dim]."""
    second_goal: np.ndarray
    """Second goal [n_dim]."""
    goal_distance: float
    """A goal counts as reached within this distance."""
    n_steps: int
    """Length of a whole episode."""
    control_frequency: float
    """Environment steps per second."""
    succeeded: bool
    """Whether the task is solved as things stand."""


@gin.configurable
class ParticleEnv(gymnasium.Env):
    """N-dimensional point; visit the first goal, then stay at the second.

    Observation (dict of float32 [n_dim]): pos_agent, vel_agent (unless hidden),
    pos_first_goal, pos_second_goal. Action (float32 [n_dim] in [0, 1]): position setpoint.
    Reward 1 at the last step if both goals were approached within `goal_distance`, else 0.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012 (Gymnasium's name)

    def __init__(
        self,
        n_steps: int = 50,
        n_dim: int = 2,
        hide_velocity: bool = False,
        seed: int | None = None,
        dt: float = 0.005,
        repeat_actions: int = 10,
        k_p: float = 10.0,
        k_v: float = 5.0,
        goal_distance: float = 0.05,
        render_mode: str | None = None,
    ):
        """Creates the environment.

        Args:
          n_steps: Steps in an episode.
          n_dim: Number of dimensions, at most 10,000.
          hide_velocity: Whether to leave the velocity out of the observation.
          seed: Seed of the random state; `reset(seed=...)` replaces it.
          dt: Duration of a simulation step in seconds.
          repeat_actions: Simulation steps per environment step.
          k_p: Stiffness of the controller, 1/s².
          k_v: Damping of the controller, 1/s.
          goal_distance: A goal counts as reached within this distance.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        parameters.check_whole("ParticleEnv", n_steps=n_steps, n_dim=n_dim)
        if n_dim > _MOST_DIMENSIONS:
            raise ValueError(f"ParticleEnv.n_dim must be at most {_MOST_DIMENSIONS}, got {n_dim}.")
        parameters.check_whole("ParticleEnv", repeat_actions=repeat_actions)
        parameters.check_positive("ParticleEnv", dt=dt, goal_distance=goal_distance)
        parameters.check_not_negative("ParticleEnv", k_p=k_p, k_v=k_v)
        parameters.check_seed("ParticleEnv", seed)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"ParticleEnv.render_mode must be None or 'rgb_array', got {render_mode!r}."
            )
        self.n_steps = n_steps
        self.n_dim = n_dim
        self.hide_velocity = hide_velocity
        self.dt = dt
        self.repeat_actions = repeat_actions
        self.k_p = k_p
        self.k_v = k_v
        self.goal_distance = goal_distance
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": self.control_frequency}
        self.observation_space = self._make_observation_space()
        self.action_space = _box(0.0, 1.0, n_dim)
        self._rng = np.random.RandomState(seed)
        self._initialize_episode()

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[dict[str, np.ndarray], dict]:
        """Starts an episode; a seed replaces the random state first. Returns observation, {}."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self._rng = np.random.RandomState(seed)
        self._initialize_episode()
        return self.compute_state(), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict]:
        """Steers towards the setpoint `action` [n_dim] for one control period.

        Returns:
          Observation, reward, terminated (at step `n_steps`), truncated (never), {}.

        Raises:
          ValueError: The action has the wrong shape.
        """
        setpoint = np.asarray(action)
        if setpoint.shape != (self.n_dim,):
            raise ValueError(
                f"ParticleEnv with n_dim={self.n_dim} needs actions of shape ({self.n_dim},), "
                f"got {setpoint.shape}."
            )
        # A float64 action promotes the float32 state, as the published recordings show.
        self.position, self.velocity = advance(
            self.position, self.velocity, setpoint, self.k_p, self.k_v, self.dt, self.repeat_actions
        )
        self._positions.append(self.position)
        self._setpoints.append(setpoint)
        self.smallest_first_distance = min(
            self.smallest_first_distance, distance(self.position, self.first_goal)
        )
        self.smallest_second_distance = min(
            self.smallest_second_distance, self.final_second_distance
        )
        terminated = len(self._setpoints) >= self.n_steps
        reward = float(terminated and self._visited_both())
        return self.compute_state(), reward, terminated, False, {}

    def restore(self, observation: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Starts an episode in the state that an observation tells.

        Args:
          observation: Observation with all of pos_agent, vel_agent and the goals.

        Returns:
          The same observation, of this environment.

        Raises:
          ValueError: A part of the state is not in the observation.
        """
        missing = [key for key in _STATE_KEYS if key not in observation]
        if missing:
            raise ValueError(
                f"ParticleEnv is restored from an observation with {', '.join(_STATE_KEYS)}, but "
                f"{', '.join(missing)} is not among {', '.join(observation)}."
            )
        self._start_episode(*(np.array(observation[key], np.float32) for key in _STATE_KEYS))
        return self.compute_state()

    def compute_state(self) -> dict[str, np.ndarray]:
        """Returns the observation: fresh float32 arrays [n_dim] under the space's keys."""
        state = {"pos_agent": self.position.astype(np.float32)}
        if not self.hide_velocity:
            state["vel_agent"] = self.velocity.astype(np.float32)
        state["pos_first_goal"] = self.first_goal.copy()
        state["pos_second_goal"] = self.second_goal.copy()
        return state

    @property
    def control_frequency(self) -> float:
        """Environment steps per second."""
        return 1.0 / (self.dt * self.repeat_actions)

    @property
    def final_second_distance(self) -> float:
        """Distance to the second goal as things stand."""
        return distance(self.position, self.second_goal)

    @property
    def succeeded(self) -> bool:
        """Whether both goals were visited and the point is now at the second."""
        return self._visited_both() and self.final_second_distance < self.goal_distance

    @property
    def episode_measures(self) -> dict[str, float]:
        """Whether the first goal, and whether both, were visited: 1 or 0."""
        first = self.smallest_first_distance < self.goal_distance
        return {"first_goal": float(first), "both_goals": float(self._visited_both())}

    @property
    def episode(self) -> ParticleEpisode:
        """The episode so far."""
        return ParticleEpisode(
            positions=np.array(self._positions, np.float32),
            setpoints=np.array(self._setpoints, np.float32).reshape(-1, self.n_dim),
            first_goal=self.first_goal.copy(),
            second_goal=self.second_goal.copy(),
            goal_distance=self.goal_distance,
            n_steps=self.n_steps,
            control_frequency=self.control_frequency,
            succeeded=self.succeeded,
        )

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns metrics averaging the last `num_episodes` episodes, and the success metric."""
        from ibc.environments.particle import particle_metrics  # imports TensorFlow

        return particle_metrics.make_metrics(self, num_episodes)

    def render(self) -> np.ndarray | None:
        """Returns a picture of the episode so far, uint8 [height, width, 3]."""
        if self.render_mode is None:
            return None
        return self._renderer.frame(self.episode)

    def picture(self, height: int, width: int) -> np.ndarray:
        """Returns goals and point as a video shows them, uint8 [height, width, 3].

        Raises:
          ValueError: They are not in a plane.
        """
        if self.n_dim != 2:
            raise ValueError(
                f"videos show the particle in a plane, but ParticleEnv.n_dim is {self.n_dim}: set "
                "it to 2."
            )
        goals = zip(
            (self.first_goal, self.second_goal),
            (plane_picture.FIRST_GOAL, plane_picture.SECOND_GOAL),
            strict=True,
        )
        discs = [
            plane_picture.Disc(goal, plane_picture.GOAL_RADIUS, color) for goal, color in goals
        ]
        point = plane_picture.Disc(self.position, plane_picture.AGENT_RADIUS, plane_picture.AGENT)
        return plane_picture.draw([*discs, point], height, width)

    def save_episode_picture(self, path: str) -> None:
        """Writes a PNG of the episode so far to `path`."""
        from ibc.environments.particle import particle_viz  # imports matplotlib

        particle_viz.save_episode_picture(self, path)

    @staticmethod
    def save_episode_grid(episodes: list[ParticleEpisode], path: str) -> None:
        """Writes one PNG of several episodes to `path`."""
        from ibc.environments.particle import particle_viz  # imports matplotlib

        particle_viz.save_episode_grid(episodes, path)

    @functools.cached_property
    def _renderer(self):
        from ibc.environments.particle import particle_viz  # imports matplotlib

        return particle_viz.FrameRenderer(self.n_dim)

    def _make_observation_space(self) -> gymnasium.spaces.Dict:
        spaces = collections.OrderedDict(pos_agent=_box(-_AGENT_BOUND, _AGENT_BOUND, self.n_dim))
        if not self.hide_velocity:
            spaces["vel_agent"] = _box(-_AGENT_BOUND, _AGENT_BOUND, self.n_dim)
        spaces["pos_first_goal"] = _box(0.0, 1.0, self.n_dim)
        spaces["pos_second_goal"] = _box(0.0, 1.0, self.n_dim)
        return gymnasium.spaces.Dict(spaces)

    def _initialize_episode(self) -> None:
        # The order of the draws is part of what a seed means.
        position, first_goal, second_goal = (
            self._rng.uniform(size=self.n_dim).astype(np.float32) for _ in range(3)
        )
        self._start_episode(position, np.zeros(self.n_dim, np.float32), first_goal, second_goal)

    def _start_episode(
        self,
        position: np.ndarray,
        velocity: np.ndarray,
        first_goal: np.ndarray,
        second_goal: np.ndarray,
    ) -> None:
        self.position = position
        self.velocity = velocity
        self.first_goal = first_goal
        self.second_goal = second_goal
        self.smallest_first_distance = math.inf
        self.smallest_second_distance = math.inf
        self._positions = [self.position]
        self._setpoints = []

    def _visited_both(self) -> bool:
        farthest = max(self.smallest_first_distance, self.smallest_second_distance)
        return farthest < self.goal_distance


def _box(low: float, high: float, n_dim: int) -> gymnasium.spaces.Box:
    return gymnasium.spaces.Box(low, high, shape=(n_dim,), dtype=np.float32)


particle_tasks.register()


def advance(
    position: np.ndarray,
    velocity: np.ndarray,
    setpoint: np.ndarray,
    k_p: float,
    k_v: float,
    dt: float,
    steps: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns position and velocity [n_dim] after `steps` steps towards the same setpoint.

    A PD controller accelerates by k_p·(setpoint − x) − k_v·v. Steps of `dt` seconds are explicit
    Euler's, so x is advanced with the *old* v.
    """
    for _ in range(steps):
        acceleration = k_p * (setpoint - position) - k_v * velocity
        position, velocity = position + velocity * dt, velocity + acceleration * dt
    return position, velocity


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the Euclidean distance of two points [n_dim]."""
    return float(np.linalg.norm(a - b))
