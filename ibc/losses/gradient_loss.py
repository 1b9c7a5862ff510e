"""Penalty on large gradients of an energy network with respect to its actions."""

from collections.abc import Callable

import gin
import tensorflow as tf

GRAD_NORMS = ("1", "2", "inf", None)


def check_grad_norm_type(grad_norm_type: str | None) -> None:
    """Raises ValueError unless `grad_norm_type` names a norm or is None."""
    if grad_norm_type not in GRAD_NORMS:
        raise ValueError(
            f"grad_norm_type must be '1', '2', 'inf' or None, but is {grad_norm_type!r}."
        )


def gradient_norm(gradient: tf.Tensor, grad_norm_type: str | None) -> tf.Tensor:
    """Norms of gradients over their last axis.

    Args:
      gradient: float32 [..., A].
      grad_norm_type: '1', '2', 'inf', or None for zeros.

    Returns:
      float32 [...].

    Raises:
      ValueError: The norm is unknown.
    """
    check_grad_norm_type(grad_norm_type)
    if grad_norm_type is None:
        return tf.zeros_like(gradient[..., 0])
    if grad_norm_type == "1":
        return tf.reduce_sum(tf.abs(gradient), axis=-1)
    if grad_norm_type == "inf":
        return tf.reduce_max(tf.abs(gradient), axis=-1)
    squared = tf.reduce_sum(tf.square(gradient), axis=-1)
    # The square root's own gradient is infinite at zero.
    positive = squared > 0
    return tf.where(positive, tf.sqrt(tf.where(positive, squared, 1.0)), 0.0)


def scores_and_gradients(
    score_fn: Callable[[tf.Tensor], tf.Tensor], actions: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Scores actions and differentiates each score by its own action.

    Under an outer tape both results carry gradients to the network's weights.

    Args:
      score_fn: Maps actions [B, N, A] to scores [B, N], each from its own action alone.
      actions: float32 [B, N, A].

    Returns:
      Scores float32 [B, N] and their derivatives float32 [B, N, A].
    """
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(actions)
        scores = score_fn(actions)
    return scores, tape.gradient(scores, actions)


@gin.configurable(denylist=["grad_norms", "chain_grad_norms"])
def grad_penalty(
    grad_norms: tf.Tensor,
    chain_grad_norms: tf.Tensor | None = None,
    only_apply_final_grad_penalty: bool = True,
    grad_margin: float | None = 1.0,
    square_grad_penalty: bool = True,
    grad_loss_weight: float = 1.0,
) -> tf.Tensor:
    """Penalizes gradient norms above a margin (paper, appendix B.3.1).

    weight · mean over actions of max(0, norm − margin)².

    Args:
      grad_norms: float32 [B, M], norms at the counter-examples and the true action.
      chain_grad_norms: float32 [K, B, N], norms at every step of a sampler's chain.
      only_apply_final_grad_penalty: Uses `grad_norms`; otherwise `chain_grad_norms`.
      grad_margin: What norms may reach without penalty; None penalizes the norms themselves.
      square_grad_penalty: Squares the excess.
      grad_loss_weight: Factor of the whole.

    Returns:
      float32 [B].

    Raises:
      ValueError: The chain's norms are asked for but there are none.
    """
    if only_apply_final_grad_penalty:
        norms = grad_norms
    elif chain_grad_norms is None:
        raise ValueError(
            "grad_penalty.only_apply_final_grad_penalty = False needs a Langevin chain: set "
            "ImplicitBCAgent.run_full_chain_under_gradient = True and "
            "ImplicitBCAgent.fraction_langevin_samples above 0."
        )
    else:
        norms = chain_grad_norms
    excess = norms if grad_margin is None else tf.maximum(0.0, norms - grad_margin)
    if square_grad_penalty:
        excess = tf.square(excess)
    over = [-1] if only_apply_final_grad_penalty else [0, -1]
    return grad_loss_weight * tf.reduce_mean(excess, axis=over)


def penalizes_chain() -> bool:
    """Tells whether gin binds `grad_penalty` to every step of the sampler's chain."""
    return not gin.get_bindings(grad_penalty).get("only_apply_final_grad_penalty", True)
