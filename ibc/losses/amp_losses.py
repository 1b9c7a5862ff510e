"""Loss and reward of AMP's discriminator of pairs of neighbouring observations.

Peng et al., arXiv 2104.02180, in the form of NEAR's experiments (arXiv 2501.14856). f is a logit,
σ(f) the probability that a pair is the demonstrations'.
"""

from collections.abc import Callable, Sequence

import tensorflow as tf

SMALLEST = 1e-4
"""Below which 1 − σ(f) does not count."""


def discriminator_loss(
    logits: Callable[[tf.Tensor], tf.Tensor],
    agent: tf.Tensor,
    replay: tf.Tensor,
    demo: tf.Tensor,
    kernels: Sequence[tf.Tensor],
    grad_penalty: float = 10.0,
    logit_reg: float = 0.05,
    weight_decay: float = 1e-4,
) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
    """Returns AMP's loss, a scalar, and its parts.

    ½(mean bce(f, 0) of agent and replay + mean bce(f, 1) of demo) + logit_reg ‖w_last‖² +
    grad_penalty · mean ‖∂f/∂demo‖² + weight_decay Σ ‖w‖².

    Args:
      logits: f, from what the network sees of pairs [B, D] to [B].
      agent: The agent's latest pairs, float32 [B, D].
      replay: Its earlier ones, float32 [R, D].
      demo: The demonstrations', float32 [E, D].
      kernels: w of all layers, the last layer's at the end.
      grad_penalty: Factor of the penalty on gradients at the demonstrations.
      logit_reg: Factor of the last layer's kernel.
      weight_decay: Factor of all kernels.

    Returns:
      The loss; `disc_loss`, the same, `disc_grad_penalty` and `disc_logit_loss` without their
      factors, `disc_agent_acc`, `disc_demo_acc`, `disc_agent_logit`, `disc_demo_logit`, means.
    """
    of_agent = logits(tf.concat([agent, replay], 0))
    with tf.GradientTape() as tape:
        tape.watch(demo)
        of_demo = logits(demo)
    slopes = tape.gradient(of_demo, demo)
    entropies = tf.reduce_mean(tf.math.softplus(of_agent)) + tf.reduce_mean(
        tf.math.softplus(-of_demo)
    )
    penalty = tf.reduce_mean(tf.reduce_sum(tf.square(slopes), -1))
    sizes = [tf.reduce_sum(tf.square(kernel)) for kernel in kernels]
    loss = (
        0.5 * entropies
        + logit_reg * sizes[-1]
        + grad_penalty * penalty
        + weight_decay * tf.add_n(sizes)
    )
    return loss, {
        "disc_loss": loss,
        "disc_grad_penalty": penalty,
        "disc_logit_loss": sizes[-1],
        "disc_agent_acc": tf.reduce_mean(tf.cast(of_agent < 0, tf.float32)),
        "disc_demo_acc": tf.reduce_mean(tf.cast(of_demo > 0, tf.float32)),
        "disc_agent_logit": tf.reduce_mean(of_agent),
        "disc_demo_logit": tf.reduce_mean(of_demo),
    }


def reward_of_logits(logits: tf.Tensor) -> tf.Tensor:
    """Returns −2 log max(1 − σ(f), 1e-4) of logits f of any shape, at most 18.4."""
    return -2 * tf.math.log(tf.maximum(1 - tf.sigmoid(logits), SMALLEST))
