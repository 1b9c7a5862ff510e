"""The base of environments whose copies are stepped together as rows of arrays."""

import abc
import copy
from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import utils

from ibc.utils import parameters

Step = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]


class VectorRows(gymnasium.vector.VectorEnv):
    """N copies of an environment with vectors as observations and actions.

    Row n draws from a generator of its own, as a single environment with its seed does. An episode
    that ends is followed by the next one in the same step: the observation is that of the start,
    and `infos["final_obs"]` (float32 [N, O]) is what was seen after the step, *before* any reset,
    in every step and for all rows. `infos["_final_obs"]` (bool [N]) marks the rows that have ended.
    """

    metadata = {  # noqa: RUF012 (Gymnasium's name)
        "autoreset_mode": gymnasium.vector.AutoresetMode.SAME_STEP,
        "render_modes": ["rgb_array"],
        "render_fps": 30,
    }

    def __init__(
        self,
        num_envs: int,
        observation_space: spaces.Box,
        action_space: spaces.Box,
        render_mode: str | None,
    ):
        """Creates N = `num_envs` rows; subclasses start their episodes.

        Args:
          num_envs: N.
          observation_space: Of one row.
          action_space: Of one row.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is out of range; the message names it.
        """
        parameters.check_whole(type(self).__name__, num_envs=num_envs)
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"{type(self).__name__}.render_mode must be None or 'rgb_array', got "
                f"{render_mode!r}."
            )
        self.num_envs, self.render_mode = num_envs, render_mode
        self.single_observation_space, self.single_action_space = observation_space, action_space
        self.observation_space = utils.batch_space(observation_space, num_envs)
        self.action_space = utils.batch_space(action_space, num_envs)
        self._generators = [np.random.default_rng() for _ in range(num_envs)]

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
            raise ValueError(
                f"{type(self).__name__} needs {self.num_envs} seeds, got {len(seeds)}."
            )
        for row, own in enumerate(seeds):
            if own is not None:
                self._generators[row] = np.random.default_rng(own)
        self._start(np.arange(self.num_envs))
        return self._observe(), {}

    def step(self, actions: np.ndarray) -> Step:
        """Makes a step in every row, and starts the next episodes of rows that have ended.

        Args:
          actions: [N, A].

        Returns:
          Observations float32 [N, O], rewards float64 [N], terminations and truncations bool [N],
          infos.

        Raises:
          ValueError: The actions have the wrong shape or are not finite.
        """
        checked = np.asarray(actions, np.float64)
        if checked.shape != self.action_space.shape or not np.isfinite(checked).all():
            raise ValueError(
                f"{type(self).__name__} needs finite actions of shape "
                f"{list(self.action_space.shape)}, got {np.shape(actions)}: {actions}."
            )
        rewards, terminated, truncated, infos = self._advance(checked)
        ended = terminated | truncated
        infos |= {"final_obs": self._observe(), "_final_obs": ended}
        if ended.any():
            self._start(np.flatnonzero(ended))
        return self._observe(), rewards, terminated, truncated, infos

    def get_state(self) -> dict[str, Any]:
        """Returns a copy of all that tells how the rows go on, random numbers included."""
        generators = [generator.bit_generator.state for generator in self._generators]
        return {"rows": self._rows(), "generators": copy.deepcopy(generators)}

    def set_state(self, state: Mapping[str, Any]) -> np.ndarray:
        """Goes back to a state that `get_state` has returned; returns what is seen [N, O]."""
        self._set_rows(state["rows"])
        for generator, own in zip(self._generators, state["generators"], strict=True):
            generator.bit_generator.state = copy.deepcopy(own)
        return self._observe()

    @abc.abstractmethod
    def _start(self, rows: np.ndarray) -> None:
        """Starts episodes in some rows, int [R], as their generators say."""

    @abc.abstractmethod
    def _advance(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """Makes a step with float64 [N, A]; returns rewards, terminated, truncated, infos."""

    @abc.abstractmethod
    def _observe(self) -> np.ndarray:
        """Returns what is seen in all rows, float32 [N, O]."""

    @abc.abstractmethod
    def _rows(self) -> Any:
        """Returns a copy of what rows are, but for their generators."""

    @abc.abstractmethod
    def _set_rows(self, rows: Any) -> None:
        """Goes back to what `_rows` has returned."""
