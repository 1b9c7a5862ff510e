"""A disc in a maze, as Gymnasium wants it; `maze_vector` has many at once."""

import dataclasses
import functools
import os
from collections.abc import Mapping, Sequence

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments.maze import layout, maze_paths, mazes
from ibc.environments.maze import task as maze_tasks
from ibc.utils import parameters

GOALS = ("fixed", "random")
"""Where goals are: always at the published place, or drawn in the corridor."""

STATE_SIZE = 2
"""So many leading numbers of an observation are the disc's; others are for the policy alone."""


@dataclasses.dataclass(frozen=True)
class MazeEpisode:
    """What has happened since the last reset, as pictures need it."""

    path: np.ndarray
    """Positions [t + 1, 2], the start first, pixels."""
    goal: np.ndarray
    """Centre of the goal [2], pixels."""
    succeeded: bool
    """Whether the goal was reached."""


@gin.configurable
class MazeEnv(gymnasium.Env):
    """A disc on a table of 512 × 512 pixels that has to reach a goal; y points down.

    Action (float32 [2] in [−1, 1]): where the disc is drawn to for 0.3 s, −1 to 1 across the
    table; beyond, it is clipped. Observation (float32, pixels): the disc's centre [2]; with goals
    at random, the way from there to the goal [2] follows, for the policy alone. Reward and ends:
    see `mazes.Mazes`. After 650 steps the episode is truncated.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 (Gymnasium's name)

    control_frequency = 30.0
    """Environment steps per second of a video, in which the disc is nine times as fast."""

    def __init__(
        self,
        goal: str = "fixed",
        distance_reward: float = 0.0,
        time_limit_terminates: bool = False,
        demonstrations: str | None = None,
        render_mode: str | None = None,
    ):
        """Creates the environment.

        Args:
          goal: 'fixed' at the published place, or 'random' in the corridor in each episode.
          distance_reward: What each step costs at the published goal's distance from (0, 0),
            in proportion to the distance to the goal.
          time_limit_terminates: Whether step 650 ends the episode as reaching the goal does, as
            in the published code, instead of interrupting it.
          demonstrations: Name of an npz file with `state` [T, 2] and `episode_ends`, which the
            metric `DtwToDemos` compares paths with; None means episodes of the oracle.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        check_parameters("MazeEnv", goal, distance_reward)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"MazeEnv.render_mode must be None or 'rgb_array', got {render_mode!r}."
            )
        self.render_mode = render_mode
        self.observation_space = observation_space(goal)
        self.action_space = action_space()
        self._goal, self._time_limit_terminates = goal, time_limit_terminates
        self._demonstrations = demonstrations
        self._mazes = mazes.Mazes(1, distance_reward)
        self._start(mazes.draw_start(self.np_random), layout.GOAL)

    def reset(
        self, *, seed: int | None = None, options: Mapping | None = None
    ) -> tuple[np.ndarray, dict]:
        """Starts an episode.

        Args:
          seed: Seed of the random numbers; without it they go on.
          options: May hold `position` and `goal`, pixels [2], to be taken instead of drawn ones.

        Returns:
          Observation, {}.

        Raises:
          ValueError: A position is not two numbers on the table.
        """
        super().reset(seed=seed)
        position = mazes.draw_start(self.np_random)
        goal = mazes.draw_goal(self.np_random) if self._goal == "random" else layout.GOAL
        told = {"position": position, "goal": goal, **(options or {})}
        self._start(*(_on_table(name, told[name]) for name in ("position", "goal")))
        return self._observe(), {}

    def restore(self, observation: np.ndarray) -> np.ndarray:
        """Starts an episode where an observation was made, at rest; returns what is seen.

        Raises:
          ValueError: The observation has the wrong size, or is not on the table.
        """
        seen = np.asarray(observation, np.float64)
        if seen.shape != self.observation_space.shape:
            raise ValueError(
                f"MazeEnv is restored from observations of {self.observation_space.shape[0]} "
                f"numbers, got {list(seen.shape)}."
            )
        position = seen[:STATE_SIZE]
        goal = position + seen[STATE_SIZE:] if self._goal == "random" else layout.GOAL
        self._start(_on_table("position", position), _on_table("goal", goal))
        return self._observe()

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Moves the disc for 0.3 s.

        Returns:
          Observation, reward, terminated, truncated, {}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        checked = check_actions("MazeEnv", action, (2,))
        outcome = self._mazes.step(checked[np.newaxis])
        self.succeeded = bool(outcome.reached[0])
        terminated = self.succeeded or bool(outcome.stuck[0])
        late = bool(outcome.out_of_time[0])
        is_end = late and self._time_limit_terminates
        return (
            self._observe(),
            float(outcome.rewards[0]),
            terminated or is_end,
            late and not is_end,
            {},
        )

    def get_state(self) -> mazes.MazeState:
        """Returns a copy of all that tells how the episode goes on, but its random numbers."""
        return self._mazes.state.take([0])

    def set_state(self, state: mazes.MazeState) -> None:
        """Goes back to a state that `get_state` has returned."""
        self._mazes.state = state.take([0])
        self.succeeded = self._is_at_goal()

    def compute_state(self) -> np.ndarray:
        """Returns what is observed, in float64."""
        extra = [self.goal - self.position] if self._goal == "random" else []
        return np.concatenate([self.position, *extra])

    @property
    def position(self) -> np.ndarray:
        """Where the disc's centre is, float64 [2], pixels."""
        return self._mazes.positions[0].copy()

    @property
    def goal(self) -> np.ndarray:
        """Where the goal's centre is, float64 [2], pixels."""
        return self._mazes.state.goals[0].copy()

    @property
    def corridor(self) -> bool:
        """Whether the goal was reached, and through both legs of the corridor."""
        return self.succeeded and mazes.went_through_corridor(self._mazes.path(0))

    @property
    def dtw_to_demos(self) -> float:
        """How far the path is from those of demonstrations; see `maze_paths.dtw_to`."""
        return maze_paths.dtw_to(
            maze_paths.references(self._demonstrations),
            self._mazes.path(0),
            self.goal if self._goal == "random" else None,
        )

    @property
    def episode(self) -> MazeEpisode:
        """The episode so far."""
        return MazeEpisode(self._mazes.path(0), self.goal, self.succeeded)

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns metrics averaging the last `num_episodes` episodes, and the most telling one."""
        from ibc.environments.maze import maze_metrics  # imports TensorFlow

        return maze_metrics.make_metrics(self, num_episodes)

    def render(self) -> np.ndarray | None:
        """Returns the maze from above: walls, goal, disc and its path, uint8 [512, 512, 3]."""
        if self.render_mode is None:
            return None
        return self._drawing.picture(self.episode)

    def plan_scene(self, chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns a picture, and chunks of actions [N, P, 2] as lines over it.

        Returns:
          uint8 [512, 512, 3]; x and y in its pixels, [N, 1 + P, 2]: the disc, then the targets.
        """
        targets = (np.clip(np.asarray(chunks, np.float64), -1, 1) + 1) * (layout.SIDE / 2)
        start = np.broadcast_to(self.position, (len(targets), 1, 2))
        return self._drawing.picture(self.episode), np.concatenate([start, targets], axis=1)

    def save_episode_picture(self, path: str | os.PathLike) -> None:
        """Writes a PNG of the episode so far to `path`."""
        self._drawing.save([self.episode], path)

    @staticmethod
    def save_episode_grid(episodes: Sequence[MazeEpisode], path: str | os.PathLike) -> None:
        """Writes one PNG of several episodes to `path`."""
        from ibc.environments.maze import maze_drawing

        maze_drawing.save(episodes, path)

    @functools.cached_property
    def _drawing(self):
        from ibc.environments.maze import maze_drawing

        return maze_drawing

    def _start(self, position: np.ndarray, goal: np.ndarray) -> None:
        self._mazes.start(np.array([0]), position[np.newaxis], goal[np.newaxis])
        self.succeeded = False

    def _is_at_goal(self) -> bool:
        return bool(self._mazes.goal_distances[0] < layout.GOAL_RADIUS)

    def _observe(self) -> np.ndarray:
        return self.compute_state().astype(np.float32)


