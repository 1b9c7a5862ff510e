"""DrQ-v2 (Yarats et al., arXiv 2107.09645): an actor and critics of shifted pictures."""

import dataclasses
from typing import NamedTuple

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step, trajectory
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import random_shift, truncated_normal
from ibc.networks import drq_networks
from ibc.utils import adamw, keys, parameters

_PICTURE_RANK = 3


@dataclasses.dataclass(frozen=True)
class DrqOptions:
    """Numbers of the updates, as published."""

    learning_rate: float = 1e-4
    """Adam's, of encoder, actor and critics."""
    target_share: float = 0.01
    """τ: the share of the critic that its target takes in each update."""
    noise_clip: float = 0.3
    """Largest deviation of an action from its mean in updates."""
    pad: int = random_shift.PAD
    """Pixels by which pictures are shifted at most."""

    def __post_init__(self):
        """Raises ValueError where a number is out of its range."""
        positive = ("learning_rate", "target_share", "noise_clip")
        parameters.check_positive("drq", **{name: getattr(self, name) for name in positive})
        parameters.check_whole("drq", least=0, pad=self.pad)
        if self.target_share > 1:
            raise ValueError(f"drq.target_share must be at most 1, got {self.target_share!r}.")


class Batch(NamedTuple):
    """B transitions over n steps."""

    observation: tf.Tensor
    """Stacked frames uint8 [B, H, W, C], or states float32 [B, S]."""
    action: tf.Tensor
    """float32 [B, A], within ±1."""
    reward: tf.Tensor
    """float32 [B], R = Σ_{k<n} γ^k r_k Π_{j<k} d_j."""
    discount: tf.Tensor
    """float32 [B], D = γ^n Π d."""
    next_observation: tf.Tensor
    """Like `observation`, n steps later."""


class Draws(NamedTuple):
    """The random numbers of an update."""

    offsets: tf.Tensor
    """int32 [B, 2], shifts of the observations."""
    next_offsets: tf.Tensor
    """int32 [B, 2], shifts of the next observations."""
    next_noise: tf.Tensor
    """Standard normal [B, A], of the next actions."""
    noise: tf.Tensor
    """Standard normal [B, A], of the actions that the actor's loss rates."""


class DrqInfo(NamedTuple):
    """What an update tells, scalars under their published names."""

    batch_reward: tf.Tensor
    critic_target_q: tf.Tensor
    critic_q1: tf.Tensor
    critic_q2: tf.Tensor
    critic_loss: tf.Tensor
    actor_loss: tf.Tensor
    actor_logprob: tf.Tensor
    actor_ent: tf.Tensor


