"""GAIL and its kin: a discriminator's logits as reward, trained beside the policy."""

import math
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_probability as tfp

from ibc.losses import adversarial_losses
from ibc.networks import discriminator as discriminator_lib
from ibc.rewards import learned_reward
from ibc.utils import adamw, keys, transitions

_LOSSES = ("BCE", "Mixup", "PUGAIL")


class AdversarialReward(learned_reward.LearnedReward):
    """r = reward_function(f(s, a, s')), f told expert from agent by a loss (arXiv 1606.03476).

    The published presets are: GAIL (with AIRL's reward), DAC, AIRL, FAIRL.
    """

    def __init__(
        self,
        discriminator: discriminator_lib.Discriminator,
        reward_function: str = "AIRL",
        loss_function: str = "BCE",
        learning_rate: float = 3e-5,
        weight_decay: float = 10.0,
        grad_penalty: float = 1.0,
        entropy_bonus: float = 0.0,
        mixup_alpha: float = 1.0,
        pos_class_prior: float = 0.7,
        nonnegative_margin: float = math.inf,
        subtract_log_policy: bool = False,
        use_dropout: bool = False,
        reward_clip: float | None = None,
        published_pugail: bool = False,
        name: str = "adversarial_reward",
    ):
        """Creates the reward.

        Args:
          discriminator: f without −log π.
          reward_function: See `adversarial_losses.reward_of_logits`.
          loss_function: 'BCE', 'Mixup' or 'PUGAIL'.
          learning_rate: Of the discriminator.
          weight_decay: As much at each step as learning_rate times this.
          grad_penalty: Factor of the penalty on gradients between both kinds of transitions.
          entropy_bonus: Factor of the entropy of D.
          mixup_alpha: Mixing shares are drawn from Beta(α, α).
          pos_class_prior: π of PUGAIL.
          nonnegative_margin: PUGAIL's margin.
          subtract_log_policy: Whether f is f − log π(a|s), a constant.
          use_dropout: Whether the discriminator's dropout is used; the published code reads its
            rates and never does.
          reward_clip: Bound of the reward's magnitude; None for none.
          published_pugail: Takes PUGAIL's difference with the published, wrong sign.
          name: Name of the variables.

        Raises:
          ValueError: A name is unknown or a number out of its range.
        """
        super().__init__(name=name)
        adversarial_losses.reward_of_logits(tf.zeros([1]), reward_function)
        if loss_function not in _LOSSES:
            raise ValueError(f"loss_function must be one of {_LOSSES}, but is {loss_function!r}.")
        if not mixup_alpha > 0:
            raise ValueError(f"mixup_alpha must be above 0, but is {mixup_alpha!r}.")
        if not 0 <= pos_class_prior <= 1:
            raise ValueError(f"pos_class_prior must be in [0, 1], but is {pos_class_prior!r}.")
        not_negative = {
            "nonnegative_margin": nonnegative_margin,
            "grad_penalty": grad_penalty,
            "entropy_bonus": entropy_bonus,
        }
        for parameter, value in not_negative.items():
            if not value >= 0:
                raise ValueError(f"{parameter} must not be below 0, but is {value!r}.")
        self.discriminator = discriminator
        self._reward_function, self._reward_clip = reward_function, reward_clip
        self._loss_function, self._mixup_alpha = loss_function, mixup_alpha
        self._prior, self._margin = pos_class_prior, nonnegative_margin
        self._published_pugail, self._use_dropout = published_pugail, use_dropout
        self._grad_penalty, self._entropy_bonus = grad_penalty, entropy_bonus
        self._subtract_log_policy = subtract_log_policy
        self.reads = frozenset({"observation"} if discriminator.state_only else self.reads)
        if "h" in discriminator.networks:
            self.reads |= {"next_observation", "discount"}
        if subtract_log_policy:
            self.reads |= {"action"}
        self.optimizer = adamw.AdamW(learning_rate, weight_decay)
        self.optimizer.build(discriminator.weights)

    def reward(
        self,
        batch: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> tf.Tensor:
        """Returns the reward [B] of f, see `LearnedReward`."""
        del expert, key
        logits = self.logits(batch, log_policy)
        rewards = adversarial_losses.reward_of_logits(
            logits, self._reward_function, self._reward_clip
        )
        return tf.stop_gradient(rewards)

    def logits(
        self,
        batch: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        vectors=None,
        masks=None,
    ) -> tf.Tensor:
        """Returns f [B], with −log π if it is to be subtracted."""
        logits = self.discriminator(batch, vectors, masks)
        if self._subtract_log_policy:
            logits -= tf.stop_gradient(log_policy(batch.observation, batch.action))
        return logits

    def train(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        key: keys.Key,
    ) -> Mapping[str, tf.Tensor]:
        """Makes one step of the discriminator, see `LearnedReward`."""
        of_mix, of_penalty, of_dropout = key.split(3)
        rows = agent.reward.shape[0]
        shares = penalty_shares = None
        if self._loss_function == "Mixup":
            beta = tfp.distributions.Beta(self._mixup_alpha, self._mixup_alpha)
            shares = beta.sample(rows, seed=of_mix.seed)
        if self._grad_penalty:
            penalty_shares = tf.random.stateless_uniform([rows], of_penalty.seed)
        dropout_key = of_dropout if self._use_dropout else None
        return self.train_with(agent, expert, log_policy, shares, penalty_shares, dropout_key)

    def train_with(
        self,
        agent: transitions.Transitions,
        expert: transitions.Transitions,
        log_policy: learned_reward.LogPolicy,
        mix_shares: tf.Tensor | None,
        penalty_shares: tf.Tensor | None,
        dropout_key: keys.Key | None = None,
    ) -> Mapping[str, tf.Tensor]:
        """As `train`, with the shares of the expert [B] in what is mixed.

        Args:
          agent: B transitions.
          expert: B transitions.
          log_policy: See `LearnedReward`.
          mix_shares: Of Mixup.
          penalty_shares: Of the penalty on gradients.
          dropout_key: For masks; None for no dropout.
        """
        calls = _Calls(self, log_policy, dropout_key)
        with tf.GradientTape() as tape:
            loss, entropy = self._loss(calls, agent, expert, mix_shares)
            penalty = self._penalty(calls, agent, expert, penalty_shares)
            entropy_term = -self._entropy_bonus * entropy
            total = loss + penalty + entropy_term
        self.optimizer.descend(tape, total, self.discriminator.weights)
        self.discriminator.store(calls.vectors)
        return {
            "discriminator_loss": loss,
            "gradient_penalty": penalty,
            "entropy_bonus": entropy_term,
        }

    def _loss(self, calls, agent, expert, shares) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the loss, and the entropy of the batches it is about."""
        if self._loss_function == "Mixup":
            mixed = transitions.mixture(expert, agent, shares)
            logits = calls(mixed)
            loss = adversarial_losses.mixup(logits, shares, mixed.weight)
            return loss, adversarial_losses.entropy(logits, mixed.weight)
        logits, expert_logits = calls(agent), calls(expert)
        both = expert_logits, logits, expert.weight, agent.weight
        if self._loss_function == "BCE":
            loss = adversarial_losses.cross_entropy(*both)
        else:
            loss = adversarial_losses.positive_unlabelled(
                *both, self._prior, self._margin, self._published_pugail
            )
        entropies = zip((logits, expert_logits), (agent.weight, expert.weight), strict=True)
        return loss, tf.add_n([adversarial_losses.entropy(*pair) for pair in entropies])

    def _penalty(self, calls, agent, expert, shares) -> tf.Tensor:
        if not self._grad_penalty:
            return tf.zeros([])
        mixed = transitions.mixture(expert, agent, shares)
        inputs = [mixed.observation] if self.discriminator.state_only else list(mixed[:2])
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            logits = calls(mixed)
        gradients = tape.gradient(logits, inputs)
        return self._grad_penalty * adversarial_losses.gradient_penalty(gradients, mixed.weight)


class _Calls:
    """The discriminator in training: each call makes its power iteration and its masks."""

    def __init__(self, learned: AdversarialReward, log_policy, dropout_key: keys.Key | None):
        self.vectors = learned.discriminator.singular_vectors
        self._learned, self._log_policy, self._key = learned, log_policy, dropout_key

    def __call__(self, batch: transitions.Transitions) -> tf.Tensor:
        discriminator = self._learned.discriminator
        masks = None
        if self._key is not None:
            self._key, of_call = self._key.split(2)
            masks = discriminator.masks(batch.reward.shape[0], of_call)
        self.vectors = discriminator.iterated(self.vectors)
        return self._learned.logits(batch, self._log_policy, self.vectors, masks)
