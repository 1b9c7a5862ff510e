"""Proximal policy optimisation in the form of rl_games: standardised everything, minibatches.

Schulman et al., arXiv 1707.06347; the form is that of NEAR's and AMP's experiments.
"""

import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from ibc.losses import ppo_losses
from ibc.networks import actor_critic
from ibc.networks.layers import running_normalizer
from ibc.utils import adamw

_SMALLEST_RATE, _LARGEST_RATE = 1e-6, 1e-2
_ADVANTAGE_EPSILON = 1e-8


@dataclasses.dataclass(frozen=True)
class PpoOptions:
    """What PPO minimises, and how."""

    discount: float = 0.99
    """γ."""
    lambda_: float = 0.9
    """λ of the advantages."""
    learning_rate: float = 5e-5
    """Of Adam, at first where it is adaptive."""
    kl_threshold: float | None = None
    """Divergence that the learning rate is adapted to: above twice of it the rate is divided by
    1.5, below half of it multiplied; None for a constant rate."""
    minibatch_size: int = 16
    """Rows of a gradient step."""
    epochs: int = 4
    """How often each row is learned from."""
    clip: float = 0.2
    """ε of the ratio, and of values where those are clipped."""
    clip_value: bool = False
    """Whether values stay near the old ones."""
    critic_coef: float = 1.0
    """Factor of the value's loss."""
    half_critic: bool = True
    """Whether that is ½(V − R)², as in rl_games, or without the ½, as in AMP."""
    entropy_coef: float = 0.0
    """Factor of the entropy."""
    bounds_coef: float = 0.0
    """Factor of the excess of mean actions."""
    bound: float = 1.1
    """Beyond which a mean action is in excess; 1.0 in AMP."""
    grad_norm: float | None = None
    """Bound of the gradient's norm; None for none."""
    shuffle: bool = False
    """Whether minibatches are drawn, as in AMP, or taken in order."""


class Rollout(NamedTuple):
    """B steps that are learned from, in order of time and then of environments."""

    observation: tf.Tensor
    """float32 [B, O], as the task gives them."""
    action: tf.Tensor
    """float32 [B, A], as drawn, not clipped."""
    log_prob: tf.Tensor
    """float32 [B]."""
    mean: tf.Tensor
    """float32 [B, A]: μ."""
    value: tf.Tensor
    """float32 [B], in the rewards' units."""
    advantage: tf.Tensor
    """float32 [B]."""


ExtraLoss = Callable[[tf.Tensor], tuple[tf.Tensor, dict[str, tf.Tensor]]]
"""From the number of the gradient step, int32, to a loss and scalars; see `PpoAgent.update`."""