maze_tasks.register()


def check_parameters(owner: str, goal: str, distance_reward: float) -> None:
    """Checks what both environments of the maze are made with.

    Raises:
      ValueError: A parameter is out of range; the message names it.
    """
    if goal not in GOALS:
        raise ValueError(f"{owner}.goal must be one of {', '.join(GOALS)}, got {goal!r}.")
    parameters.check_not_negative(owner, distance_reward=distance_reward)


def check_actions(owner: str, actions: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Returns actions as float64, after a check.

    Raises:
      ValueError: They have another shape, or are not finite.
    """
    checked = np.asarray(actions, np.float64)
    if checked.shape != shape or not np.isfinite(checked).all():
        raise ValueError(
            f"{owner} needs finite actions of shape {list(shape)}, got {np.shape(actions)}: "
            f"{actions}."
        )
    return checked


def observation_space(goal: str) -> spaces.Box:
    """Returns the space of what is observed, by where goals are."""
    low, high = [0.0, 0.0], [layout.SIDE, layout.SIDE]
    if goal == "random":
        low, high = [*low, -layout.SIDE, -layout.SIDE], [*high, layout.SIDE, layout.SIDE]
    return spaces.Box(np.float32(low), np.float32(high), dtype=np.float32)


def action_space() -> spaces.Box:
    """Returns the space of actions."""
    return spaces.Box(-1.0, 1.0, (2,), np.float32)


def _on_table(name: str, point: np.ndarray) -> np.ndarray:
    checked = np.asarray(point, np.float64)
    if checked.shape != (2,) or not np.all((checked >= 0) & (checked <= layout.SIDE)):
        raise ValueError(
            f"MazeEnv.{name} must be two numbers from 0 to {layout.SIDE:g}, got {point}."
        )
    return checked
