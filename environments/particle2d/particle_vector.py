"""Many particles on planes at once, as Gymnasium's vector environments want them."""

from typing import Any

import gin
import numpy as np

from ibc.environments import vector_rows
from ibc.environments.particle2d import particle_goal
from ibc.environments.particle2d import task as particle_tasks
from ibc.utils import parameters


@gin.configurable
class ParticleGoalVectorEnv(vector_rows.VectorRows):
    """N copies of `particle_goal.ParticleGoalEnv`; row n does what one of them does.

    Episodes go on by themselves, see `vector_rows.VectorRows`. In every step `infos` hold
    `succeeded` (bool [N]) and `episode_length` (int [N]), too.
    """

    def __init__(
        self,
        num_envs: int = 1,
        max_episode_steps: int = particle_tasks.MAX_EPISODE_STEPS,
        render_mode: str | None = None,
    ):
        """Creates N = `num_envs` copies.

        Args:
          num_envs: Number of copies.
          max_episode_steps: Length of the longest episode; `gymnasium.make_vec` gives it.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        parameters.check_whole("ParticleGoalVectorEnv", max_episode_steps=max_episode_steps)
        super().__init__(
            num_envs, particle_goal.observation_space(), particle_goal.action_space(), render_mode
        )
        self._max_steps = max_episode_steps
        self.positions = np.zeros((num_envs, 2))
        """Where the particles are, float64 [N, 2], pixels."""
        self._steps = np.zeros(num_envs, int)
        self._start(np.arange(num_envs))

    def render(self) -> tuple[np.ndarray, ...] | None:
        """Returns a picture of each row, uint8 [512, 512, 3], if `render_mode` says so."""
        if self.render_mode is None:
            return None
        return tuple(particle_goal.picture(position) for position in self.positions)

    def _start(self, rows: np.ndarray) -> None:
        for row in rows:
            self.positions[row] = particle_goal.draw_start(self._generators[row])
        self._steps[rows] = 0

    def _advance(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        self.positions = particle_goal.moved(self.positions, actions)
        self._steps += 1
        rewards = -particle_goal.relative_distance(self.positions)
        reached = rewards > -particle_goal.NEAR
        late = (self._steps >= self._max_steps) & ~reached
        return rewards, reached, late, {"succeeded": reached, "episode_length": self._steps.copy()}

    def _observe(self) -> np.ndarray:
        return self.positions.astype(np.float32)

    def _rows(self) -> tuple[np.ndarray, np.ndarray]:
        return self.positions.copy(), self._steps.copy()

    def _set_rows(self, rows: tuple[np.ndarray, np.ndarray]) -> None:
        self.positions, self._steps = (each.copy() for each in rows)
