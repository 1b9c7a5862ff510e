"""Langevin dynamics on actions under an energy network (paper, appendix B.3)."""

import contextlib
import dataclasses
from typing import NamedTuple

import gin
import numpy as np
import tensorflow as tf

from ibc.samplers import action_space, draws, sampler, score_gradients
from ibc.utils import gpu, keys, parameters, precision
from ibc.utils.parallel import lanes


class ChainData(NamedTuple):
    """What happened at each of a chain's K steps."""

    actions: tf.Tensor
    """float32 [K, B, N, A], after each step."""
    scores: tf.Tensor
    """float32 [K, B, N], before each step."""
    grad_norms: tf.Tensor
    """float32 [K, B, N], of the scores' gradients before each step, not clipped."""


@gin.configurable("langevin_actions_given_obs", denylist=["jit_compile"])
@dataclasses.dataclass(frozen=True)
class Langevin:
    """Moves actions up their scores' gradient, with noise.

    Each step of size η: δ = η · (0.5 · g + noise_scale · ε), with g = −d score / d action and
    ε ~ N(0, I), so that the noise has the standard deviation η · noise_scale; δ is clipped, and
    action ← clip(action − δ). Langevin dynamics proper, whose samples are distributed as
    exp(score), has noise of the standard deviation √η instead: `textbook_noise`.

    Raises:
      ValueError: A number is out of its range, or the norm is unknown.
    """

    num_iterations: int = 25
    """Number of steps K, at least 1."""
    sampler_stepsize_init: float = 0.1
    """Step size of the first step."""
    sampler_stepsize_decay: float = 0.8
    """Factor per step, for the exponential schedule."""
    noise_scale: float = 1.0
    """Factor of the noise."""
    grad_clip: float | None = None
    """Clips each component of g to ± this; None does not."""
    delta_action_clip: float = 0.1
    """Clips δ to ± this · half the range of the action's dimension."""
    stop_chain_grad: bool = True
    """Treats every step's result as a constant. The gradient norms of the chain still carry
    gradients to the weights."""
    apply_exp: bool = False
    """Follows the gradient of exp(score) instead, and reports exp(score)."""
    use_polynomial_rate: bool = True
    """Polynomial schedule; otherwise exponential."""
    sampler_stepsize_final: float = 1e-5
    """Last step size of the polynomial schedule."""
    sampler_stepsize_power: float = 2.0
    """Exponent of the polynomial schedule."""
    return_chain: bool = False
    """Records `ChainData`."""
    grad_norm_type: str | None = "inf"
    """Norm in the chain data: '1', '2', 'inf' or None."""
    late_fusion: bool = False
    """Accepted and without effect: observations are always encoded once."""
    textbook_noise: bool = False
    """Gives the noise the standard deviation √η · noise_scale. Bind `delta_action_clip` higher with
    it, or the clipping bounds the noise."""
    jit_compile: bool = False
    """Compiles the chain with XLA, on CPUs in float32, where it is part of a graph."""

    def __post_init__(self):
        name = "langevin_actions_given_obs"
        parameters.check_whole(name, num_iterations=self.num_iterations)
        positive = ["sampler_stepsize_init", "delta_action_clip"]
        positive += [] if self.grad_clip is None else ["grad_clip"]
        parameters.check_positive(name, **{key: getattr(self, key) for key in positive})
        others = (
            "noise_scale",
            *(f"sampler_stepsize_{key}" for key in ("final", "decay", "power")),
        )
        parameters.check_not_negative(name, **{key: getattr(self, key) for key in others})
        score_gradients.check_grad_norm_type(self.grad_norm_type)

    def step_sizes(self) -> np.ndarray:
        """Returns η of every step, float32 [K]."""
        first, count = self.sampler_stepsize_init, self.num_iterations
        if not self.use_polynomial_rate:
            return exponential(first, self.sampler_stepsize_decay, count)
        return polynomial(first, self.sampler_stepsize_final, self.sampler_stepsize_power, count)

    def __call__(
        self,
        score_fn: sampler.ScoreFn,
        starts: tf.Tensor,
        space: action_space.ActionSpace,
        key: keys.Key,
    ) -> sampler.Samples:
        """See `sampler.Sampler`; the samples are not scored, and the chain is `ChainData`."""
        # Drawn here, as XLA draws other numbers from the same seeds.
        noises = tf.map_fn(
            lambda seed: draws.normal_like(starts, keys.Key(seed, key.share)),
            key.seeds(self.num_iterations),
            fn_output_signature=tf.TensorSpec(starts.shape),
        )

        def chain(starts, noises):
            return self._chain(score_fn, starts, space, noises)

        compiled = self.jit_compile and tf.inside_function()
        if compiled:
            chain = tf.function(chain, jit_compile=True, autograph=False)
        in_float32 = compiled and gpu.device() is None
        with precision.in_float32() if in_float32 else contextlib.nullcontext():
            if self.return_chain or lanes.count() == 1:
                actions, recorded = chain(starts, noises)
                return sampler.Samples(actions, chain=recorded)
            # Samples have nothing to do with each other.
            actions = lanes.side_by_side(lambda *part: chain(*part)[0], starts, noises, axis=-2)
            return sampler.Samples(actions)

    def _chain(
        self,
        score_fn: sampler.ScoreFn,
        actions: tf.Tensor,
        space: action_space.ActionSpace,
        noises: tf.Tensor,
    ) -> tuple[tf.Tensor, ChainData | None]:
        """Makes all steps in a compiled loop; records them if asked to."""
        rates = tf.constant(self.step_sizes())
        num_records = len(ChainData._fields) if self.return_chain else 0

        def body(k, actions, *records):
            moved, scores, norms = self._step(score_fn, actions, space, rates[k], noises[k])
            moved.set_shape(actions.shape)
            values = (moved, scores, norms)[:num_records]
            written = [
                record.write(k, value) for record, value in zip(records, values, strict=True)
            ]
            return [k + 1, moved, *written]

        records = [tf.TensorArray(tf.float32, self.num_iterations) for _ in range(num_records)]
        _, actions, *records = tf.while_loop(
            lambda k, *_: k < self.num_iterations,
            body,
            [tf.constant(0), actions, *records],
            maximum_iterations=self.num_iterations,
        )
        if not self.return_chain:
            return actions, None
        return actions, ChainData(*(record.stack() for record in records))

    def _step(
        self,
        score_fn: sampler.ScoreFn,
        actions: tf.Tensor,
        space: action_space.ActionSpace,
        rate: tf.Tensor,
        noise: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor | None]:
        """Makes a step of size `rate`; returns actions, and scores and gradient norms before it."""
        target_fn = (lambda actions: tf.exp(score_fn(actions))) if self.apply_exp else score_fn
        scores, gradient = score_gradients.scores_and_gradients(target_fn, actions)
        norms = (
            score_gradients.gradient_norm(gradient, self.grad_norm_type)
            if self.return_chain
            else None
        )
        if self.stop_chain_grad:
            gradient = tf.stop_gradient(gradient)
        if self.grad_clip is not None:
            gradient = tf.clip_by_value(gradient, -self.grad_clip, self.grad_clip)
        noise_std = self.noise_scale * (tf.sqrt(rate) if self.textbook_noise else rate)
        delta = rate * 0.5 * -gradient + noise_std * noise
        limit = self.delta_action_clip * 0.5 * (space.maximum - space.minimum)
        delta = tf.clip_by_value(delta, -limit, limit)
        return space.clip(actions - delta), scores, norms


def polynomial(init: float, final: float, power: float, num_iterations: int) -> np.ndarray:
    """Falls from `init` to `final` as (init − final) · (1 − k / (n − 1))^power + final.

    Args:
      init: Step size of step 0.
      final: Step size of step n − 1.
      power: Exponent.
      num_iterations: n; a single step uses `init`.

    Returns:
      float32 [n].
    """
    progress = np.arange(num_iterations) / max(1, num_iterations - 1)
    return ((init - final) * (1 - progress) ** power + final).astype(np.float32)


def exponential(init: float, decay: float, num_iterations: int) -> np.ndarray:
    """Falls as init · decay^k; float32 [num_iterations]."""
    return (init * decay ** np.arange(num_iterations)).astype(np.float32)
