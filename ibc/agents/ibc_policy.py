"""Policy that acts by optimizing an energy network over sampled actions."""

import math
from collections.abc import Callable
from typing import Any

import gin
import tensorflow as tf
from tf_agents.networks import network
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, distributions
from ibc.networks import energy_network
from ibc.networks.layers import dense
from ibc.samplers import action_space as action_space_lib
from ibc.samplers import langevin, published_dfo, warm_start
from ibc.samplers import sampler as sampler_lib
from ibc.utils import gpu, keys, parameters, precision
from ibc.utils.parallel import blocks

_NARROW = 256
"""Units up to which float32 products in XLA take less time than bfloat16 ones without it."""


@gin.configurable
class IbcPolicy(base_agent.NetworkPolicy):
    """Samples actions, improves them by DFO or Langevin dynamics, and picks among them."""

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_space: action_space_lib.ActionSpace,
        actor_network: energy_network.EnergyNetwork,
        policy_state_spec: types.NestedTensorSpec = (),
        info_spec: types.NestedTensorSpec = (),
        num_action_samples: int = 2**14,
        clip: bool = True,
        use_dfo: bool = False,
        use_langevin: bool = True,
        inference_langevin_noise_scale: float = 1.0,
        optimize_again: bool = False,
        again_stepsize_init: float = 1e-1,
        again_stepsize_final: float = 1e-5,
        late_fusion: bool = False,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        warm_start_fraction: float = 0.0,
        warm_start_std: float = 0.1,
        sampler: sampler_lib.Sampler | None = None,
        dfo_variant: str = "ibc",
        name: str | None = None,
    ):
        """Creates the policy.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_space: What is sampled, and the environment's actions.
          actor_network: The energy network.
          policy_state_spec: Passed to TF-Agents; without effect with a warm start.
          info_spec: Passed to TF-Agents.
          num_action_samples: N, samples per observation.
          clip: Clips actions to the environment's spec.
          use_dfo: Improves the samples by derivative-free optimization, see `dfo_variant`.
          use_langevin: Improves the samples by `langevin_actions_given_obs`, after DFO.
          inference_langevin_noise_scale: Noise of the second chain; the first one's is 1.
          optimize_again: Runs a second Langevin chain from where the first one ended.
          again_stepsize_init: First step size of the second chain.
          again_stepsize_final: Last step size of the second chain.
          late_fusion: Accepted and without effect: observations are always encoded once.
          obs_norm_layer: Normalizes observations; None leaves them as they are.
          warm_start_fraction: Share of the samples that start around the previous action, which
            is then the policy's state; the others, and all at an episode's first step, are
            uniform. 0 has no state.
          warm_start_std: Standard deviation of those samples, in normalized actions.
          sampler: Improves the samples, whatever the parameters above say; None takes the stages
            that they describe.
          dfo_variant: 'ibc' (`iterative_dfo`), or one of the two ways of Diffusion Policy's
            implicit policies: 'andy' (`andy_dfo`) or 'kevin' (`kevin_dfo`). These choose the
            action themselves, so nothing may come after them.
          name: Name of the policy.

        Raises:
          ValueError: A number is out of its range, there is no such variant, or Langevin dynamics
            would follow one that chooses.
        """
        del late_fusion
        parameters.check_whole("IbcPolicy", num_action_samples=num_action_samples)
        sampler_lib.check("IbcPolicy.sampler", sampler)
        if sampler is None:
            _check_variant(dfo_variant, use_dfo, use_langevin)
        self._warm_start = warm_start.WarmStart(warm_start_fraction, warm_start_std)
        self._num_action_samples = num_action_samples
        if self._warm_start:
            policy_state_spec = tf.TensorSpec([action_space.size], tf.float32, "previous_action")
        compiled = pays_for_chains(actor_network)

        def chain(**options):
            return langevin.Langevin(return_chain=False, jit_compile=compiled, **options)

        again = dict(
            noise_scale=inference_langevin_noise_scale,
            sampler_stepsize_init=again_stepsize_init,
            sampler_stepsize_final=again_stepsize_final,
        )
        stages = (
            sampler_lib.InBlocks(published_dfo.VARIANTS[dfo_variant]()) if use_dfo else None,
            chain(noise_scale=1.0) if use_langevin else None,
            chain(**again) if use_langevin and optimize_again else None,
        )
        self._sampler = sampler_lib.InTurn((sampler,) if sampler else stages)
        super().__init__(
            time_step_spec,
            action_space,
            actor_network,
            clip,
            obs_norm_layer,
            name,
            policy_state_spec=policy_state_spec,
            info_spec=info_spec,
        )

    def seeded_distribution(
        self, time_step: ts.TimeStep, seed: types.Seed | None, policy_state: types.NestedTensor = ()
    ) -> policy_step.PolicyStep:
        """Computes the distribution over improved samples.

        Args:
          time_step: Batched time step, B rows.
          seed: Integer tensor [2], or [B, 2]: row i then follows from seed i alone. None draws one.
          policy_state: With a warm start, the previous normalized actions float32 [B, A].

        Returns:
          Distribution over N actions per row, in the environment's units and shape, and the
          state after acting by its mode.

        Raises:
          ValueError: The policy has a state, but none is given.
        """
        actions, normalized = self._distributions(time_step, keys.of(seed), policy_state)
        state = normalized.mode() if self._warm_start else policy_state
        return policy_step.PolicyStep(actions, state)

    def score_fn(self, time_step: ts.TimeStep) -> Callable[[tf.Tensor], tf.Tensor] | None:
        """See the base class."""
        encoding = self.encode(time_step.observation)
        return lambda actions: blocks.scored(lambda part: self.score(encoding, part), actions)

    def candidates(
        self, time_step: ts.TimeStep, seed: types.Seed | None, policy_state: types.NestedTensor = ()
    ) -> tf.Tensor:
        """Returns the improved samples [B, N, ...], see the base class."""
        return self.seeded_distribution(time_step, seed, policy_state).action.mapped_values

    @property
    def sampling(self) -> dict[str, Any]:
        """What samples are drawn and improved by: numbers, and samplers in turn."""
        return dict(
            num_action_samples=self._num_action_samples,
            normal_std=self._action_space.normal_std,
            warm_start_fraction=self._warm_start.fraction,
            warm_start_std=self._warm_start.std,
            stages=self._sampler.stages,
        )

    def encode(self, observation: types.NestedTensor) -> tf.Tensor:
        """Encodes observations of the environment, [B, T, ...]."""
        return self._actor_network.encode(self._normalized(observation))

    def score(self, encoding: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Scores normalized actions [B, N, A] under an encoding: float32 [B, N]."""
        return self._actor_network.score(encoding, actions)

    def samples(self, time_step: ts.TimeStep, seed: types.Seed | None) -> tf.Tensor:
        """Returns the samples that are chosen among at an episode's first step.

        Args:
          time_step: Batched first time step, B rows.
          seed: As for `seeded_distribution`.

        Returns:
          Normalized actions, float32 [B, N, A].
        """
        state = self.get_initial_state(tf.shape(time_step.step_type)[0])
        _, normalized = self._distributions(time_step, keys.of(seed), state)
        return normalized.mapped_values

    def _distributions(
        self, time_step: ts.TimeStep, key: keys.Key, policy_state: types.NestedTensor
    ) -> tuple[distributions.MappedCategorical, distributions.MappedCategorical]:
        """Returns the distribution over the environment's actions, and over normalized ones."""
        arguments = time_step.observation, time_step.is_first(), policy_state, key
        values, logits = self.once(self._weighed)(*arguments)
        normalized = distributions.MappedCategorical(logits, values)
        actions = self._action_space.to_environment(values)
        return distributions.MappedCategorical(logits, actions), normalized

    def _weighed(
        self,
        observation: types.NestedTensor,
        is_first: tf.Tensor,
        policy_state: types.NestedTensor,
        key: keys.Key,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns improved samples, normalized [B, N, A], and their logits [B, N]."""
        encoding = self.once(self.encode)(observation)
        batch = encoding.shape[0] or tf.shape(encoding)[0]
        starts = self._starts(batch, key.split(1)[0], is_first, policy_state)
        samples = self._improved(encoding, starts, key)
        return samples.actions, _certain(samples)

    def _starts(
        self,
        batch: types.Int,
        key: keys.Key,
        is_first: tf.Tensor,
        policy_state: types.NestedTensor,
    ) -> tf.Tensor:
        """Returns normalized actions [B, N, A] to start optimizing from."""
        drawn = self._action_space.draw(batch, self._num_action_samples, key)
        if not self._warm_start:
            return drawn
        if not tf.is_tensor(policy_state):
            raise ValueError(
                "A policy with IbcPolicy.warm_start_fraction above 0 acts from the action before: "
                "pass policy_state, first from get_initial_state(batch_size), then from the step "
                "before."
            )
        return self._warm_start.near_previous(
            drawn, policy_state, is_first, self._action_space, key
        )

    def _improved(
        self, encoding: tf.Tensor, starts: tf.Tensor, key: keys.Key
    ) -> sampler_lib.Samples:
        """Returns samples and their logits, from starts [B, N, A]."""

        def score_fn(actions):
            return self.score(encoding, actions)

        samples = self._sampler(score_fn, starts, self._action_space, key)
        if samples.logits is None:
            return samples._replace(logits=blocks.scored(score_fn, samples.actions))
        return samples

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        return self.seeded_distribution(time_step, None, policy_state)

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        for_samples, for_choice = keys.of(seed).split(2)
        actions, normalized = self._distributions(time_step, for_samples, policy_state)
        # Both draw the same index: it depends on logits and key alone.
        state = normalized.keyed_sample(for_choice) if self._warm_start else policy_state
        return policy_step.PolicyStep(actions.keyed_sample(for_choice), state)


def _certain(samples: sampler_lib.Samples) -> tf.Tensor:
    """Returns logits [B, N] that are those of the samples, or certain of the ones chosen."""
    if samples.chosen is None:
        return samples.logits
    is_chosen = tf.range(tf.shape(samples.logits)[1]) == samples.chosen[:, tf.newaxis]
    return tf.where(is_chosen, samples.logits, -math.inf)


def _check_variant(dfo_variant: str, use_dfo: bool, use_langevin: bool) -> None:
    """Raises ValueError where the variant of DFO is unknown or would not be what chooses."""
    published_dfo.check_variant(dfo_variant)
    if dfo_variant != "ibc" and (use_langevin or not use_dfo):
        raise ValueError(
            f"IbcPolicy.dfo_variant = {dfo_variant!r} chooses the action by itself: it needs "
            f"IbcPolicy.use_dfo = True and IbcPolicy.use_langevin = False, but got {use_dfo} and "
            f"{use_langevin}."
        )


def pays_for_chains(score_network: network.Network) -> bool:
    """Tells whether to compile a sampler's chain over this network with XLA, in float32.

    Hidden layers between matrix products become one pass over memory. XLA's own products of
    bfloat16 on CPUs are slower than TensorFlow's, so layers in mixed precision are compiled
    only where they are narrow: there, passes over memory take more time than the products. On GPUs
    all chains are compiled, in the network's own precision.
    """
    return gpu.device() is not None or all(
        isinstance(layer, dense.Dense) and layer.units <= _NARROW
        for layer in score_network.submodules
        if getattr(layer, "compute_dtype", None) in precision.HALVES
    )
