"""NEAR: a noise-conditioned energy as reward, sharpened as the agent nears the demonstrations.

Diwan, Urain, Kober and Peters, arXiv 2501.14856. With PPO, `rollout` rates everything that was
collected between two updates. With a replay, the learner's batches between two episodes stand for
a rollout.
"""

import collections
import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ibc.rewards import annealers, composition, learned_reward
from ibc.utils import keys, parameters, transitions

TRANSFORMS = ("published", "standardised")
_SCALE = 10.0
_OF_LAST = {"published": 3, "standardised": 10}
_SMALLEST_SCALE = 1e-6
_BEST = 0.95


class Rated(NamedTuple):
    """A rollout's rewards, float32 [T, N] each."""

    combined: np.ndarray
    """w_task · r_env + w_energy · r_e."""
    learned: np.ndarray
    """r_e."""
    energy: np.ndarray
    """e at the level, offsets included."""


class _State(tf.train.experimental.PythonState):
    """What is no variable, as text in checkpoints."""

    def __init__(self, reward: "NearReward"):
        self._reward = reward

    def serialize(self) -> str:
        return json.dumps(self._reward.state())

    def deserialize(self, string_value: str | bytes) -> None:
        self._reward.restore_state(json.loads(string_value))


class NearReward(learned_reward.LearnedReward):
    """r = w_task · r_env + w_energy · tanh((e + Σ offsets − m)/scale).

    'published': m is the mean energy of the last 3 rollouts, looked at in the first rollout and in
    every third, and scale is 10. 'standardised': m and scale are mean and standard deviation of
    the last 10 rollouts at the level.
    """

    reads = frozenset({"observation", "next_observation", "reward"})

    def __init__(
        self,
        energy: composition.Energy,
        annealer: annealers.Annealer,
        transform: str = "published",
        task_weight: float = 0.0,
        energy_weight: float = 1.0,
        absorbing_discount: float | None = None,
        name: str = "near_reward",
    ):
        """Creates the reward.

        Args:
          energy: e.
          annealer: Of as many levels.
          transform: 'published' or 'standardised'.
          task_weight: w_task.
          energy_weight: w_energy.
          absorbing_discount: γ, where an end at the goal is to count as staying at the best reward
            seen: it adds γ/(1 − γ) times the 95 % quantile of the rollout's r_e. None for nothing.
          name: Name of the variables.

        Raises:
          ValueError: An option is unusable.
        """
        super().__init__(name=name)
        if transform not in TRANSFORMS:
            raise ValueError(f"reward.transform must be one of {TRANSFORMS}, but is {transform!r}.")
        if annealer.num_levels != energy.num_levels:
            raise ValueError(
                f"the energy has {energy.num_levels} levels, the annealer {annealer.num_levels}."
            )
        parameters.check_finite("reward", task_reward_w=task_weight, energy_reward_w=energy_weight)
        if absorbing_discount is not None and not 0 <= absorbing_discount < 1:
            raise ValueError(
                "reward.terminal = 'absorbing' needs a discount below 1, but it is "
                f"{absorbing_discount!r}."
            )
        self.energy, self.annealer = energy, annealer
        self._transform, self._discount = transform, absorbing_discount
        self._weights = task_weight, energy_weight
        self.rollouts = 0
        size = _OF_LAST[transform]
        self._moments: collections.deque[tuple[float, float]] = collections.deque(maxlen=size)
        self._level = tf.Variable(annealer.level, trainable=False, name="level")
        self._mean, self._scale, self._offset = (
            tf.Variable(value, trainable=False, name=name)
            for value, name in ((0.0, "mean"), (_SCALE, "scale"), (0.0, "offset"))
        )
        # Of batches since the last episode began, at the level before, this one and the next.
        self._sums = tf.Variable(tf.zeros([3, 2]), trainable=False, name="sums")
        self._seen, self._frame = (
            tf.Variable(0.0, trainable=False, name=name) for name in ("seen", "frame")
        )
        self._python_state = _State(self)
        self._rate = tf.function(self._energy_at, autograph=False, reduce_retracing=True)

    @property
    def level(self) -> int:
        """The present one."""
        return self.annealer.level

    @property
    def mean_used(self) -> float:
        """The mean m that energies are compared with."""
        return float(self._mean)

    def rollout(
        self,
        pairs: np.ndarray,
        task_rewards: np.ndarray,
        reached: np.ndarray | None = None,
        frame: int = 0,
    ) -> Rated:
        """Rates a rollout of T steps in N environments, and anneals before it does.

        Args:
          pairs: Raw pairs float32 [T, N, 2·O], s' the true next observation also at ends.
          task_rewards: float32 [T, N].
          reached: Which steps end at the goal [T, N]; None for none.
          frame: Steps of interaction before this rollout.
        """
        pairs = tf.constant(pairs, tf.float32)
        known: dict[int, np.ndarray] = {}

        def at(level: int) -> np.ndarray:
            if level not in known:
                known[level] = self._rate(pairs, tf.constant(level)).numpy()
            return known[level]

        self._anneal(lambda level: float(at(level).mean()), frame)
        raw = at(self.level)
        self._remember(float(raw.mean()), float(np.square(raw).mean()))
        energy = raw + self._offset.numpy()
        learned = np.tanh((energy - self._mean.numpy()) / self._scale.numpy())
        if reached is not None and self._discount is not None:
            best = np.quantile(learned, _BEST)
            learned = learned + reached * np.float32(best * self._discount / (1 - self._discount))
        task_weight, energy_weight = self._weights
        combined = task_weight * task_rewards + energy_weight * learned
        return Rated(combined.astype(np.float32), learned.astype(np.float32), energy)

    def train(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> Mapping[str, tf.Tensor]:
        """Adds the agent's batch to what stands for a rollout, see `LearnedReward`."""
        del expert, log_policy, key
        pairs = _pairs_of(agent)
        levels = tf.clip_by_value(
            self._level + tf.constant([-1, 0, 1]), 0, self.energy.num_levels - 1
        )
        each = [self._energy_at(pairs, levels[k]) for k in range(3)]
        real = (1 - agent.absorbing) * (1 - agent.next_absorbing)
        sums = [[tf.reduce_sum(real * e), tf.reduce_sum(real * tf.square(e))] for e in each]
        self._sums.assign_add(sums)
        self._seen.assign_add(tf.reduce_sum(real))
        self._frame.assign(tf.maximum(self._frame, tf.reduce_max(agent.step)))
        energy = tf.reduce_sum(real * each[1]) / tf.maximum(tf.reduce_sum(real), 1.0)
        return {"energy": energy, "ncsn_perturbation_level": tf.cast(self._level, tf.float32)}

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns rewards [B], 0 for r_e in the absorbing state; see `LearnedReward`."""
        del expert, log_policy, key
        real = (1 - batch.absorbing) * (1 - batch.next_absorbing)
        learned = real * self.learned(_pairs_of(batch))
        task_weight, energy_weight = self._weights
        return tf.stop_gradient(task_weight * batch.reward + energy_weight * learned)

    def learned(self, pairs: tf.Tensor) -> tf.Tensor:
        """Returns r_e [...] of raw pairs [..., 2·O] at the present level, without a goal's."""
        return self.learned_of(self._energy_at(pairs, self._level))

    def learned_of(self, energies: tf.Tensor) -> tf.Tensor:
        """Returns r_e [...] of energies [...] at the present level, without offsets."""
        return tf.tanh((energies + self._offset - self._mean) / self._scale)

    def begin_episode(self) -> None:
        """Ends what stands for a rollout where there is a replay, see `LearnedReward`."""
        seen = float(self._seen)
        if not seen:
            return
        means = (self._sums / seen).numpy()
        before = self.level
        self._anneal(lambda level: float(means[level - before + 1, 0]), int(self._frame))
        mean, square = means[self.level - before + 1].tolist()
        self._remember(mean, square)
        self._sums.assign(tf.zeros_like(self._sums))
        self._seen.assign(0.0)

    def state(self) -> dict:
        """Returns what is no variable, for JSON."""
        moments = [list(pair) for pair in self._moments]
        return {"annealer": self.annealer.state(), "moments": moments, "rollouts": self.rollouts}

    def restore_state(self, state: dict) -> None:
        """Takes what `state` has returned."""
        self.annealer.restore(state["annealer"])
        self._moments.clear()
        self._moments.extend((mean, square) for mean, square in state["moments"])
        self.rollouts = state["rollouts"]

    def _energy_at(self, pairs: tf.Tensor, level: tf.Tensor) -> tf.Tensor:
        return self.energy(pairs, level)

    def _anneal(self, energy: annealers.MeanEnergy, frame: int) -> None:
        before = self.level
        if isinstance(self.energy, composition.ComposedEnergy):
            self.energy.frame.assign(float(frame))
        self.annealer.advance(energy, frame)
        self._level.assign(self.level)
        self._offset.assign(self.annealer.offset)
        if self.level != before and self._transform == "standardised":
            # Another level has energies of another size.
            self._moments.clear()

    def _remember(self, mean: float, square: float) -> None:
        """Takes the moments of a rollout's energies, without offsets, into m and scale."""
        self.rollouts += 1
        offset = self.annealer.offset
        self._moments.append((mean + offset, square + 2 * offset * mean + offset**2))
        recent, of_squares = np.mean(self._moments, axis=0)
        if self._transform == "standardised":
            spread = max(of_squares - recent**2, 0.0) ** 0.5
            self._scale.assign(max(spread, _SMALLEST_SCALE))
            self._mean.assign(recent)
        elif self.rollouts == 1 or self.rollouts % 3 == 0:
            self._mean.assign(recent)


def _pairs_of(batch: transitions.Transitions) -> tf.Tensor:
    return tf.concat([batch.observation, batch.next_observation], -1)
