"""An ant that has to walk through a maze, from a fixed cell to a fixed cell, as in D4RL."""

import os

import numpy as np

from ibc.environments.d4rl import d4rl_env
from ibc.environments.d4rl import task as d4rl_tasks

_TARGET = "gymnasium_robotics.envs.maze.ant_maze_v4:AntMazeEnv"
_GOAL_RADIUS_METRES = 0.5
# D4RL's; the maintained environment starts the ant at rest.
_START_NOISE = 0.1
_CAMERA_METRES_PER_CELL = 5.0

# In D4RL x grows with the column and y with the row; 'r' is the start cell, 'g' the goal cell.
_MAPS = {
    "medium": (
        "########",
        "#r ##  #",
        "#  #   #",
        "##   ###",
        "#  #   #",
        "# #  # #",
        "#   # g#",
        "########",
    ),
    "large": (
        "############",
        "#r   #     #",
        "# ## # # # #",
        "#      #   #",
        "# #### ### #",
        "#  # #     #",
        "## # # # ###",
        "#  #   # g #",
        "############",
    ),
}
_FAMILIES = {"medium": d4rl_tasks.ANTMAZE_MEDIUM, "large": d4rl_tasks.ANTMAZE_LARGE}


class AntMazeEnv(d4rl_env.D4RLEnv):
    """Walk to the goal: reward 1 and the end of the episode within half a metre of it.

    Observation: x and y in metres from the centre of the start cell, then the ant's other joint
    positions (13) and its velocities (14). The goal is not observed.
    """

    def __init__(self, maze_size: str, render_mode: str | None = None):
        """Loads the scene.

        Args:
          maze_size: 'medium' or 'large'.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: There is no maze of that size.
        """
        if maze_size not in _MAPS:
            raise ValueError(
                f"AntMazeEnv.maze_size must be one of {', '.join(_MAPS)}, got {maze_size!r}."
            )
        simulator = d4rl_env.make_simulator(
            _TARGET,
            maze_map=_maintained_map(_MAPS[maze_size]),
            continuing_task=False,
            render_mode=render_mode,
        )
        # Every maze leaves its model in the folder for temporary files.
        os.remove(simulator.tmp_xml_file_path)
        simulator.position_noise_range = 0.0
        self._ant = simulator.ant_env
        (self._origin,) = simulator.maze.unique_reset_locations
        (goal,) = simulator.maze.unique_goal_locations
        self.goal = goal - self._origin
        self.camera = _camera_above(_MAPS[maze_size])
        super().__init__(_FAMILIES[maze_size], simulator, self._ant, render_mode)

    @property
    def position(self) -> np.ndarray:
        """The ant's x and y, metres from the start cell [2]."""
        return self.data.qpos[:2] - self._origin

    @property
    def goal_achieved(self) -> bool:
        """Whether the ant is at the goal."""
        return bool(np.linalg.norm(self.position - self.goal) <= _GOAL_RADIUS_METRES)

    def _reset_simulator(self, seed: int | None) -> np.ndarray:
        self.simulator.reset(seed=seed)
        random = self.np_random
        positions = self._ant.init_qpos + random.uniform(-_START_NOISE, _START_NOISE, self.model.nq)
        velocities = _START_NOISE * random.standard_normal(self.model.nv)
        self._ant.set_state(positions, velocities)
        return self._observe()

    def _advance(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        self.simulator.step(action)
        return self._observe(), float(self.goal_achieved), self.goal_achieved

    def _restore(self, observation: np.ndarray) -> np.ndarray:
        positions, velocities = np.split(observation, [self.model.nq])
        positions[:2] += self._origin
        self._ant.set_state(positions, velocities)
        return self._observe()

    def _observe(self) -> np.ndarray:
        return np.concatenate([self.position, self.data.qpos[2:], self.data.qvel])


def _maintained_map(rows: tuple[str, ...]) -> list[list[int | str]]:
    """Returns a map as gymnasium-robotics wants it, whose first row has the largest y."""
    cells = {"#": 1, " ": 0}
    return [[cells.get(cell, cell) for cell in row] for row in reversed(rows)]


def _camera_above(rows: tuple[str, ...]) -> dict:
    """Returns a camera that sees the whole maze."""
    distance = _CAMERA_METRES_PER_CELL * max(len(rows), len(rows[0]))
    return {"lookat": (0.0, 0.0, 0.0), "distance": distance, "azimuth": 90, "elevation": -80}
