"""A particle on a plane, steered by its velocity, that has to reach the centre."""

from collections.abc import Mapping

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments.particle2d import task as particle_tasks

SIDE = 512.0
"""Side of the window, pixels."""
GOAL = np.array([SIDE / 2, SIDE / 2])
"""Where the particle has to go, pixels."""

NEAR = 0.05
"""An episode ends within this distance of the goal, over that of the goal from (0, 0)."""

_START_RANGE = (50, 450)
_SPEED = 20.0  # pixels per second
_STEP_SECONDS = 0.2
_COLORS = {"window": (255, 255, 255), "goal": (178, 223, 188), "agent": (43, 108, 212)}
_AGENT_PIXELS = 8.0


@gin.configurable
class ParticleGoalEnv(gymnasium.Env):
    """A particle in a window of 512 × 512 pixels; y points down.

    Observation (float32 [2]): its position, pixels. Action (float32 [2] in [−1, 1]): its velocity
    for 0.2 s, in 20 pixels per second; beyond, it is clipped. The window stops the particle.
    Reward: −‖position − centre‖/‖centre‖; an episode ends where this is above −0.05.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 (Gymnasium's name)

    def __init__(self, render_mode: str | None = None):
        """Creates the environment; `render_mode` is None or 'rgb_array'.

        Raises:
          ValueError: The render mode is another one.
        """
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"ParticleGoalEnv.render_mode must be None or 'rgb_array', got {render_mode!r}."
            )
        self.render_mode = render_mode
        self.observation_space = observation_space()
        self.action_space = action_space()
        self.position = GOAL.copy()
        """Where the particle is, float64 [2], pixels."""
        self.succeeded = False
        """Whether the centre was reached."""

    def reset(
        self, *, seed: int | None = None, options: Mapping | None = None
    ) -> tuple[np.ndarray, dict]:
        """Starts an episode at whole numbers from 50 to 449; returns the observation, {}."""
        super().reset(seed=seed, options=options)
        return self.restore(draw_start(self.np_random)), {}

    def restore(self, observation: np.ndarray) -> np.ndarray:
        """Starts an episode at an observed position [2]; returns what is seen.

        Raises:
          ValueError: It is not two numbers within the window.
        """
        position = np.array(observation, np.float64)
        if position.shape != (2,) or not np.all((position >= 0) & (position <= SIDE)):
            raise ValueError(
                f"ParticleGoalEnv starts from two numbers from 0 to {SIDE:g}, got {observation}."
            )
        self.position, self.succeeded = position, False
        return self._observe()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Moves the particle; returns observation, reward, terminated, truncated (never), {}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        velocity = np.asarray(action, np.float64)
        if velocity.shape != (2,) or not np.isfinite(velocity).all():
            raise ValueError(f"ParticleGoalEnv needs actions of 2 finite numbers, got {action}.")
        self.position = moved(self.position, velocity)
        away = float(relative_distance(self.position))
        self.succeeded = away < NEAR
        return self._observe(), -away, self.succeeded, False, {}

    @property
    def goal_distance(self) -> float:
        """How far the particle is from the centre, pixels."""
        return float(np.linalg.norm(self.position - GOAL))

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns metrics averaging the last `num_episodes` episodes, and that of success."""
        from ibc.environments import metrics  # imports TensorFlow

        success = metrics.AverageSuccessMetric(self, buffer_size=num_episodes)
        distance = metrics.AverageFinalGoalDistance(self, buffer_size=num_episodes)
        return [distance, success], success

    def render(self) -> np.ndarray | None:
        """Returns the goal and the particle, uint8 [512, 512, 3]."""
        if self.render_mode is None:
            return None
        return picture(self.position)

    def _observe(self) -> np.ndarray:
        return self.position.astype(np.float32)


particle_tasks.register()


def observation_space() -> spaces.Box:
    """Returns the space of what is observed."""
    return spaces.Box(0.0, SIDE, (2,), np.float32)


def action_space() -> spaces.Box:
    """Returns the space of actions."""
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def draw_start(rng: np.random.Generator) -> np.ndarray:
    """Draws where an episode starts, float64 [2], pixels."""
    return rng.integers(*_START_RANGE, 2).astype(np.float64)


def moved(position: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Returns where particles [..., 2] are 0.2 s later, given velocities [..., 2] of ±1."""
    return np.clip(position + _SPEED * _STEP_SECONDS * np.clip(velocity, -1, 1), 0.0, SIDE)


def relative_distance(position: np.ndarray) -> np.ndarray:
    """Returns how far positions [..., 2] are from the goal, over the goal's from (0, 0): [...]."""
    return np.linalg.norm(position - GOAL, axis=-1) / np.linalg.norm(GOAL)


def picture(position: np.ndarray) -> np.ndarray:
    """Returns the goal and a particle at a position [2], uint8 [512, 512, 3]."""
    drawn = np.full((int(SIDE), int(SIDE), 3), _COLORS["window"], np.uint8)
    y, x = np.ogrid[: int(SIDE), : int(SIDE)]
    goal = (GOAL, NEAR * np.linalg.norm(GOAL), _COLORS["goal"])
    for centre, radius, color in (goal, (position, _AGENT_PIXELS, _COLORS["agent"])):
        drawn[(x - centre[0]) ** 2 + (y - centre[1]) ** 2 <= radius**2] = color
    return drawn
