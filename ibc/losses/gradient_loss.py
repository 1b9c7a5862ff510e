"""Penalty on large gradients of an energy network with respect to its actions."""

import gin
import tensorflow as tf


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
