"""Many mazes at once, as Gymnasium's vector environments want them."""

from typing import Any

import gin
import numpy as np

from ibc.environments import vector_rows
from ibc.environments.maze import layout, maze, maze_drawing, maze_paths, mazes
from ibc.utils import parameters


@gin.configurable
class MazeVectorEnv(vector_rows.VectorRows):
    """N copies of `maze.MazeEnv`, stepped together; row n does what one of them does.

    Episodes go on by themselves, see `vector_rows.VectorRows`. In every step `infos` hold, for all
    rows, besides `final_obs`,

    - `succeeded`, `corridor` (bool [N]): whether the episode is at its goal, and went through the
      corridor to it; `episode_length` (int [N]);
    - `dtw_to_demos` (float64 [N]), if asked for: of rows whose episode has ended, how far the path
      is from demonstrations, see `maze_paths.dtw_to`, else 0;
    - `paths` (object [N]): of rows whose episode has ended, its positions float64 [t + 1, 2].
    """

    def __init__(
        self,
        num_envs: int = 1,
        goal: str = "fixed",
        distance_reward: float = 0.0,
        time_limit_terminates: bool = False,
        demonstrations: str | None = None,
        tell_dtw: bool = False,
        max_episode_steps: int = mazes.MAX_STEPS,
        render_mode: str | None = None,
    ):
        """Creates N = `num_envs` copies.

        Args:
          num_envs: Number of copies.
          goal: See `maze.MazeEnv`, as for the next three.
          distance_reward: What each step costs at the published goal's distance.
          time_limit_terminates: Whether the last step ends an episode instead of interrupting it.
          demonstrations: Name of the npz file that paths are compared with.
          tell_dtw: Whether paths are compared with demonstrations when episodes end, which takes
            12 ms each: as long as hundreds of steps.
          max_episode_steps: Length of the longest episode; `gymnasium.make_vec` gives it.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        maze.check_parameters("MazeVectorEnv", goal, distance_reward)
        parameters.check_whole("MazeVectorEnv", max_episode_steps=max_episode_steps)
        super().__init__(num_envs, maze.observation_space(goal), maze.action_space(), render_mode)
        self._goal, self._time_limit_terminates = goal, time_limit_terminates
        self._demonstrations = maze_paths.references(demonstrations) if tell_dtw else None
        self._mazes = mazes.Mazes(num_envs, distance_reward, max_episode_steps)
        self._start(np.arange(num_envs))

    @property
    def positions(self) -> np.ndarray:
        """Centres of the discs, float64 [N, 2], pixels."""
        return self._mazes.positions.copy()

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Returns each maze from above, uint8 [512, 512, 3], if `render_mode` says so."""
        if self.render_mode is None:
            return None
        is_at_goal = self._mazes.goal_distances < layout.GOAL_RADIUS
        return tuple(
            maze_drawing.picture(maze.MazeEpisode(self._mazes.path(row), goal, bool(is_there)))
            for row, (goal, is_there) in enumerate(
                zip(self._mazes.state.goals, is_at_goal, strict=True)
            )
        )

    def _advance(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        outcome = self._mazes.step(actions)
        terminated, truncated = outcome.reached | outcome.stuck, outcome.out_of_time
        if self._time_limit_terminates:
            terminated, truncated = terminated | truncated, np.zeros_like(truncated)
        infos = self._told(outcome.reached, terminated | truncated)
        return outcome.rewards, terminated, truncated, infos

    def _told(self, reached: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
        paths = np.full(self.num_envs, None, object)
        corridor = np.zeros(self.num_envs, bool)
        for row in np.flatnonzero(ended):
            paths[row] = self._mazes.path(row)
            corridor[row] = reached[row] and mazes.went_through_corridor(paths[row])
        told = {} if self._demonstrations is None else {"dtw_to_demos": self._dtw(paths)}
        return told | {
            "succeeded": reached,
            "corridor": corridor,
            "episode_length": self._mazes.state.steps.copy(),
            "paths": paths,
            "_paths": ended,
        }

    def _dtw(self, paths: np.ndarray) -> np.ndarray:
        distances = np.zeros(self.num_envs)
        for row, path in enumerate(paths):
            if path is not None:
                goal = self._mazes.state.goals[row] if self._goal == "random" else None
                distances[row] = maze_paths.dtw_to(self._demonstrations, path, goal)
        return distances

    def _start(self, rows: np.ndarray) -> None:
        generators = [self._generators[row] for row in rows]
        positions = np.stack([mazes.draw_start(generator) for generator in generators])
        goals = np.tile(layout.GOAL, (len(rows), 1))
        if self._goal == "random":
            goals = np.stack([mazes.draw_goal(generator) for generator in generators])
        self._mazes.start(rows, positions, goals)

    def _observe(self) -> np.ndarray:
        seen = self._mazes.positions
        if self._goal == "random":
            seen = np.concatenate([seen, self._mazes.state.goals - seen], axis=1)
        return seen.astype(np.float32)

    def _rows(self) -> mazes.MazeState:
        return self._mazes.state.take(range(self.num_envs))

    def _set_rows(self, rows: mazes.MazeState) -> None:
        self._mazes.state = rows.take(range(self.num_envs))