class PpoAgent(tf.Module):
    """Actor, critic, their normalizers and the optimizer."""

    def __init__(
        self,
        network: actor_critic.ActorCritic,
        observation_size: int,
        options: PpoOptions,
        extra_weights: list[tf.Variable] | None = None,
        extra_loss: ExtraLoss | None = None,
        name: str = "ppo_agent",
    ):
        """Creates the agent.

        Args:
          network: Actor and critic.
          observation_size: O.
          options: See there.
          extra_weights: What is trained beside them by the same optimizer, as AMP's discriminator.
          extra_loss: Its loss.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.network, self.options = network, options
        self._extra_loss = extra_loss
        self.observations = running_normalizer.RunningNormalizer(observation_size, "observations")
        self.values = running_normalizer.RunningNormalizer(1, "values")
        self.weights = [*network.weights, *(extra_weights or [])]
        self.rate = tf.Variable(options.learning_rate, trainable=False, name="rate")
        self.optimizer = adamw.AdamW(options.learning_rate)
        self.optimizer.build(self.weights)
        self.act = tf.function(self._act, autograph=False)
        self.value = tf.function(self._value, autograph=False)
        self.greedy = tf.function(self._greedy, autograph=False, reduce_retracing=True)
        self.update = tf.function(self._update, autograph=False)

    def _act(self, observation: tf.Tensor, seed: tf.Tensor):
        """Draws actions: returns action [N, A], log π [N], μ [N, A] and V [N]."""
        mean, value = self.network(self.observations(observation))
        noise = tf.random.stateless_normal(tf.shape(mean), seed)
        action = mean + tf.exp(self.network.log_std) * noise
        log_prob = ppo_losses.log_prob(mean, self.network.log_std, action)
        return action, log_prob, mean, self._in_units(value)

    def _value(self, observation: tf.Tensor) -> tf.Tensor:
        """Returns V [B] in the rewards' units."""
        return self._in_units(self.network(self.observations(observation))[1])

    def _greedy(self, observation: tf.Tensor) -> tf.Tensor:
        """Returns μ [B, A]."""
        return self.network(self.observations(observation))[0]

    def _in_units(self, value: tf.Tensor) -> tf.Tensor:
        return tf.squeeze(self.values.denormalized(value[:, tf.newaxis]), -1)

    def _update(self, rollout: Rollout, seed: tf.Tensor) -> dict[str, tf.Tensor]:
        """Learns from a rollout; returns means of scalars over all gradient steps.

        Values and then returns are observed by their normalizer, observations after all steps.

        Args:
          rollout: B steps, B a multiple of the minibatch.
          seed: Of the order, where rows are shuffled, int32 [2].
        """
        options = self.options
        rows = rollout.observation.shape[0]
        count = rows // options.minibatch_size
        batch = self._standardised(rollout)
        old_log_std = tf.identity(self.network.log_std)
        orders = [tf.range(rows)] * options.epochs
        if options.shuffle:
            seeds = tf.random.split(seed, options.epochs)
            orders = [
                tf.random.experimental.stateless_shuffle(tf.range(rows), seeds[k])
                for k in range(options.epochs)
            ]
        order = tf.reshape(tf.stack(orders), [options.epochs * count, options.minibatch_size])

        def body(step, totals):
            part = tf.nest.map_structure(lambda field: tf.gather(field, order[step]), batch)
            told = self._gradient_step(part, old_log_std, step)
            return step + 1, {name: totals[name] + told[name] for name in told}

        # The first step is apart, so that it says what there is to be summed.
        first = tf.nest.map_structure(lambda field: tf.gather(field, order[0]), batch)
        told = self._gradient_step(first, old_log_std, tf.constant(0))
        steps = options.epochs * count
        _, totals = tf.while_loop(
            lambda step, _: step < steps, body, (tf.constant(1), told), parallel_iterations=1
        )
        self.observations.observe(rollout.observation)
        return {name: total / steps for name, total in totals.items()} | {"lr": self.rate + 0.0}

    def _standardised(self, rollout: Rollout) -> dict[str, tf.Tensor]:
        returns = (rollout.value + rollout.advantage)[:, tf.newaxis]
        values = rollout.value[:, tf.newaxis]
        self.values.observe(values)
        old_values = self.values(values)
        self.values.observe(returns)
        mean, variance = tf.nn.moments(rollout.advantage, [0])
        count = tf.cast(tf.size(rollout.advantage), tf.float32)
        std = tf.sqrt(variance * count / (count - 1))
        return {
            "observation": self.observations(rollout.observation),
            "action": rollout.action,
            "log_prob": rollout.log_prob,
            "mean": rollout.mean,
            "value": tf.squeeze(old_values, -1),
            "returns": tf.squeeze(self.values(returns), -1),
            "advantage": (rollout.advantage - mean) / (std + _ADVANTAGE_EPSILON),
        }

    def _gradient_step(self, part, old_log_std, step) -> dict[str, tf.Tensor]:
        options = self.options
        with tf.GradientTape() as tape:
            mean, value = self.network(part["observation"])
            log_std = self.network.log_std
            log_prob = ppo_losses.log_prob(mean, log_std, part["action"])
            actor = tf.reduce_mean(
                ppo_losses.clipped_ratio(
                    log_prob, part["log_prob"], part["advantage"], options.clip
                )
            )
            critic = tf.reduce_mean(
                ppo_losses.value_errors(
                    value, part["returns"], part["value"],
                    options.clip if options.clip_value else None,
                )
            )  # fmt: skip
            excess = tf.reduce_mean(ppo_losses.bound_excess(mean, options.bound))
            entropy = ppo_losses.entropy(log_std)
            half = 0.5 if options.half_critic else 1.0
            loss = (
                actor
                + half * options.critic_coef * critic
                - options.entropy_coef * entropy
                + options.bounds_coef * excess
            )
            told = {"actor_loss": actor, "critic_loss": critic, "bounds_loss": excess}
            if self._extra_loss is not None:
                extra, more = self._extra_loss(step)
                loss, told = loss + extra, told | more
        gradients = tape.gradient(loss, self.weights)
        if options.grad_norm is not None:
            gradients, _ = tf.clip_by_global_norm(gradients, options.grad_norm)
        self.optimizer.learning_rate.assign(self.rate)
        self.optimizer.apply_gradients(zip(gradients, self.weights, strict=True))
        moved = ppo_losses.divergence(mean, log_std, part["mean"], old_log_std)
        self._adapt(moved)
        return told | {"kl": moved, "entropy": entropy}

    def _adapt(self, moved: tf.Tensor) -> None:
        """Adapts the learning rate to how far the policy has moved."""
        aim = self.options.kl_threshold
        if aim is None:
            return
        rate = tf.where(moved > 2 * aim, tf.maximum(self.rate / 1.5, _SMALLEST_RATE), self.rate)
        rate = tf.where(moved < aim / 2, tf.minimum(rate * 1.5, _LARGEST_RATE), rate)
        self.rate.assign(rate)
