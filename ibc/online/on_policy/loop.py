"""The on-policy loop: collect a rollout, rate it, learn from it, forget it."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from ibc.agents import ppo_agent
from ibc.losses import ppo_losses
from ibc.online.on_policy import copies as copies_lib
from ibc.online.on_policy import options as options_lib


class Collected(NamedTuple):
    """A rollout of T decisions in N copies, [T, N, …] each."""

    observation: np.ndarray
    next_observation: np.ndarray
    action: np.ndarray
    log_prob: np.ndarray
    mean: np.ndarray
    value: np.ndarray
    reward: np.ndarray
    """The task's."""
    terminated: np.ndarray
    timeout: np.ndarray
    reached: np.ndarray

    @property
    def pairs(self) -> np.ndarray:
        """Raw pairs [s, s'], float32 [T, N, 2·O]."""
        return np.concatenate([self.observation, self.next_observation], -1)


class Rater(Protocol):
    """What a rollout's rewards come from."""

    def rate(self, rollout: Collected, frame: int) -> tuple[np.ndarray, Mapping[str, float]]:
        """Returns rewards float32 [T, N], and scalars to log."""

    def terminations(self, rollout: Collected) -> np.ndarray:
        """Returns after which steps nothing is to come, bool [T, N]."""


class TaskRewards:
    """The task's own: PPO alone."""

    def rate(self, rollout: Collected, frame: int) -> tuple[np.ndarray, Mapping[str, float]]:
        """See `Rater`."""
        del frame
        return rollout.reward, {}

    def terminations(self, rollout: Collected) -> np.ndarray:
        """See `Rater`."""
        return rollout.terminated


class Loop:
    """Rollouts and updates, in blocks.

    At the beginning of a block all copies begin new episodes, by seeds that follow from the run's
    and the number of the block. So a run that is restored at the end of one goes on with the same
    numbers, whatever the environment; the last episodes of a block count as out of time.
    """

    def __init__(
        self,
        copies: copies_lib.Copies,
        agent: ppo_agent.PpoAgent,
        rater: Rater,
        options: options_lib.Options,
        seed: int,
    ):
        """Begins nothing yet.

        Args:
          copies: Where the agent acts.
          agent: What learns.
          rater: What rewards come from.
          options: How long and how often.
          seed: Of episodes, actions and orders.
        """
        self._copies, self._agent, self._rater = copies, agent, rater
        self._options, self._seed = options, seed
        self.rollouts = tf.Variable(0, dtype=tf.int64, trainable=False, name="rollouts")
        self._returns: list[float] = []
        self._return = np.zeros(copies.num_envs)
        self._length = np.zeros(copies.num_envs, int)
        self._lengths: list[int] = []

    @property
    def done(self) -> int:
        """Rollouts so far."""
        return int(self.rollouts)

    @property
    def frames_per_rollout(self) -> int:
        """Steps of the environment that a rollout takes."""
        ppo = self._options.ppo
        return ppo.num_envs * ppo.horizon * ppo.action_repeat

    def run(self, rollouts: int, after: Callable[[int, Mapping[str, float]], bool]) -> None:
        """Goes on to a number of rollouts.

        Args:
          rollouts: In all.
          after: Is told the number of each rollout and its scalars; returns whether to go on.

        Raises:
          FloatingPointError: A scalar is not finite.
        """
        seen = None
        while self.done < rollouts:
            number, block = self.done, self._options.run.block
            if seen is None or number % block == 0:
                drawn = np.random.SeedSequence([self._seed, number // block]).generate_state(1)
                seen = self._copies.begin(int(drawn[0] >> 1))
                self._return[:], self._length[:] = 0, 0
            self._schedule(number / rollouts)
            rollout, seen = self._collect(seen, number)
            told = self._learn(rollout, number)
            self.rollouts.assign_add(1)
            for name, value in told.items():
                if not math.isfinite(value):
                    raise FloatingPointError(
                        f"{name} is {value} in rollout {number}: give a smaller ppo.lr."
                    )
            if not after(self.done, told):
                return

    def _schedule(self, share: float) -> None:
        """Sets what depends on the share of the run that is over."""
        ppo = self._options.ppo
        if ppo.lr_schedule == "linear":
            self._agent.rate.assign(ppo.lr * (1 - share))
        if ppo.final_log_sigma is not None:
            log_std = self._agent.network.log_std
            log_std.assign(
                tf.fill(log_std.shape, (1 - share) * ppo.log_sigma + share * ppo.final_log_sigma)
            )

    def _collect(self, seen: np.ndarray, number: int) -> tuple[Collected, np.ndarray]:
        self._returns, self._lengths = [], []
        rows = []
        is_last_of_block = (number + 1) % self._options.run.block == 0
        horizon = self._options.ppo.horizon
        for time in range(horizon):
            key = tf.constant([self._seed, number * horizon + time], tf.int32)
            action, log_prob, mean, value = (
                each.numpy() for each in self._agent.act(tf.constant(seen), key)
            )
            step = self._copies.step(action)
            timeout = step.timeout
            if is_last_of_block and time == horizon - 1:
                timeout = timeout | ~step.terminated
            rows.append(
                (seen, step.next_observation, action, log_prob, mean, value, step.reward,
                 step.terminated, timeout, step.reached)
            )  # fmt: skip
            self._count(step)
            seen = step.observation
        return Collected(*(np.stack(field) for field in zip(*rows, strict=True))), seen

    def _count(self, step: copies_lib.Step) -> None:
        self._return += step.reward
        self._length += 1
        ended = step.end
        self._returns += self._return[ended].tolist()
        self._lengths += self._length[ended].tolist()
        self._return[ended], self._length[ended] = 0, 0

    def _learn(self, rollout: Collected, number: int) -> dict[str, float]:
        ppo = self._options.ppo
        rewards, told = self._rater.rate(rollout, number * self.frames_per_rollout)
        advantages = self._advantages(rollout, rewards * np.float32(ppo.reward_scale))
        flat = [
            tf.constant(np.reshape(each, (-1, *each.shape[2:])))
            for each in (rollout.observation, rollout.action, rollout.log_prob, rollout.mean,
                         rollout.value, advantages)
        ]  # fmt: skip
        key = tf.constant([self._seed, number], tf.int32)
        learned = self._agent.update(ppo_agent.Rollout(*flat), key)
        found = {name: float(value) for name, value in learned.items()}
        found |= {"minibatch_combined_reward": float(rewards.mean()), **told}
        if self._returns:
            found["rewards"] = float(np.mean(self._returns))
            found["episode_lengths"] = float(np.mean(self._lengths)) * ppo.action_repeat
        return found

    def _advantages(self, rollout: Collected, rewards: np.ndarray) -> np.ndarray:
        ppo = self._options.ppo
        ends = rollout.terminated | rollout.timeout
        shape = rollout.next_observation.shape
        following = np.reshape(
            self._agent.value(tf.constant(rollout.next_observation.reshape(-1, shape[-1]))),
            shape[:2],
        )
        if ppo.published_gae:
            return ppo_losses.published_advantages(
                rewards, rollout.value, following[-1], ends, ppo.gamma, ppo.tau
            )
        following = following * ~self._rater.terminations(rollout)
        return ppo_losses.advantages(rewards, rollout.value, following, ends, ppo.gamma, ppo.tau)