class DrqV2Agent(tf_agent.TFAgent):
    """Learns of n-step transitions of pictures or states.

    The critic's loss trains the encoder, too; the actor sees encodings as they are. The target is
    of the critic alone, trunk included.
    """

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: types.BoundedTensorSpec,
        encoder: drq_networks.PixelEncoder | drq_networks.StateEncoder,
        actor: drq_networks.Actor,
        critic: drq_networks.Critic,
        target_critic: drq_networks.Critic,
        options: DrqOptions | None = None,
        seed: int = 0,
        train_step_counter: tf.Variable | None = None,
    ):
        """Creates the agent; the target critic starts as the critic.

        Args:
          time_step_spec: Observations uint8 [H, W, C] or float32 [S].
          action_spec: float32 [A] within ±1.
          encoder: Of the observations.
          actor: Mean actions of encodings.
          critic: Values of encodings and actions.
          target_critic: Another one of the same size.
          options: The published ones if None.
          seed: What shifts and noise follow from, with the number of the update.
          train_step_counter: Counts the updates; None for one of its own.
        """
        self.encoder, self.actor = encoder, actor
        self.critic, self.target_critic = critic, target_critic
        self.options, self._seed = options or DrqOptions(), seed
        self.std = tf.Variable(1.0, trainable=False, name="std")
        """Standard deviation of actions, which the loop sets by its schedule."""
        self._is_pixels = time_step_spec.observation.shape.rank == _PICTURE_RANK
        self.critic_weights = [*encoder.weights, *critic.weights]
        # Encoder and critic learn at one rate, so that one Adam does for both.
        self.critic_optimizer, self.actor_optimizer = (
            adamw.AdamW(self.options.learning_rate) for _ in range(2)
        )
        self.critic_optimizer.build(self.critic_weights)
        self.actor_optimizer.build(actor.weights)
        if train_step_counter is None:
            train_step_counter = tf.Variable(0, dtype=tf.int64, trainable=False)
        policies = (
            DrqPolicy(time_step_spec, action_spec, encoder, actor, std) for std in (None, self.std)
        )
        super().__init__(
            time_step_spec,
            action_spec,
            *policies,
            train_sequence_length=None,
            train_step_counter=train_step_counter,
        )
        self.initialize()

    def _initialize(self) -> None:
        for target, weight in zip(self.target_critic.weights, self.critic.weights, strict=True):
            target.assign(weight)

    def draws(self, rows: int) -> Draws:
        """Draws the numbers of the next update."""
        key = keys.Key(
            tf.random.fold_in(tf.constant([self._seed, 0], tf.int64), self.train_step_counter)
        )
        shifts, next_shifts, noise = (part.seed for part in key.split(3))
        shape = [2, rows, self.action_spec.shape[0]]
        return Draws(
            random_shift.draw(rows, shifts, self.options.pad),
            random_shift.draw(rows, next_shifts, self.options.pad),
            *tf.unstack(tf.random.stateless_normal(shape, noise)),
        )

    def update(self, batch: Batch, draws: Draws) -> DrqInfo:
        """Makes a step of encoder and critics, one of the actor, and moves the target.

        Args:
          batch: B transitions.
          draws: The update's random numbers.
        """
        observation, next_observation = (
            self._shifted(values, offsets)
            for values, offsets in (
                (batch.observation, draws.offsets),
                (batch.next_observation, draws.next_offsets),
            )
        )
        with tf.GradientTape() as tape:
            encoding = self.encoder(observation, training=True)
            with tape.stop_recording():
                target = self._target(batch, next_observation, draws.next_noise)
            first, second = self.critic(encoding, batch.action)
            critic_loss = tf.add_n(
                [tf.reduce_mean(tf.square(value - target)) for value in (first, second)]
            )
        self.critic_optimizer.descend(tape, critic_loss, self.critic_weights)
        actor_loss, action_log_prob = self._update_actor(tf.stop_gradient(encoding), draws.noise)
        share = self.options.target_share
        for old, new in zip(self.target_critic.weights, self.critic.weights, strict=True):
            old.assign(share * new + (1 - share) * old)
        self.train_step_counter.assign_add(1)
        entropy = truncated_normal.entropy(self.std) * batch.action.shape[-1]
        means = map(tf.reduce_mean, (batch.reward, target, first, second))
        return DrqInfo(*means, critic_loss, actor_loss, action_log_prob, entropy)

    def _target(self, batch: Batch, next_observation: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        """Returns y = R + D · min(Q̄₁, Q̄₂)(s', a') [B]."""
        encoding = self.encoder(next_observation, training=True)
        action = self._noisy(self.actor(encoding), noise)
        return batch.reward + batch.discount * self.target_critic.lower(encoding, action)

    def _update_actor(self, encoding: tf.Tensor, noise: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            mean = self.actor(encoding)
            action = self._noisy(mean, noise)
            loss = -tf.reduce_mean(self.critic.lower(encoding, action))
        self.actor_optimizer.descend(tape, loss, self.actor.weights)
        log_prob = truncated_normal.log_prob(mean, self.std, action)
        return loss, tf.reduce_mean(tf.reduce_sum(log_prob, -1))

    def _noisy(self, mean: tf.Tensor, noise: tf.Tensor) -> tf.Tensor:
        return truncated_normal.sample(mean, self.std, noise, self.options.noise_clip)

    def _shifted(self, values: tf.Tensor, offsets: tf.Tensor) -> tf.Tensor:
        if not self._is_pixels or not self.options.pad:
            return values
        # GPUs cannot gather numbers of eight bits.
        return random_shift.shifted(tf.cast(values, tf.float32), offsets, self.options.pad)

    def _train(
        self, experience: trajectory.Transition, weights: types.Tensor | None = None
    ) -> tf_agent.LossInfo:
        """Makes an update of n-step transitions [B] as TF-Agents has them."""
        if weights is not None:
            raise ValueError("DrQ-v2 weighs all transitions alike: leave out weights.")
        step, action, next_step = experience
        batch = Batch(
            step.observation,
            action.action,
            next_step.reward,
            next_step.discount,
            next_step.observation,
        )
        info = self.update(batch, self.draws(batch.reward.shape[0]))
        return tf_agent.LossInfo(info.critic_loss + info.actor_loss, info)


class DrqPolicy(tf_policy.TFPolicy):
    """Acts by the mean, or with noise around it."""

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: types.BoundedTensorSpec,
        encoder: drq_networks.PixelEncoder | drq_networks.StateEncoder,
        actor: drq_networks.Actor,
        std: tf.Variable | None = None,
    ):
        """Creates the policy.

        Args:
          time_step_spec: What is observed, see `DrqV2Agent`.
          action_spec: float32 [A] within ±1.
          encoder: Of observations.
          actor: Of encodings.
          std: Standard deviation of actions; None for mean actions.
        """
        super().__init__(time_step_spec, action_spec, automatic_state_reset=False)
        self._encoder, self._actor, self._std = encoder, actor, std

    def _action(self, time_step, policy_state, seed) -> policy_step.PolicyStep:
        action = self._actor(self._encoder(time_step.observation))
        if self._std is not None:
            noise = tf.random.stateless_normal(tf.shape(action), keys.of(seed).seed)
            action = truncated_normal.sample(action, self._std, noise)
        return policy_step.PolicyStep(action, policy_state)

    def _distribution(self, time_step, policy_state):
        raise NotImplementedError("DrQ-v2's noise has no density: ask for actions.")

    def _variables(self):
        return [*self._encoder.weights, *self._actor.weights]
