"""AMP: what a discriminator of pairs makes of an agent's steps, trained beside the policy.

Peng et al., arXiv 2104.02180, in the form of NEAR's experiments (arXiv 2501.14856). With PPO the
discriminator's loss is part of the policy's, see `loss_of_step`. With a replay of interaction it
has an optimizer of its own, and the replay is what old pairs are drawn from.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import NamedTuple

import gin
import numpy as np
import tensorflow as tf

from ibc.losses import amp_losses
from ibc.networks import pair_discriminator
from ibc.rewards import learned_reward, pair_replay, state_pairs
from ibc.utils import adamw, keys, parameters, transitions


@gin.configurable("amp", module="on_policy")
@dataclasses.dataclass(frozen=True)
class AmpOptions:
    """The discriminator and what it learns from; defaults are the published maze's."""

    hidden: tuple[int, ...] = (1024, 512)
    """Units of the discriminator's hidden layers."""
    pair_features: str = "difference"
    """'difference' for [s, s' − s], 'concat', as published, for [s, s']."""
    pair_stride: int = 1
    """Frames of a demonstration from s to s'."""

    task_reward_w: float = 0.0
    """Factor of the task's reward."""
    disc_reward_w: float = 1.0
    """Factor of the discriminator's."""
    disc_coef: float = 5.0
    """Factor of the discriminator's loss in the policy's."""
    disc_grad_penalty: float = 10.0
    """Factor of the penalty on gradients at the demonstrations."""
    disc_logit_reg: float = 0.05
    """Factor of the last layer's kernel, squared."""
    disc_weight_decay: float = 1e-4
    """Factor of all kernels, squared."""
    amp_minibatch_size: int = 16
    """Pairs of each kind in a gradient step."""
    demo_buffer_size: int = 2000
    """Demonstrations' pairs that are drawn from."""
    demo_refill: int = 64
    """Of these, how many are replaced before each update."""
    use_replay: bool = True
    """Whether pairs of the agent that are kept are learned from beside its latest."""
    replay_buffer_size: int = 1000
    """Pairs of the agent that are kept."""
    replay_keep_prob: float = 0.1
    """Probability that a new pair is, once there are as many."""
    learning_rate: float = 5e-5
    """Of the discriminator's own optimizer, where it has one."""

    def __post_init__(self):
        """Checks the numbers."""
        object.__setattr__(self, "hidden", tuple(self.hidden))
        parameters.check_whole("amp", pair_stride=self.pair_stride)
        sizes = ("amp_minibatch_size", "demo_buffer_size", "demo_refill", "replay_buffer_size")
        parameters.check_whole("amp", **{name: getattr(self, name) for name in sizes})
        weights = ("task_reward_w", "disc_reward_w")
        parameters.check_finite("amp", **{name: getattr(self, name) for name in weights})
        factors = ("disc_coef", "disc_grad_penalty", "disc_logit_reg", "disc_weight_decay")
        parameters.check_not_negative("amp", **{name: getattr(self, name) for name in factors})
        parameters.check_positive("amp", learning_rate=self.learning_rate)
        if not 0 <= self.replay_keep_prob <= 1:
            raise ValueError(
                f"amp.replay_keep_prob must be in [0, 1], but is {self.replay_keep_prob!r}."
            )

    def discriminator(
        self, observation_size: int, seed: int
    ) -> pair_discriminator.PairDiscriminator:
        """Returns an untrained one."""
        return pair_discriminator.PairDiscriminator(
            observation_size, self.hidden, self.pair_features, seed
        )


class Rated(NamedTuple):
    """A rollout's rewards, float32 [T, N] each."""

    combined: np.ndarray
    """w_task · r_env + w_disc · r."""
    learned: np.ndarray
    """r."""
    logits: np.ndarray
    """f."""


