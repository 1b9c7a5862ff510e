"""Soft actor-critic that knows absorbing states and importance weights, on TF-Agents' agent."""

from typing import NamedTuple

import tensorflow as tf
import tensorflow_probability as tfp
from tf_agents.agents import tf_agent
from tf_agents.agents.sac import sac_agent
from tf_agents.distributions import utils as distribution_utils
from tf_agents.networks import network
from tf_agents.trajectories import time_step as ts
from tf_agents.trajectories import trajectory
from tf_agents.typing import types

from ibc.losses import sac_losses
from ibc.networks import tanh_gaussian, twin_critic
from ibc.networks.layers import perceptron
from ibc.utils import adamw, keys, transitions

_MASKS = ("next", "published")


class SacNoise(NamedTuple):
    """Standard normal numbers of one update."""

    next_action: tf.Tensor
    """float32 [B, A], for ã' ~ π(s')."""
    action: tf.Tensor
    """float32 [B, A], for ã ~ π(s)."""


class SacInfo(NamedTuple):
    """What one update tells."""

    critic_loss: tf.Tensor
    actor_loss: tf.Tensor
    temperature_loss: tf.Tensor
    alpha: tf.Tensor
    """Temperature after the update, a scalar as the losses are."""
    log_prob: tf.Tensor
    """float32 [B], log π(ã|s)."""
    value: tf.Tensor
    """float32 [B], the lower critic's at (s, a), before the critics' step."""


