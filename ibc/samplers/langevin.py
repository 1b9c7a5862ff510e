"""Langevin dynamics on actions under an energy network (paper, appendix B.3)."""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import gin
import numpy as np
import tensorflow as tf

from ibc.samplers import draws, schedules
from ibc.utils import precision, score_gradients
from ibc.utils.parallel import lanes


class ChainData(NamedTuple):
    """What happened at each of a chain's K steps.

    Attributes:
      actions: float32 [K, B, N, A], after each step.
      scores: float32 [K, B, N], before each step.
      grad_norms: float32 [K, B, N], of the scores' gradients before each step, not clipped.
    """

    actions: tf.Tensor
    scores: tf.Tensor
    grad_norms: tf.Tensor


@gin.configurable(
    denylist=["score_fn", "action_samples", "min_actions", "max_actions", "seed", "jit_compile"]
)
def langevin_actions_given_obs(
    score_fn: Callable[[tf.Tensor], tf.Tensor],
    action_samples: tf.Tensor,
    min_actions: tf.Tensor,
    max_actions: tf.Tensor,
    seed: tf.Tensor,
    num_iterations: int = 25,
    sampler_stepsize_init: float = 0.1,
    sampler_stepsize_decay: float = 0.8,
    noise_scale: float = 1.0,
    grad_clip: float | None = None,
    delta_action_clip: float = 0.1,
    stop_chain_grad: bool = True,
    apply_exp: bool = False,
    use_polynomial_rate: bool = True,
    sampler_stepsize_final: float = 1e-5,
    sampler_stepsize_power: float = 2.0,
    return_chain: bool = False,
    grad_norm_type: str | None = "inf",
    late_fusion: bool = False,
    textbook_noise: bool = False,
    jit_compile: bool = False,
) -> tuple[tf.Tensor, ChainData | None]:
    """Moves actions up their scores' gradient, with noise.

    Each step of size η: δ = η · (0.5 · g + noise_scale · ε), with g = −d score / d action and
    ε ~ N(0, I), so that the noise has the standard deviation η · noise_scale; δ is clipped, and
    action ← clip(action − δ). Langevin dynamics proper, whose samples are distributed as
    exp(score), has noise of the standard deviation √η instead: `textbook_noise`.

    Args:
      score_fn: Maps actions [B, N, A] to scores [B, N], each from its own action alone.
      action_samples: float32 [B, N, A], where the chains start.
      min_actions: float32 [A], normalized.
      max_actions: float32 [A], normalized.
      seed: Integer tensor [2] or [B, 2].
      num_iterations: Number of steps K, at least 1.
      sampler_stepsize_init: Step size of the first step.
      sampler_stepsize_decay: Factor per step, for the exponential schedule.
      noise_scale: Factor of the noise.
      grad_clip: Clips each component of g to ± this; None does not.
      delta_action_clip: Clips δ to ± this · half the range of the action's dimension.
      stop_chain_grad: Treats every step's result as a constant. The gradient norms of the chain
        still carry gradients to the weights.
      apply_exp: Follows the gradient of exp(score) instead, and reports exp(score).
      use_polynomial_rate: Polynomial schedule; otherwise exponential.
      sampler_stepsize_final: Last step size of the polynomial schedule.
      sampler_stepsize_power: Exponent of the polynomial schedule.
      return_chain: Returns `ChainData`; otherwise nothing is recorded.
      grad_norm_type: Norm in the chain data: '1', '2', 'inf' or None.
      late_fusion: Accepted and without effect: observations are always encoded once.
      textbook_noise: Gives the noise the standard deviation √η · noise_scale. Bind
        `delta_action_clip` higher with it, or the clipping bounds the noise.
      jit_compile: Compiles the chain with XLA, in float32, where it is part of a graph.

    Returns:
      Actions float32 [B, N, A], and the chain's data or None.

    Raises:
      ValueError: `num_iterations` is below 1 or the norm is unknown.
    """
    del late_fusion
    if num_iterations < 1:
        raise ValueError(
            f"langevin_actions_given_obs.num_iterations must be at least 1, is {num_iterations}."
        )
    score_gradients.check_grad_norm_type(grad_norm_type)
    if use_polynomial_rate:
        rates = schedules.polynomial(
            sampler_stepsize_init, sampler_stepsize_final, sampler_stepsize_power, num_iterations
        )
    else:
        rates = schedules.exponential(sampler_stepsize_init, sampler_stepsize_decay, num_iterations)
    delta_limit = delta_action_clip * 0.5 * (max_actions - min_actions)
    target_fn = (lambda actions: tf.exp(score_fn(actions))) if apply_exp else score_fn

    def step(actions, rate, noise):
        scores, gradient = score_gradients.scores_and_gradients(target_fn, actions)
        norms = score_gradients.gradient_norm(gradient, grad_norm_type) if return_chain else None
        if stop_chain_grad:
            gradient = tf.stop_gradient(gradient)
        if grad_clip is not None:
            gradient = tf.clip_by_value(gradient, -grad_clip, grad_clip)
        noise_std = noise_scale * (tf.sqrt(rate) if textbook_noise else rate)
        delta = rate * 0.5 * -gradient + noise_std * noise
        delta = tf.clip_by_value(delta, -delta_limit, delta_limit)
        return tf.clip_by_value(actions - delta, min_actions, max_actions), scores, norms

    # Drawn here, as XLA draws other numbers from the same seeds.
    noises = tf.map_fn(
        lambda step_seed: draws.normal_like(action_samples, step_seed),
        draws.split(seed, num_iterations),
        fn_output_signature=tf.TensorSpec(action_samples.shape),
    )

    def chain(action_samples, noises):
        return _run_chain(step, action_samples, rates, noises, return_chain)

    compiled = jit_compile and tf.inside_function()
    if compiled:
        chain = tf.function(chain, jit_compile=True, autograph=False)
    with precision.in_float32() if compiled else contextlib.nullcontext():
        if return_chain:
            return chain(action_samples, noises)
        # Samples have nothing to do with each other.
        moved = lanes.side_by_side(lambda *part: chain(*part)[0], action_samples, noises, axis=-2)
        return moved, None


def _run_chain(
    step: Callable[..., tuple],
    actions: tf.Tensor,
    rates: np.ndarray,
    noises: tf.Tensor,
    return_chain: bool,
) -> tuple[tf.Tensor, ChainData | None]:
    """Repeats `step` once per rate in a compiled loop; records it if asked to."""
    num_iterations, rates = len(rates), tf.constant(rates)
    num_records = len(ChainData._fields) if return_chain else 0

    def body(k, actions, *records):
        moved, scores, norms = step(actions, rates[k], noises[k])
        moved.set_shape(actions.shape)
        values = (moved, scores, norms)[:num_records]
        written = [record.write(k, value) for record, value in zip(records, values, strict=True)]
        return [k + 1, moved, *written]

    records = [tf.TensorArray(tf.float32, num_iterations) for _ in range(num_records)]
    _, actions, *records = tf.while_loop(
        lambda k, *_: k < num_iterations,
        body,
        [tf.constant(0), actions, *records],
        maximum_iterations=num_iterations,
    )
    if not return_chain:
        return actions, None
    return actions, ChainData(*(record.stack() for record in records))
