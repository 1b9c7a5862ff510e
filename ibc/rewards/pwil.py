"""PWIL: rewards at collection by greedy optimal transport to the expert (arXiv 2006.04678)."""

import math

import numpy as np

from ibc.rewards import learned_reward
from ibc.utils import keys, transitions

_SLACK = 1e-6
"""What a step's budget lacks of 1/T, so that T steps never need more than all atoms."""


class PwilReward(learned_reward.LearnedReward):
    """r = scale · exp(−β · cost): what the step's share of the expert's atoms costs to reach.

    Atoms are the expert's x = [s, a], standardised, each of weight 1/N. A step has a budget of 1/T,
    T the episode's limit, and takes the nearest atoms that are left until it is used up. Each costs
    its distance times the weight taken. β = bandwidth_scale · T / √|x|.
    """

    moment = learned_reward.Moment.COLLECTION

    def __init__(
        self,
        time_horizon: int,
        state_only: bool = False,
        reward_scale: float = 5.0,
        reward_bandwidth_scale: float = 5.0,
        name: str = "pwil_reward",
    ):
        """Creates the reward; `prepare` gives it the expert's atoms.

        Args:
          time_horizon: T, the task's limit of steps.
          state_only: Whether x is s alone.
          reward_scale: Reward at no cost.
          reward_bandwidth_scale: How fast it falls.
          name: Name of the reward.

        Raises:
          ValueError: A number is out of its range.
        """
        super().__init__(name=name)
        if time_horizon < 1:
            raise ValueError(f"time_horizon must be at least 1, but is {time_horizon!r}.")
        self._horizon, self._state_only = time_horizon, state_only
        if state_only:
            self.reads = frozenset({"observation"})
        self._reward_scale, self._bandwidth_scale = reward_scale, reward_bandwidth_scale

    def prepare(self, expert: transitions.Transitions, key: keys.Key) -> None:
        """Takes the expert's atoms: [N, D], float32."""
        del key
        inputs = self._inputs(expert)
        self.offset = -np.mean(inputs, axis=0)
        std = np.std(inputs, axis=0, ddof=1) if len(inputs) > 1 else np.ones(inputs.shape[1])
        self.scale = (1 / np.where(std == 0, 1, std)).astype(np.float32)
        self._atoms = self._standardised(inputs)
        self.bandwidth = self._bandwidth_scale * self._horizon / math.sqrt(inputs.shape[1])
        self.begin_episode()

    def begin_episode(self) -> None:
        """Gives all atoms their weight back."""
        self._weights = np.full(len(self._atoms), 1 / len(self._atoms))

    def reward_of_step(self, step: transitions.Transitions) -> float:
        """Returns the reward of a batch of one, and takes its atoms.

        Raises:
          ValueError: The episode has more steps than T.
        """
        distances = np.linalg.norm(self._atoms - self._standardised(self._inputs(step)), axis=1)
        order = np.argsort(np.where(self._weights > 0, distances, np.inf), kind="stable")
        budget, cost = 1 / self._horizon - _SLACK, 0.0
        for atom in order:
            weight = self._weights[atom]
            if weight == 0:
                break
            if budget < weight:
                self._weights[atom] -= budget
                return self._reward(cost + budget * distances[atom])
            self._weights[atom] = 0
            budget, cost = budget - weight, cost + weight * distances[atom]
        if budget > _SLACK:
            raise ValueError(
                f"PWIL ran out of expert atoms: the episode is longer than its limit of "
                f"{self._horizon} steps. Give the task's limit as time_horizon."
            )
        return self._reward(cost)

    def rewards_of(self, expert: transitions.Transitions, ends: np.ndarray) -> np.ndarray:
        """Returns rewards [N] of expert rows in their order, as if the agent had collected them.

        Args:
          expert: N transitions.
          ends: bool [N], where an episode has ended after the row.
        """
        self.begin_episode()
        rewards = []
        for row, is_end in enumerate(ends):
            step = transitions.Transitions(*(np.asarray(field)[row : row + 1] for field in expert))
            rewards.append(self.reward_of_step(step))
            if is_end:
                self.begin_episode()
        self.begin_episode()
        return np.float32(rewards)

    def _reward(self, cost: float) -> float:
        return self._reward_scale * math.exp(-self.bandwidth * cost)

    def _inputs(self, batch: transitions.Transitions) -> np.ndarray:
        fields = batch[:1] if self._state_only else batch[:2]
        return np.concatenate([np.asarray(field, np.float32) for field in fields], axis=-1)

    def _standardised(self, inputs: np.ndarray) -> np.ndarray:
        return self.scale * (inputs + self.offset)
