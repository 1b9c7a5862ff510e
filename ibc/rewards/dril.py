"""DRIL: rewards where clones of the expert agree (Brantley et al., ICLR 2020)."""

from collections.abc import Mapping

import tensorflow as tf

from ibc.networks import tanh_gaussian
from ibc.rewards import learned_reward
from ibc.utils import adamw, keys, transitions

_UNCERTAINTIES = ("mean", "density")


class DrilReward(learned_reward.LearnedReward):
    """r = +1 where u(s, a) ≤ q, else −1; q is a quantile of u on all expert data.

    u is the variance over passes of a cloned actor with dropout: of its mean action before tanh,
    or, as published, of the density π(a|s). Near a deterministic expert the density varies most
    where it is high, on the expert's own data, so that the published u tells the expert from others
    the wrong way round.
    """

    def __init__(
        self,
        actor: tanh_gaussian.TanhGaussian,
        learning_rate: float = 3e-5,
        weight_decay: float = 0.0,
        pretraining_iterations: int = 100_000,
        quantile_cutoff: float = 0.98,
        uncertainty: str = "mean",
        ensemble_size: int = 5,
        name: str = "dril_reward",
    ):
        """Creates the reward.

        Args:
          actor: The clone, with dropout.
          learning_rate: Of the clone.
          weight_decay: Of the clone.
          pretraining_iterations: Steps of cloning before anything is collected.
          quantile_cutoff: Share of the expert's data that is worth +1, in [0, 1].
          uncertainty: 'mean' or 'density'.
          ensemble_size: Passes with masks of their own.
          name: Name of the variables.

        Raises:
          ValueError: A name is unknown or a number out of its range.
        """
        super().__init__(name=name)
        if uncertainty not in _UNCERTAINTIES:
            raise ValueError(
                f"uncertainty must be one of {_UNCERTAINTIES}, but is {uncertainty!r}."
            )
        if not 0 <= quantile_cutoff <= 1:
            raise ValueError(f"quantile_cutoff must be in [0, 1], but is {quantile_cutoff!r}.")
        if ensemble_size < 2:
            raise ValueError(f"ensemble_size must be at least 2, but is {ensemble_size!r}.")
        self.actor = actor
        self.pretraining_steps = pretraining_iterations
        self._quantile, self._uncertainty = quantile_cutoff, uncertainty
        self._passes = ensemble_size
        self.threshold = tf.Variable(0.0, name="threshold", trainable=False)
        self.optimizer = adamw.AdamW(learning_rate, weight_decay)
        self.optimizer.build(actor.weights)

    def pretrain(self, expert: transitions.Transitions, key: keys.Key) -> Mapping[str, tf.Tensor]:
        """Makes a step of behavioral cloning with dropout, see `LearnedReward`."""
        return self.pretrain_with(expert, self.actor.masks(expert.reward.shape[0], key))

    def pretrain_with(
        self, expert: transitions.Transitions, masks: list[tf.Tensor]
    ) -> Mapping[str, tf.Tensor]:
        """As `pretrain`, with the actor's masks."""
        with tf.GradientTape() as tape:
            moments = self.actor.moments(expert.observation, masks)
            log_prob = tanh_gaussian.log_prob(*moments, expert.action)
            loss = -tf.reduce_mean(expert.weight * log_prob)
        self.optimizer.descend(tape, loss, self.actor.weights)
        return {"cloning_loss": loss}

    def prepare(self, expert: transitions.Transitions, key: keys.Key) -> None:
        """Sets q, see `LearnedReward`."""
        rows = expert.reward.shape[0] * self._passes
        self.set_threshold(expert, self.actor.masks(rows, key))

    def set_threshold(self, expert: transitions.Transitions, masks: list[tf.Tensor]) -> None:
        """Sets q to the quantile, between ranks linear, of u on all expert data.

        Args:
          expert: N transitions.
          masks: For N · ensemble_size rows, the passes of a row one after another.
        """
        uncertainty = self.uncertainty(expert, masks)
        self.threshold.assign(quantile(uncertainty, self._quantile))

    def uncertainty(self, batch: transitions.Transitions, masks: list[tf.Tensor]) -> tf.Tensor:
        """Returns u [B].

        Args:
          batch: B transitions.
          masks: As for `set_threshold`.
        """
        observation, action = (tf.repeat(field, self._passes, axis=0) for field in batch[:2])
        mean, std = self.actor.moments(observation, masks)
        if self._uncertainty == "density":
            values = tf.exp(tanh_gaussian.log_prob(mean, std, action))[:, tf.newaxis]
        else:
            values = mean
        passes = tf.reshape(values, [-1, self._passes, values.shape[-1]])
        # The sample's variance, over n − 1.
        variance = tf.math.reduce_variance(passes, axis=1) * self._passes / (self._passes - 1)
        return tf.reduce_mean(variance, axis=-1)

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns ±1 [B], with masks of the key; see `LearnedReward`."""
        del expert, log_policy
        rows = batch.reward.shape[0] * self._passes
        return self.reward_with(batch, self.actor.masks(rows, key))

    def reward_with(self, batch: transitions.Transitions, masks: list[tf.Tensor]) -> tf.Tensor:
        """As `reward`, with masks for B · ensemble_size rows."""
        is_certain = self.uncertainty(batch, masks) <= self.threshold
        return tf.where(is_certain, 1.0, -1.0)


def quantile(values: tf.Tensor, share: float) -> tf.Tensor:
    """Returns the value below which a share of values [N] lies, between ranks linear."""
    ranked = tf.sort(values)
    position = share * (ranked.shape[0] - 1)
    low = int(position)
    high = min(low + 1, ranked.shape[0] - 1)
    return ranked[low] + (position - low) * (ranked[high] - ranked[low])
