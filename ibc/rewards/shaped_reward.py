"""Around any learned reward: scale, shift, bound, running normalisation, and the true reward."""

import copy
import dataclasses

import gin
import tensorflow as tf

from ibc.rewards import learned_reward
from ibc.utils import keys, parameters, transitions

_EPSILON = 1e-8


@gin.configurable("shaping", module="imitation")
@dataclasses.dataclass(frozen=True)
class Shaping:
    """r ← true_weight · r_true + clip(scale · norm(r) + shift)."""

    normalise: bool = False
    """Divides by the standard deviation of all rewards that were learned from so far."""
    scale: float = 1.0
    """Factor."""
    shift: float = 0.0
    """Added after it."""
    clip: float | None = None
    """Bound of the result's magnitude; None for none."""
    true_weight: float = 0.0
    """Factor of the task's own reward."""

    def __post_init__(self):
        """Checks the numbers."""
        numbers = {name: getattr(self, name) for name in ("scale", "shift", "true_weight")}
        parameters.check_finite("imitation.shaping", **numbers)
        if self.clip is not None:
            parameters.check_positive("imitation.shaping", clip=self.clip)

    @property
    def changes_anything(self) -> bool:
        """Whether rewards are not simply passed on."""
        # Not against Shaping(), which gin makes of what is bound.
        return any(getattr(self, f.name) != f.default for f in dataclasses.fields(self))


class ShapedReward(learned_reward.LearnedReward):
    """A learned reward, shaped at the moment at which it is computed."""

    def __init__(
        self,
        learned: learned_reward.LearnedReward,
        shaping: Shaping,
        name: str = "shaped_reward",
    ):
        """Creates the reward.

        Args:
          learned: What is shaped.
          shaping: How.
          name: Name of the variables.

        Raises:
          ValueError: The true reward is to be added to one that composes batches of its own, whose
            rows have none.
        """
        super().__init__(name=name)
        if shaping.true_weight and learned.composes_batches:
            raise ValueError(
                f"imitation.shaping.true_weight is not for {type(learned).__name__}, which "
                "composes batches of its own."
            )
        self._learned, self._shaping = learned, shaping
        self._is_observing = True
        self.moment, self.pretraining_steps = learned.moment, learned.pretraining_steps
        self.composes_batches = learned.composes_batches
        self.reads = learned.reads | ({"reward"} if shaping.true_weight else frozenset())
        for part in ("prepare", "pretrain", "train", "begin_episode", "after_evaluation"):
            setattr(self, part, getattr(learned, part))
        self.count, self.mean, self.squares = (
            tf.Variable(0.0, name=name, trainable=False) for name in ("count", "mean", "squares")
        )

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns shaped rewards [B] of the statistics so far, see `LearnedReward`."""
        rewards = self._learned.reward(batch, expert, log_policy, key)
        return self.shaped(rewards, batch.reward)

    def learner_batch(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        progress: learned_reward.Progress,
        key: keys.Key,
    ) -> transitions.Transitions:
        """Returns the learner's batch with shaped rewards, see `LearnedReward`."""
        batch = self._learned.learner_batch(agent, expert, log_policy, progress, key)
        if self.moment is not learned_reward.Moment.UPDATE:
            return batch
        self._observe(batch.reward)
        return batch._replace(reward=self.shaped(batch.reward, agent.reward))

    def reward_of_step(self, step: transitions.Transitions) -> float:
        """Returns the shaped reward of the step just taken, see `LearnedReward`."""
        rewards = tf.constant([self._learned.reward_of_step(step)], tf.float32)
        self._observe(rewards)
        return float(self.shaped(rewards, tf.constant(step.reward, tf.float32))[0])

    def rewards_of_episode(self, episode: transitions.Transitions) -> tf.Tensor:
        """Returns the shaped rewards [T] of an episode, see `LearnedReward`."""
        rewards = self._learned.rewards_of_episode(episode)
        self._observe(rewards)
        return self.shaped(rewards, episode.reward)

    def aside(self) -> "ShapedReward":
        """Returns a copy whose statistics stay as they are, see `LearnedReward`."""
        found = copy.deepcopy(self)
        found._is_observing = False
        return found

    def shaped(self, rewards: tf.Tensor, true_rewards: tf.Tensor) -> tf.Tensor:
        """Returns shaped rewards.

        Args:
          rewards: float32 [B], the learned ones.
          true_rewards: float32 [B], the task's.
        """
        shaping = self._shaping
        if shaping.normalise:
            rewards /= tf.sqrt(self.squares / tf.maximum(self.count, 1.0) + _EPSILON)
        rewards = shaping.scale * rewards + shaping.shift
        if shaping.clip is not None:
            rewards = tf.clip_by_value(rewards, -shaping.clip, shaping.clip)
        return rewards + shaping.true_weight * true_rewards if shaping.true_weight else rewards

    def _observe(self, rewards: tf.Tensor) -> None:
        """Adds rewards [B] to the running moments (Chan et al., 1979)."""
        if not self._is_observing:
            return
        rows = tf.cast(tf.size(rewards), tf.float32)
        mean, variance = tf.nn.moments(rewards, [0])
        difference, total = mean - self.mean, self.count + rows
        between = tf.square(difference) * self.count * rows / total
        self.squares.assign_add(variance * rows + between)
        self.mean.assign_add(difference * rows / total)
        self.count.assign(total)
