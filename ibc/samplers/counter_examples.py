"""Counter-examples for training energy networks."""

from collections.abc import Callable

import tensorflow as tf

from ibc.samplers import dfo, draws, langevin


def check_fractions(fraction_dfo_samples: float, fraction_langevin_samples: float) -> None:
    """Raises ValueError unless both are fractions and together at most 1."""
    fractions = dict(
        fraction_dfo_samples=fraction_dfo_samples,
        fraction_langevin_samples=fraction_langevin_samples,
    )
    for name, value in fractions.items():
        if not 0 <= value <= 1:
            raise ValueError(f"ImplicitBCAgent.{name} must be in [0, 1], but is {value}.")
    if sum(fractions.values()) > 1:
        raise ValueError(
            "ImplicitBCAgent.fraction_dfo_samples and .fraction_langevin_samples must not exceed "
            f"1 together, but are {fraction_dfo_samples} and {fraction_langevin_samples}."
        )


def sample(
    score_fn: Callable[[tf.Tensor], tf.Tensor],
    batch: int | tf.Tensor,
    count: int,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
    fraction_dfo_samples: float = 0.0,
    fraction_langevin_samples: float = 1.0,
    return_chain: bool = False,
    grad_norm_type: str | None = "inf",
    differentiable: bool = False,
    jit_compile: bool = False,
) -> tuple[tf.Tensor, langevin.ChainData | None]:
    """Draws actions uniformly and improves some of them by DFO, some by Langevin dynamics.

    Args:
      score_fn: Maps actions [B, N, A] to scores [B, N], higher is better.
      batch: B.
      count: N, counter-examples per example.
      min_actions: float32 [A], normalized.
      max_actions: float32 [A], normalized.
      seed: int32 or int64 [2].
      fraction_dfo_samples: Fraction of N improved by DFO, rounded.
      fraction_langevin_samples: Fraction of N improved by Langevin dynamics, rounded.
      return_chain: Whether to return the Langevin chain's data.
      grad_norm_type: Norm in the chain's data.
      differentiable: Lets gradients pass through the steps of the Langevin chain, whatever
        `langevin_actions_given_obs.stop_chain_grad` is.
      jit_compile: Compiles the Langevin chain with XLA.

    Returns:
      Actions float32 [B, N, A], the improved ones last, and the chain's data or None.
    """
    seeds = draws.split(seed, 3)
    bounds = min_actions, max_actions
    actions = draws.uniform_actions(batch, count, *bounds, seeds[0])
    num_dfo = round(fraction_dfo_samples * count)
    num_langevin = min(round(fraction_langevin_samples * count), count - num_dfo)
    untouched, for_dfo, for_langevin = tf.split(
        actions, [count - num_dfo - num_langevin, num_dfo, num_langevin], axis=1
    )
    chain = None
    if num_dfo:
        for_dfo, _ = dfo.iterative_dfo(score_fn, for_dfo, *bounds, seeds[1])
    if num_langevin:
        for_langevin, chain = langevin.langevin_actions_given_obs(
            score_fn,
            for_langevin,
            *bounds,
            seeds[2],
            return_chain=return_chain,
            grad_norm_type=grad_norm_type,
            jit_compile=jit_compile,
            **({"stop_chain_grad": False} if differentiable else {}),
        )
    return tf.concat([untouched, for_dfo, for_langevin], axis=1), chain
