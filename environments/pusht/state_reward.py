"""Push-T as a task of states, with a reward that asks for more the more was covered.

Diwan et al., Noise-conditioned Energy-based Annealed Rewards (NEAR), 2025.
"""

from collections.abc import Mapping

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments.pusht import keypoints, pusht, simulation

_TABLE_PIXELS = 512
_BLOCK_PIXELS, _AGENT_PIXELS = 725.0, 363.0
_FIRST_THRESHOLD, _THRESHOLD_STEP, _LAST_THRESHOLD = 0.1, 0.1, 0.95
_NEARLY_ALL = 0.9


@gin.configurable
class PushTStateEnv(pusht.PushTEnv):
    """A disc that pushes a T, whose state is seen; see `pusht.PushTEnv`.

    Observation (float32 [5]): disc, position of the block, pixels, its angle in [0, 2π). Action
    (float32 [2] in [−1, 1]): where the disc shall be for 0.1 s, −1 to 1 across the table; beyond,
    it is clipped.

    Reward: min(coverage/θ, 1) − ‖goal − block‖/725 − ‖disc − block‖/363. θ is 0.1 at first, and
    0.1 more after each step whose first term exceeds 0.9, while θ is below 0.95. An episode ends
    when more than 0.95 of the goal is covered.

    `max_reward` and `final_reward` stay those of `PushTEnv`, the published score.
    """

    def __init__(self, render_mode: str | None = None):
        """Creates the environment; `render_mode` is None or 'rgb_array'.

        Raises:
          ValueError: The render mode is another one.
          ImportError: The simulator is not installed; the message says how to install it.
        """
        super().__init__(observation="state", render_mode=render_mode)
        self.action_space = spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: Mapping | None = None
    ) -> tuple[np.ndarray, dict]:
        """Starts an episode where the random numbers say; a seed replaces them first.

        Args:
          seed: Of a NumPy generator.
          options: May hold `state`: disc, position and angle of the block [5], to start from.

        Returns:
          Observation, {}.

        Raises:
          ValueError: The state has the wrong shape or is not finite.
        """
        gymnasium.Env.reset(self, seed=seed)
        state = (options or {}).get("state")
        state = _draw_start(self.np_random) if state is None else np.asarray(state, np.float64)
        if state.shape != (5,):
            raise ValueError(f"PushTStateEnv starts from a state of 5 numbers, got {state}.")
        return self._start(simulation.request_of(state[:2], state[2:])), {}

    def restore(self, observation: np.ndarray | Mapping[str, np.ndarray]) -> np.ndarray:
        """Starts an episode where an observation [5] was made; else see `pusht.PushTEnv`."""
        if isinstance(observation, Mapping):
            return super().restore(observation)
        return self.reset(options={"state": observation})[0]

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Steers the disc towards `action` [2] for 0.1 s; see `pusht.PushTEnv`.

        Returns:
          Observation, reward, terminated, truncated (never), {'coverage': share of the goal}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        seen, _, terminated, truncated, told = super().step(_pixels(np.asarray(action)))
        covered = min(max(told["coverage"] / self.reward_threshold, 0.0), 1.0)
        block = self.block_pose[:2]
        reward = (
            covered
            - np.linalg.norm(keypoints.GOAL_POSE[:2] - block) / _BLOCK_PIXELS
            - np.linalg.norm(self.agent_pos - block) / _AGENT_PIXELS
        )
        if covered > _NEARLY_ALL and self.reward_threshold < _LAST_THRESHOLD:
            self.reward_threshold += _THRESHOLD_STEP
        return seen, float(reward), terminated, truncated, told

    def plan_scene(self, chunks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns a picture, and the disc's way by chunks of actions; see `pusht.PushTEnv`."""
        return super().plan_scene(_pixels(np.asarray(chunks)))

    @property
    def resting_action(self) -> np.ndarray:
        """The action [2] that has the disc stay where it is."""
        return self.agent_pos / (_TABLE_PIXELS / 2) - 1

    def _start_counting(self) -> None:
        super()._start_counting()
        self.reward_threshold = _FIRST_THRESHOLD
        """Share of the goal that the first term of the reward is counted by at present."""


def _draw_start(rng: np.random.Generator) -> np.ndarray:
    """Draws disc, position and angle of the block, float64 [5]."""
    agent, block = rng.integers(50, 450, 2), rng.integers(100, 400, 2)
    return np.array([*agent, *block, rng.normal() * 2 * np.pi - np.pi])


def _pixels(action: np.ndarray) -> np.ndarray:
    return (np.clip(action.astype(np.float64), -1, 1) + 1) * (_TABLE_PIXELS / 2)
