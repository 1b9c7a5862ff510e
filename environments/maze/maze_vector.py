"""Many mazes at once, as Gymnasium's vector environments want them."""

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import gin
import gymnasium
import numpy as np
from gymnasium.vector import utils

from ibc.environments.maze import layout, maze, maze_drawing, maze_paths, mazes
from ibc.utils import parameters

Step = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]


@gin.configurable
class MazeVectorEnv(gymnasium.vector.VectorEnv):
    """N copies of `maze.MazeEnv`, stepped together; row n does what one of them does.

    An episode that ends is followed by the next one in the same step: the observation is that of
    the start, and `infos` tell what was last seen. In every step they hold, for all rows,

    - `final_obs` (float32 [N, O]): what is seen after the step, *before* any reset: what the
      reward and the value of the step's end are of;
    - `succeeded`, `corridor` (bool [N]): whether the episode is at its goal, and went through the
      corridor to it; `episode_length` (int [N]);
    - `dtw_to_demos` (float64 [N]), if asked for: of rows whose episode has ended, how far the path
      is from demonstrations, see `maze_paths.dtw_to`, else 0;
    - `paths` (object [N]): of rows whose episode has ended, its positions float64 [t + 1, 2].

    `_final_obs` and `_paths` (bool [N]) mark, as Gymnasium does, the rows whose episode has ended.
    """

    metadata = {  # noqa: RUF012 (Gymnasium's name)
        "autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP,
        "render_modes": ["rgb_array"],
        "render_fps": 30,
    }

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
        parameters.check_whole("MazeVectorEnv", num_envs=num_envs)
        parameters.check_whole("MazeVectorEnv", max_episode_steps=max_episode_steps)
        maze.check_parameters("MazeVectorEnv", goal, distance_reward)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"MazeVectorEnv.render_mode must be None or 'rgb_array', got {render_mode!r}."
            )
        self.num_envs, self.render_mode = num_envs, render_mode
        self.single_observation_space = maze.observation_space(goal)
        self.single_action_space = maze.action_space()
        self.observation_space = utils.batch_space(self.single_observation_space, num_envs)
        self.action_space = utils.batch_space(self.single_action_space, num_envs)
        self._goal, self._time_limit_terminates = goal, time_limit_terminates
        self._demonstrations = maze_paths.references(demonstrations) if tell_dtw else None
        self._mazes = mazes.Mazes(num_envs, distance_reward, max_episode_steps)
        self._generators = [np.random.default_rng() for _ in range(num_envs)]
        self._start(np.arange(num_envs))

    def reset(
        self, *, seed: int | Sequence[int | None] | None = None, options: Mapping | None = None
    ) -> tuple[np.ndarray, dict]:
        """Starts an episode in every row.

        Args:
          seed: Of row 0, the others' seeds follow; or one for each row. Rows without one go on
            with their random numbers.
          options: Gymnasium's; there are none.

        Returns:
          Observations float32 [N, O], {}.

        Raises:
          ValueError: There are not N seeds.
        """
        del options
        seeds = [seed] * self.num_envs if seed is None else seed
        if isinstance(seeds, (int, np.integer)):
            seeds = [int(seeds) + row for row in range(self.num_envs)]
        if len(seeds) != self.num_envs:
            raise ValueError(f"MazeVectorEnv needs {self.num_envs} seeds, got {len(seeds)}.")
        for row, own in enumerate(seeds):
            if own is not None:
                self._generators[row] = np.random.default_rng(own)
        self._start(np.arange(self.num_envs))
        return self._observe(), {}

    def step(self, actions: np.ndarray) -> Step:
        """Moves all discs for 0.3 s, and starts the next episodes of rows that have ended.

        Args:
          actions: Targets [N, 2] in [−1, 1].

        Returns:
          Observations float32 [N, O], rewards float64 [N], terminations and truncations bool [N],
          infos.

        Raises:
          ValueError: The actions have the wrong shape or are not finite.
        """
        checked = maze.check_actions("MazeVectorEnv", actions, (self.num_envs, 2))
        outcome = self._mazes.step(checked)
        terminated = outcome.reached | outcome.stuck
        truncated = outcome.out_of_time
        if self._time_limit_terminates:
            terminated, truncated = terminated | truncated, np.zeros_like(truncated)
        ended = terminated | truncated
        infos = self._told(outcome.reached, ended)
        if ended.any():
            self._start(np.flatnonzero(ended))
        return self._observe(), outcome.rewards, terminated, truncated, infos

    def get_state(self) -> dict[str, Any]:
        """Returns a copy of all that tells how the rows go on, random numbers included."""
        return {
            "mazes": self._mazes.state.take(range(self.num_envs)),
            "generators": copy.deepcopy(
                [generator.bit_generator.state for generator in self._generators]
            ),
        }

    def set_state(self, state: Mapping[str, Any]) -> np.ndarray:
        """Goes back to a state that `get_state` has returned; returns what is seen [N, O]."""
        self._mazes.state = state["mazes"].take(range(self.num_envs))
        for generator, own in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = own
        return self._observe()

    @property
    def positions(self) -> np.ndarray:
        """Centres of the discs, float64 [N, 2], pixels."""
        return self._mazes.positions.copy()

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Returns each maze from above, uint8 [512, 512, 3], if `render_mode` says so."""
        if self.render_mode is None:
            return None
        return tuple(
            maze_drawing.picture(maze.MazeEpisode(self._mazes.path(row), goal, bool(is_there)))
            for row, (goal, is_there) in enumerate(
                zip(self._mazes.state.goals, self._is_at_goal(), strict=True)
            )
        )

    def _is_at_goal(self) -> np.ndarray:
        return self._mazes.goal_distances < layout.GOAL_RADIUS

    def _told(self, reached: np.ndarray, ended: np.ndarray) -> dict[str, Any]:
        paths = np.full(self.num_envs, None, object)
        corridor = np.zeros(self.num_envs, bool)
        for row in np.flatnonzero(ended):
            paths[row] = self._mazes.path(row)
            corridor[row] = reached[row] and mazes.went_through_corridor(paths[row])
        told = {} if self._demonstrations is None else {"dtw_to_demos": self._dtw(paths)}
        return told | {
            "final_obs": self._observe(),
            "_final_obs": ended,
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
