"""Behavioral cloning of SAC's actor: before it interacts, beside it, or alone."""

import tensorflow as tf

from ibc.networks import tanh_gaussian
from ibc.utils import adamw, transitions


class ActorCloning(tf.Module):
    """Minimizes mean w · (−log π(a|s)) over expert data, with an optimizer of its own."""

    def __init__(
        self,
        actor: tanh_gaussian.TanhGaussian,
        learning_rate: float = 2.5e-4,
        weight_decay: float = 0.0,
        name: str = "actor_cloning",
    ):
        """Creates the optimizer.

        Args:
          actor: What is trained.
          learning_rate: Of AdamW.
          weight_decay: Of AdamW.
          name: Name of the variables.
        """
        super().__init__(name=name)
        self.actor = actor
        self.optimizer = adamw.AdamW(learning_rate, weight_decay)
        self.optimizer.build(actor.weights)

    def train(
        self, expert: transitions.Transitions, masks: list[tf.Tensor] | None = None
    ) -> tf.Tensor:
        """Makes a step; returns the loss, a scalar.

        Args:
          expert: B transitions.
          masks: Of the actor's dropout; None for none.
        """
        with tf.GradientTape() as tape:
            moments = self.actor.moments(expert.observation, masks)
            log_prob = tanh_gaussian.log_prob(*moments, expert.action)
            loss = -tf.reduce_mean(expert.weight * log_prob)
        self.optimizer.descend(tape, loss, self.actor.weights)
        return loss