class AbsorbingSacAgent(sac_agent.SacAgent):
    """SAC with a learned temperature, twin critics and AdamW.

    `update` is the published step on a batch of transitions; TF-Agents' `train` makes it of
    trajectories. Policies are TF-Agents' own.
    """

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: types.BoundedTensorSpec,
        actor: tanh_gaussian.TanhGaussian,
        critic: twin_critic.TwinCritic,
        target_critic: twin_critic.TwinCritic,
        learning_rate: float = 3e-4,
        weight_decay: float = 0.0,
        discount: float = 0.99,
        target_temperature: float = -1.0,
        polyak_factor: float = 0.995,
        absorbing_mask: str = "next",
        initial_log_alpha: float = 0.0,
        train_step_counter: tf.Variable | None = None,
        name: str | None = None,
    ):
        """Creates the agent; the target critic starts as the critic.

        Args:
          time_step_spec: Observations float32 [O].
          action_spec: float32 [A] within ±1.
          actor: The policy's network.
          critic: The critics.
          target_critic: Another pair of the same size.
          learning_rate: Of actor, critics and temperature.
          weight_decay: Of actor and critics.
          discount: γ.
          target_temperature: The entropy aimed at, per dimension of the action.
          polyak_factor: Share of itself that the target keeps in each update.
          absorbing_mask: 'next' takes action and entropy away in the absorbing state; 'published'
            does so at s' where s is the absorbing state, which gives s' entropy at the transition
            into it.
          initial_log_alpha: Logarithm of the first temperature.
          train_step_counter: Counts the updates; None for one of its own.
          name: Name of the agent.

        Raises:
          ValueError: `absorbing_mask` is unknown, or the action's bounds are not ±1.
        """
        if absorbing_mask not in _MASKS:
            raise ValueError(f"absorbing_mask must be one of {_MASKS}, but is {absorbing_mask!r}.")
        if not (
            tf.reduce_all(action_spec.minimum == -1) and tf.reduce_all(action_spec.maximum == 1)
        ):
            raise ValueError(
                f"The actions of this agent are within ±1, but the spec is {action_spec}."
            )
        if train_step_counter is None:
            # TensorFlow's global one goes on counting from agent to agent.
            train_step_counter = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._actor, self._critic, self._target = actor, critic, target_critic
        self._masks_next = absorbing_mask == "next"
        self._discount, self._polyak_factor = discount, polyak_factor
        self._entropy_target = target_temperature * action_spec.shape[0]
        spec = time_step_spec.observation
        critics, targets = (
            [_CriticNetwork(spec, action_spec, q, f"{name}Q") for q in pair.networks]
            for name, pair in (("", critic), ("Target", target_critic))
        )
        super().__init__(
            time_step_spec,
            action_spec,
            critic_network=critics[0],
            critic_network_2=critics[1],
            target_critic_network=targets[0],
            target_critic_network_2=targets[1],
            actor_network=_ActorNetwork(spec, action_spec, actor),
            actor_optimizer=None,
            critic_optimizer=None,
            alpha_optimizer=None,
            target_update_tau=1 - polyak_factor,
            gamma=discount,
            initial_log_alpha=initial_log_alpha,
            target_entropy=self._entropy_target,
            train_step_counter=train_step_counter,
            name=name,
        )
        self.actor_optimizer, self.critic_optimizer = (
            adamw.AdamW(learning_rate, weight_decay) for _ in range(2)
        )
        self.alpha_optimizer = adamw.AdamW(learning_rate)
        for optimizer, variables in self._trained():
            optimizer.build(variables)
        self.initialize()

    @property
    def actor(self) -> tanh_gaussian.TanhGaussian:
        """The policy's network."""
        return self._actor

    @property
    def log_alpha(self) -> tf.Variable:
        """Logarithm of the temperature."""
        return self._log_alpha

    def noise(self, batch_size: int, key: keys.Key) -> SacNoise:
        """Draws the numbers of an update."""
        shape = [2, batch_size, self.action_spec.shape[0]]
        return SacNoise(*tf.unstack(tf.random.stateless_normal(shape, key.seed)))

    def update(self, batch: transitions.Transitions, noise: SacNoise) -> SacInfo:
        """Makes one step of critics, actor and temperature, and moves the target.

        Args:
          batch: B transitions.
          noise: Of this step.
        """
        free, next_free = 1 - batch.absorbing, 1 - batch.next_absorbing
        # One temperature for all three losses.
        alpha = tf.exp(tf.identity(self._log_alpha))
        critic_loss, value = self._update_critics(batch, noise.next_action, alpha, free, next_free)
        actor_loss, log_prob = self._update_actor(batch, noise.action, alpha, free)
        with tf.GradientTape() as tape:
            temperature_loss = sac_losses.temperature_loss(
                self._log_alpha, log_prob, self._entropy_target, batch.weight, free
            )
        self.alpha_optimizer.descend(tape, temperature_loss, [self._log_alpha])
        for target, weight in zip(self._target.weights, self._critic.weights, strict=True):
            target.assign(self._polyak_factor * target + (1 - self._polyak_factor) * weight)
        self.train_step_counter.assign_add(1)
        alpha = tf.exp(tf.identity(self._log_alpha))
        return SacInfo(critic_loss, actor_loss, temperature_loss, alpha, log_prob, value)

    def _update_critics(self, batch, noise, alpha, free, next_free) -> tuple[tf.Tensor, tf.Tensor]:
        masked = next_free if self._masks_next else free
        next_mean, next_std = self._actor.moments(batch.next_observation)
        next_action, next_log_prob = tanh_gaussian.sample(next_mean, next_std, noise)
        next_value = self._target.lower(batch.next_observation, masked[:, tf.newaxis] * next_action)
        discount = self._discount * batch.discount
        target = sac_losses.soft_target(
            batch.reward, discount, next_value, next_log_prob, alpha, masked
        )
        with tf.GradientTape() as tape:
            values = self._critic(batch.observation, batch.action)
            loss = sac_losses.critic_loss(values, target, batch.weight)
        self.critic_optimizer.descend(tape, loss, self._critic.weights)
        return loss, tf.minimum(*values)

    def _update_actor(self, batch, noise, alpha, free) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            action, log_prob = tanh_gaussian.sample(*self._actor.moments(batch.observation), noise)
            value = self._critic.lower(batch.observation, action)
            value_free = free if self._masks_next else 1.0
            loss = sac_losses.actor_loss(log_prob, value, alpha, batch.weight, free, value_free)
        self.actor_optimizer.descend(tape, loss, self._actor.weights)
        return loss, log_prob

    def _trained(self) -> list[tuple[adamw.AdamW, list[tf.Variable]]]:
        return [
            (self.actor_optimizer, self._actor.weights),
            (self.critic_optimizer, self._critic.weights),
            (self.alpha_optimizer, [self._log_alpha]),
        ]

    def _train(
        self, experience: trajectory.Trajectory, weights: types.Tensor | None = None
    ) -> tf_agent.LossInfo:
        """As TF-Agents: trains on trajectories [B, 2] without absorbing states."""
        step, action, next_step = self._as_transition(experience)
        ones = tf.ones_like(next_step.reward)
        batch = transitions.Transitions(
            step.observation,
            action.action,
            next_step.reward,
            next_step.observation,
            next_step.discount,
            timeout=0 * ones,
            weight=ones if weights is None else ones * weights,
            absorbing=0 * ones,
            next_absorbing=0 * ones,
            step=0 * ones,
            time=0 * ones,
        )
        info = self.update(batch, self.noise(ones.shape[0], keys.fresh()))
        losses = info.critic_loss, info.actor_loss, info.temperature_loss
        return tf_agent.LossInfo(tf.add_n(losses), sac_agent.SacLossInfo(*losses))


class _ModuleNetwork(network.Network):
    """Gives TF-Agents a module's variables, which Keras does not look for."""

    def __init__(self, spec, module: tf.Module, name: str):
        super().__init__(input_tensor_spec=spec, state_spec=(), name=name)
        self._module = module

    @property
    def trainable_weights(self) -> list[tf.Variable]:
        return self._module.weights

    @property
    def weights(self) -> list[tf.Variable]:
        return self._module.weights


class _ActorNetwork(_ModuleNetwork):
    def __init__(self, observation_spec, action_spec, actor: tanh_gaussian.TanhGaussian):
        super().__init__(observation_spec, actor, "ActorNetwork")
        self._action_spec = action_spec

    def call(self, observation, step_type=(), network_state=(), training=False):
        del step_type, training
        mean, std = self._module.moments(observation)
        normal = tfp.distributions.MultivariateNormalDiag(mean, std)
        squashed = distribution_utils.SquashToSpecNormal(normal, self._action_spec)
        return squashed, network_state


class _CriticNetwork(_ModuleNetwork):
    def __init__(self, observation_spec, action_spec, critic: perceptron.Perceptron, name: str):
        super().__init__((observation_spec, action_spec), critic, name)

    def call(self, inputs, step_type=(), network_state=(), training=False):
        del step_type, training
        return tf.squeeze(self._module(tf.concat(inputs, axis=-1)), -1), network_state
