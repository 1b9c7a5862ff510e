"""Penalty on large gradients of an energy network with respect to its actions."""

import dataclasses

import gin
import tensorflow as tf


@gin.configurable("grad_penalty")
@dataclasses.dataclass(frozen=True)
class GradPenalty:
    """Penalizes gradient norms above a margin (paper, appendix B.3.1).

    weight · mean over actions of max(0, norm − margin)².
    """

    only_apply_final_grad_penalty: bool = True
    """Of the counter-examples and the true action; otherwise of every step of a sampler's chain."""
    grad_margin: float | None = 1.0
    """What norms may reach without penalty; None penalizes the norms themselves."""
    square_grad_penalty: bool = True
    """Squares the excess."""
    grad_loss_weight: float = 1.0
    """Factor of the whole."""

    def __call__(
        self, grad_norms: tf.Tensor, chain_grad_norms: tf.Tensor | None = None
    ) -> tf.Tensor:
        """Computes the penalty of each example.

        Args:
          grad_norms: float32 [B, M], norms at the counter-examples and the true action.
          chain_grad_norms: float32 [K, B, N], norms at every step of a sampler's chain.

        Returns:
          float32 [B].

        Raises:
          ValueError: The chain's norms are asked for but there are none.
        """
        if self.only_apply_final_grad_penalty:
            norms, over = grad_norms, [-1]
        elif chain_grad_norms is None:
            raise ValueError(
                "grad_penalty.only_apply_final_grad_penalty = False needs a Langevin chain: set "
                "ImplicitBCAgent.run_full_chain_under_gradient = True and "
                "ImplicitBCAgent.fraction_langevin_samples above 0."
            )
        else:
            norms, over = chain_grad_norms, [0, -1]
        excess = norms if self.grad_margin is None else tf.maximum(0.0, norms - self.grad_margin)
        if self.square_grad_penalty:
            excess = tf.square(excess)
        return self.grad_loss_weight * tf.reduce_mean(excess, axis=over)
