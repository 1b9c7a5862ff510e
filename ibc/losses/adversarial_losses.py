"""Losses of a discriminator, and the rewards that its logits stand for.

f is a logit, D = σ(f) the probability that a transition is the expert's. Cross-entropies are of
Ho and Ermon (arXiv 1606.03476), Mixup of Chen et al. (arXiv 2004.09676), PU of Xu and Denil
(arXiv 1911.00459), the penalty of Gulrajani et al. (arXiv 1704.00028).
"""

import math

import tensorflow as tf

_EPSILON = 1e-6


def reward_of_logits(
    logits: tf.Tensor, reward_function: str, clip: float | None = None
) -> tf.Tensor:
    """Returns a reward for each logit, in any shape.

    With h = log(D + ε) − log(1 − D + ε), ε = 1e-6: GAIL −log(1 − D + ε), above 0; AIRL h; FAIRL
    −h·eʰ, which reaches down to −7·10⁶ (Ghasemipour et al., arXiv 1911.02256).

    Args:
      logits: f.
      reward_function: 'GAIL', 'AIRL' or 'FAIRL'.
      clip: Bound of the reward's magnitude; None for no bound.

    Raises:
      ValueError: The function is unknown.
    """
    # Rounded as the published code's, which shows where D is nearly 1.
    probability = 1 / (1 + tf.exp(-logits))
    expert = tf.math.log(probability + _EPSILON)
    agent = tf.math.log(1 - probability + _EPSILON)
    rewards = {
        "GAIL": lambda: -agent,
        "AIRL": lambda: expert - agent,
        "FAIRL": lambda: -(expert - agent) * tf.exp(expert - agent),
    }
    if reward_function not in rewards:
        raise ValueError(
            f"reward_function must be one of {list(rewards)}, but is {reward_function!r}."
        )
    reward = rewards[reward_function]()
    return reward if clip is None else tf.clip_by_value(reward, -clip, clip)


def cross_entropy(
    expert_logits: tf.Tensor, logits: tf.Tensor, expert_weight: tf.Tensor, weight: tf.Tensor
) -> tf.Tensor:
    """Returns mean wₑ·bce(fₑ, 1) + mean w·bce(f, 0), a scalar.

    Args:
      expert_logits: fₑ [B].
      logits: f [B], of the agent's transitions.
      expert_weight: wₑ [B].
      weight: w [B].
    """
    expert = tf.reduce_mean(expert_weight * tf.math.softplus(-expert_logits))
    return expert + tf.reduce_mean(weight * tf.math.softplus(logits))


def mixup(logits: tf.Tensor, share: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Returns mean w·[e·bce(f, 1) + (1 − e)·bce(f, 0)], a scalar.

    Args:
      logits: f [B], of transitions that are mixtures, e of them the expert's.
      share: e [B].
      weight: w [B], mixed likewise.
    """
    losses = share * tf.math.softplus(-logits) + (1 - share) * tf.math.softplus(logits)
    return tf.reduce_mean(weight * losses)


def positive_unlabelled(
    expert_logits: tf.Tensor,
    logits: tf.Tensor,
    expert_weight: tf.Tensor,
    weight: tf.Tensor,
    prior: float,
    margin: float = math.inf,
    published_sign: bool = False,
) -> tf.Tensor:
    """Returns π·bce(fₑ, 1) + max(−margin, bce(f, 0) − π·bce(fₑ, 0)), a scalar.

    The agent's transitions are unlabelled: a share π of them may be as good as the expert's. Each
    bce is a weighted mean.

    Args:
      expert_logits: fₑ [B].
      logits: f [B].
      expert_weight: wₑ [B].
      weight: w [B].
      prior: π, in [0, 1].
      margin: How far the second term may fall below 0.
      published_sign: Takes the difference the other way round, as the published code does, which
        pushes the agent's logits up.
    """
    expert = prior * tf.reduce_mean(expert_weight * tf.math.softplus(-expert_logits))
    of_expert = prior * tf.reduce_mean(expert_weight * tf.math.softplus(expert_logits))
    difference = tf.reduce_mean(weight * tf.math.softplus(logits)) - of_expert
    return expert + tf.maximum(-margin, -difference if published_sign else difference)


def gradient_penalty(gradients: list[tf.Tensor], weight: tf.Tensor) -> tf.Tensor:
    """Returns mean w Σ ‖∂f/∂x‖², a scalar.

    Args:
      gradients: ∂f/∂s [B, O] and, if f has it, ∂f/∂a [B, A], at mixtures of both kinds.
      weight: w [B], mixed likewise.
    """
    squares = tf.add_n([tf.reduce_sum(tf.square(gradient), axis=-1) for gradient in gradients])
    return tf.reduce_mean(weight * squares)


def entropy(logits: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Returns mean w·H(σ(f)), a scalar; H = softplus(f) − f·σ(f).

    Args:
      logits: f [B].
      weight: w [B].
    """
    return tf.reduce_mean(weight * (tf.math.softplus(logits) - logits * tf.sigmoid(logits)))