class AmpReward(learned_reward.LearnedReward):
    """r = w_task · r_env − w_disc · 2 log max(1 − σ(f(s, s')), 1e-4)."""

    reads = frozenset({"observation", "next_observation", "reward"})

    def __init__(
        self,
        discriminator: pair_discriminator.PairDiscriminator,
        expert_pairs: np.ndarray,
        options: AmpOptions,
        steps_of_epoch: int = 1,
        seed: int = 0,
        name: str = "amp_reward",
    ):
        """Creates the reward.

        Args:
          discriminator: f.
          expert_pairs: Raw pairs of the demonstrations float32 [N, 2·S]: the agent's observations
            are states, or begin with them.
          options: See there.
          steps_of_epoch: Gradient steps in which the policy learns from all of a rollout once.
          seed: Of what is drawn.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.discriminator, self._options, self._seed = discriminator, options, seed
        self._expert, self._steps = np.asarray(expert_pairs, np.float32), steps_of_epoch
        size = self._expert.shape[1]
        self.demos = pair_replay.PairReplay(options.demo_buffer_size, size, seed)
        self.replay = pair_replay.PairReplay(options.replay_buffer_size, size, seed + 1)
        shape = [3, steps_of_epoch, options.amp_minibatch_size, size]
        self._drawn = tf.Variable(tf.zeros(shape), trainable=False, name="drawn")
        self._updates = tf.Variable(0, dtype=tf.int64, trainable=False, name="updates")
        self._optimizer = adamw.AdamW(options.learning_rate)
        self._optimizer.build(discriminator.weights)
        self._rate = tf.function(discriminator, autograph=False, reduce_retracing=True)
        self._learn = tf.function(
            lambda step: self._descend(lambda: self.loss_of_step(step)), autograph=False
        )

    def rollout(self, pairs: np.ndarray, task_rewards: np.ndarray) -> Rated:
        """Rates a rollout of T steps in N environments.

        Args:
          pairs: Raw pairs float32 [T, N, 2·O], s' the true next observation also at ends.
          task_rewards: float32 [T, N].
        """
        logits = self._rate(self._states(tf.constant(pairs, tf.float32)))
        learned = amp_losses.reward_of_logits(logits).numpy()
        task_weight, weight = self._options.task_reward_w, self._options.disc_reward_w
        combined = task_weight * task_rewards + weight * learned
        return Rated(combined.astype(np.float32), learned, logits.numpy())

    def begin_update(self, pairs: np.ndarray) -> None:
        """Draws what the gradient steps of an update learn from, and then keeps a rollout's pairs.

        Args:
          pairs: The agent's raw pairs of the rollout float32 [B, 2·O].
        """
        options, pairs = self._options, np.asarray(self._states(pairs))
        draw = np.random.default_rng([self._seed, int(self._updates)])
        refill = self.demos.capacity if not self.demos.total else options.demo_refill
        self.demos.store(self._expert[draw.integers(len(self._expert), size=refill)])
        rows = self._steps * options.amp_minibatch_size
        agent = pairs[draw.integers(len(pairs), size=rows)]
        # Before anything was kept, old pairs are the new ones.
        has_replay = options.use_replay and self.replay.total
        replay = self.replay.sample(rows) if has_replay else agent
        drawn = np.stack([agent, replay, self.demos.sample(rows)])
        self._drawn.assign(drawn.reshape(self._drawn.shape))
        self.discriminator.normalizer.observe(
            self.discriminator.formed(tf.constant(drawn.reshape(3 * rows, -1)))
        )
        is_kept = draw.random(len(pairs)) < options.replay_keep_prob
        self.replay.store(pairs[is_kept] if self.replay.is_full else pairs)
        self._updates.assign_add(1)

    def loss_of_step(self, step: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Returns the loss of a gradient step with its factor, and scalars; see `PpoAgent`.

        Args:
          step: Its number in the update, int32.
        """
        agent, replay, demo = tf.unstack(self._drawn[:, step % self._steps])
        loss, parts = self._loss(agent, replay, demo)
        return self._options.disc_coef * loss, parts

    def learn(self, pairs: np.ndarray, epochs: int) -> None:
        """Learns from a rollout by an optimizer of its own, where no policy learns beside it.

        Args:
          pairs: See `begin_update`.
          epochs: How often each pair that was drawn is learned from.
        """
        self.begin_update(pairs)
        for step in range(epochs * self._steps):
            self._learn(tf.constant(step))

    def train(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> Mapping[str, tf.Tensor]:
        """Makes a step on a batch of the replay and one of demonstrations; see `LearnedReward`."""
        del log_policy, key
        ours, theirs = _pairs_of(agent), _pairs_of(expert)
        for pairs in (ours, theirs):
            self.discriminator.normalizer.observe(self.discriminator.formed(pairs))
        return self._descend(lambda: self._loss(ours, ours[:0], theirs))

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns rewards [B], 0 for r in the absorbing state; see `LearnedReward`."""
        del expert, log_policy, key
        real = (1 - batch.absorbing) * (1 - batch.next_absorbing)
        learned = real * self.learned(_pairs_of(batch))
        options = self._options
        return tf.stop_gradient(
            options.task_reward_w * batch.reward + options.disc_reward_w * learned
        )

    def learned(self, pairs: tf.Tensor) -> tf.Tensor:
        """Returns r [...] of raw pairs [..., 2·O]."""
        return amp_losses.reward_of_logits(self.discriminator(self._states(pairs)))

    def _states(self, pairs: tf.Tensor | np.ndarray) -> tf.Tensor:
        """Returns pairs of the demonstrations' states, with which what is observed begins."""
        return state_pairs.leading(pairs, self._expert.shape[1] // 2)

    def _descend(self, loss_of: Callable[[], tuple[tf.Tensor, dict[str, tf.Tensor]]]):
        """Makes a step of its own optimizer; returns the parts of the loss."""
        with tf.GradientTape() as tape:
            loss, parts = loss_of()
        weights = self.discriminator.weights
        self._optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return parts

    def _loss(self, agent: tf.Tensor, replay: tf.Tensor, demo: tf.Tensor):
        """Returns the loss on raw pairs, and its parts."""
        seen = self.discriminator.inputs
        return amp_losses.discriminator_loss(
            self.discriminator.logits,
            seen(agent),
            seen(replay),
            seen(demo),
            self.discriminator.kernels,
            self._options.disc_grad_penalty,
            self._options.disc_logit_reg,
            self._options.disc_weight_decay,
        )


def _pairs_of(batch: transitions.Transitions) -> tf.Tensor:
    return tf.concat([batch.observation, batch.next_observation], -1)
