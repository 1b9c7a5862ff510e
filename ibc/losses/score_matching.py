"""Denoising score matching and its relatives, of energies where higher means closer to the data.

x' = x + δ is data with noise of the standard deviation σ of a level. Energies are e(x', level),
scores their gradients in x'. Denoising score matching is Vincent's (2011), weighted over levels as
by Song and Ermon (arXiv 1907.05600); energy matching and the penalty are NEAR's (arXiv 2501.14856).
"""

import tensorflow as tf

KERNELS = ("gaussian", "uniform")


def displacement(noise: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """Returns δ = σ z [B, D].

    Args:
      noise: z [B, D], standard normal, or uniform within ±1 for the uniform kernel.
      sigma: [B].
    """
    return sigma[:, tf.newaxis] * noise


def score_matching(
    scores: tf.Tensor, moved: tf.Tensor, sigma: tf.Tensor, anneal_power: float
) -> tf.Tensor:
    """Returns the mean of ½‖∇e(x') + δ/σ²‖² σ^power, a scalar.

    Args:
      scores: ∇e(x') [B, D].
      moved: δ [B, D].
      sigma: [B].
      anneal_power: 2 gives all levels about the same weight.
    """
    target = -moved / tf.square(sigma)[:, tf.newaxis]
    errors = 0.5 * tf.reduce_sum(tf.square(scores - target), -1)
    return tf.reduce_mean(errors * tf.pow(sigma, anneal_power))


def energy_matching(
    energies: tf.Tensor,
    moved: tf.Tensor,
    sigma: tf.Tensor,
    anneal_power: float,
    kernel: str = "gaussian",
) -> tf.Tensor:
    """Returns the mean of ½(e − t)² σ^power, a scalar.

    t = ‖δ²/(2σ²)‖, squares of each dimension and then the norm, for the gaussian kernel, and
    ‖δ‖/σ for the uniform one.

    Args:
      energies: e(x') [B].
      moved: δ [B, D].
      sigma: [B].
      anneal_power: Weight of the levels.
      kernel: 'gaussian' or 'uniform'.

    Raises:
      ValueError: The kernel is unknown.
    """
    if kernel not in KERNELS:
        raise ValueError(f"kernel must be one of {KERNELS}, but is {kernel!r}.")
    if kernel == "gaussian":
        shares = tf.square(moved) / (2 * tf.square(sigma)[:, tf.newaxis])
        target = tf.norm(shares, axis=-1)
    else:
        target = tf.norm(moved, axis=-1) / sigma
    return tf.reduce_mean(0.5 * tf.square(energies - target) * tf.pow(sigma, anneal_power))


def variance_penalty(energies: tf.Tensor) -> tf.Tensor:
    """Returns ½ Var e, a scalar, of n − 1 degrees of freedom.

    Args:
      energies: [B], B at least 2.
    """
    spread = tf.reduce_sum(tf.square(energies - tf.reduce_mean(energies)))
    return 0.5 * spread / tf.cast(tf.size(energies) - 1, tf.float32)
