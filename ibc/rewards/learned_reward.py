"""What learning by interaction asks of a learned reward."""

import copy
import enum
from collections.abc import Callable, Mapping
from typing import NamedTuple

import tensorflow as tf

from ibc.utils import keys, transitions

LogPolicy = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
"""From observations [B, O] and actions [B, A] to the policy's log π [B]."""


class Moment(enum.Enum):
    """When a reward is computed."""

    COLLECTION = "collection"
    """As a step is taken: it may depend on the steps of the episode so far."""
    EPISODE_END = "episode end"
    """For all steps of an episode that has ended."""
    UPDATE = "update"
    """For a batch that is learned from, as often as it is drawn."""


class Progress(NamedTuple):
    """How far the run is, scalars."""

    step: tf.Tensor
    """float32, steps of interaction so far."""
    trajectories: tf.Tensor
    """float32, episodes that have ended."""


class LearnedReward(tf.Module):
    """A learned reward; each part has a default that does nothing.

    It knows neither environments nor the learner. All its state is in variables, which checkpoints
    hold. Methods on batches are called while the learner's step is compiled: they are pure but for
    those variables, and draw nothing but by the key they are given.
    """

    moment = Moment.UPDATE
    """When `reward` (or `reward_of_step`, `rewards_of_episode`) is asked for."""
    reads = frozenset({"observation", "action"})
    """Fields of `Transitions` that rewards are computed from."""
    composes_batches = False
    """Whether `learner_batch` chooses between the agent's and the expert's rows itself."""
    pretraining_steps = 0
    """How often `pretrain` is called before anything is collected."""

    def prepare(self, expert: transitions.Transitions, key: keys.Key) -> None:
        """Looks at all expert data once, after pretraining: thresholds, bandwidths.

        Args:
          expert: All N transitions.
          key: For what is drawn.
        """

    def pretrain(self, expert: transitions.Transitions, key: keys.Key) -> Mapping[str, tf.Tensor]:
        """Makes a step on a batch of expert data; returns scalars to log."""
        raise NotImplementedError(f"{type(self).__name__} says it is pretrained but cannot be.")

    def train(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: LogPolicy,
        key: keys.Key,
    ) -> Mapping[str, tf.Tensor]:
        """Makes a step before each of the learner's; returns scalars to log.

        Args:
          agent: B transitions of the replay.
          expert: B transitions of the demonstrations.
          log_policy: Of the policy as it is now.
          key: For what is drawn.
        """
        del agent, expert, log_policy, key
        return {}

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns what B transitions are worth, float32 [B], a constant for gradients.

        Args:
          batch: The transitions.
          expert: Expert transitions to compare with.
          log_policy: As for `train`.
          key: For what is drawn.
        """
        raise NotImplementedError(f"{type(self).__name__} has no rewards for batches.")

    def learner_batch(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: LogPolicy,
        progress: Progress,
        key: keys.Key,
    ) -> transitions.Transitions:
        """Returns what the learner learns from, by default the agent's batch with `reward`'s.

        Args:
          agent: B transitions of the replay, in which some may be the expert's already.
          expert: B transitions of the demonstrations.
          log_policy: As for `train`.
          progress: Of the run.
          key: For what is drawn.
        """
        del progress
        if self.moment is not Moment.UPDATE:
            return agent
        return agent._replace(reward=self.reward(agent, expert, log_policy, key))

    def begin_episode(self) -> None:
        """Forgets the steps of the episode before; for rewards at collection."""

    def reward_of_step(self, step: transitions.Transitions) -> float:
        """Returns the reward of the step just taken, a batch of one; for rewards at collection."""
        raise NotImplementedError(f"{type(self).__name__} has no rewards for single steps.")

    def rewards_of_episode(self, episode: transitions.Transitions) -> tf.Tensor:
        """Returns the rewards [T] of the T steps of an episode; for rewards at its end."""
        raise NotImplementedError(f"{type(self).__name__} has no rewards for episodes.")

    def aside(self) -> "LearnedReward":
        """Returns a copy that rates other episodes while this one is in the midst of one."""
        return copy.deepcopy(self)

    def after_evaluation(self, normalized_return: float) -> None:
        """Reacts to an evaluation, for example by annealing.

        Args:
          normalized_return: 0 for random actions, 1 for the expert's return.
        """


def check(learned: LearnedReward) -> None:
    """Checks that transitions carry what a reward is computed from, before anything is trained.

    Raises:
      ValueError: They do not; the message names it.
    """
    missing = learned.reads - set(transitions.Transitions._fields)
    if missing:
        raise ValueError(
            f"{type(learned).__name__} reads {', '.join(sorted(missing))}, which transitions do "
            f"not carry: they have {', '.join(transitions.Transitions._fields)}."
        )
