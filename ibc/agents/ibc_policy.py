"""Policy that acts by optimizing an energy network over sampled actions."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import compilation, mapped_categorical, mcmc
from ibc.networks import energy_network
from ibc.samplers import action_bounds, draws, warm_start
from ibc.utils import parameters
from ibc.utils.parallel import score_blocks


@gin.configurable
class IbcPolicy(tf_policy.TFPolicy):
    """Samples actions, improves them by DFO or Langevin dynamics, and picks among them."""

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: tf.TensorSpec,
        action_sampling_spec: tf.TensorSpec,
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
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        warm_start_fraction: float = 0.0,
        warm_start_std: float = 0.1,
        name: str | None = None,
    ):
        """Creates the policy.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_spec: Spec of the environment's action, one tensor.
          action_sampling_spec: Bounded spec [A] of what is sampled: flat normalized actions.
          actor_network: The energy network.
          policy_state_spec: Passed to TF-Agents; without effect with a warm start.
          info_spec: Passed to TF-Agents.
          num_action_samples: N, samples per observation.
          clip: Clips actions to `action_spec`.
          use_dfo: Improves the samples by `iterative_dfo`.
          use_langevin: Improves the samples by `langevin_actions_given_obs`, after DFO.
          inference_langevin_noise_scale: Noise of the second chain; the first one's is 1.
          optimize_again: Runs a second Langevin chain from where the first one ended.
          again_stepsize_init: First step size of the second chain.
          again_stepsize_final: Last step size of the second chain.
          late_fusion: Accepted and without effect: observations are always encoded once.
          obs_norm_layer: Normalizes observations; None leaves them as they are.
          act_denorm_layer: Maps normalized actions [..., A] to the environment's.
          warm_start_fraction: Share of the samples that start around the previous action, which
            is then the policy's state; the others, and all at an episode's first step, are
            uniform. 0 has no state.
          warm_start_std: Standard deviation of those samples, in normalized actions.
          name: Name of the policy.

        Raises:
          ValueError: The action is a nest, the sampling spec does not fit it, or a number is out
            of its range.
        """
        del late_fusion
        warm_start.check(warm_start_fraction, warm_start_std)
        action_bounds.check_action_spec(action_spec)
        self._min_actions, self._max_actions = action_bounds.bounds(
            action_sampling_spec, action_spec
        )
        self._actor_network = actor_network
        parameters.check_whole("IbcPolicy", num_action_samples=num_action_samples)
        self._num_action_samples = num_action_samples
        self._warm_start_fraction = warm_start_fraction
        self._warm_start_std = warm_start_std
        if warm_start_fraction:
            policy_state_spec = tf.TensorSpec(
                action_sampling_spec.shape, tf.float32, "previous_action"
            )
        self._use_dfo = use_dfo
        again = dict(
            noise_scale=inference_langevin_noise_scale,
            sampler_stepsize_init=again_stepsize_init,
            sampler_stepsize_final=again_stepsize_final,
        )
        rounds = [dict(noise_scale=1.0), again] if optimize_again else [dict(noise_scale=1.0)]
        self._langevin_rounds = rounds if use_langevin else []
        self._jit_compile = compilation.pays_for_chains(actor_network)
        self._obs_norm_layer = obs_norm_layer
        self._act_denorm_layer = act_denorm_layer
        super().__init__(
            time_step_spec=time_step_spec,
            action_spec=action_spec,
            policy_state_spec=policy_state_spec,
            info_spec=info_spec,
            clip=clip,
            name=name,
        )

    def seeded_distribution(
        self, time_step: ts.TimeStep, seed: tf.Tensor, policy_state: types.NestedTensor = ()
    ) -> policy_step.PolicyStep:
        """Computes the distribution over improved samples.

        Args:
          time_step: Batched time step, B rows.
          seed: Integer tensor [2], or [B, 2]: row i then follows from seed i alone.
          policy_state: With a warm start, the previous normalized actions float32 [B, A].

        Returns:
          Distribution over N actions per row, in the environment's units and shape, and the
          state after acting by its mode.

        Raises:
          ValueError: The policy has a state, but none is given.
        """
        actions, normalized = self._distributions(time_step, seed, policy_state)
        state = normalized.mode() if self._warm_start_fraction else policy_state
        return policy_step.PolicyStep(actions, state)

    def _distributions(
        self, time_step: ts.TimeStep, seed: tf.Tensor, policy_state: types.NestedTensor
    ) -> tuple[mapped_categorical.MappedCategorical, mapped_categorical.MappedCategorical]:
        """Returns the distribution over the environment's actions, and over normalized ones."""
        observation = time_step.observation
        if self._obs_norm_layer is not None:
            observation = self._obs_norm_layer(observation)

        def draw_starts(batch, seed):
            return self._draw_starts(batch, seed, time_step, policy_state)

        encoding = self._actor_network.encode(observation)
        samples, logits = self._optimize(encoding, seed, draw_starts)
        normalized = mapped_categorical.MappedCategorical(logits, samples)
        if self._act_denorm_layer is not None:
            samples = self._act_denorm_layer(samples)
        spec = self.action_spec
        actions = tf.reshape(samples, [-1, self._num_action_samples, *spec.shape])
        actions = mapped_categorical.MappedCategorical(logits, tf.cast(actions, spec.dtype))
        return actions, normalized

    def _draw_starts(
        self,
        batch: types.Int,
        seed: tf.Tensor,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
    ) -> tf.Tensor:
        """Returns normalized actions [B, N, A] to start optimizing from."""
        bounds = self._min_actions, self._max_actions
        uniform = draws.uniform_actions(batch, self._num_action_samples, *bounds, seed)
        if not self._warm_start_fraction:
            return uniform
        if not tf.is_tensor(policy_state):
            raise ValueError(
                "A policy with IbcPolicy.warm_start_fraction above 0 acts from the action before: "
                "pass policy_state, first from get_initial_state(batch_size), then from the step "
                "before."
            )
        return warm_start.near_previous(
            uniform,
            policy_state,
            time_step.is_first(),
            self._warm_start_fraction,
            self._warm_start_std,
            *bounds,
            seed,
        )

    def _optimize(
        self,
        encoding: tf.Tensor,
        seed: tf.Tensor,
        draw_starts: Callable[[types.Int, tf.Tensor], tf.Tensor],
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns normalized samples [B, N, A] and their logits [B, N].

        Args:
          encoding: The observations' encodings.
          seed: Integer tensor [2] or [B, 2].
          draw_starts: Maps B and a seed to the actions [B, N, A] to start from.
        """
        seeds = draws.split(seed, 4)
        bounds = self._min_actions, self._max_actions

        def score_fn(actions):
            return self._actor_network.score(encoding, actions)

        def score_in_blocks(actions):
            return score_blocks.scored(score_fn, actions)

        samples = draw_starts(encoding.shape[0] or tf.shape(encoding)[0], seeds[0])
        logits = None
        if self._use_dfo:
            samples, logits = mcmc.iterative_dfo(score_in_blocks, samples, *bounds, seeds[1])
        for index, options in enumerate(self._langevin_rounds):
            samples, _ = mcmc.langevin_actions_given_obs(
                score_fn,
                samples,
                *bounds,
                seeds[2 + index],
                return_chain=False,
                jit_compile=self._jit_compile,
                **options,
            )
            logits = None
        return samples, score_in_blocks(samples) if logits is None else logits

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        return self.seeded_distribution(time_step, draws.fresh_seed(), policy_state)

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        for_samples, for_choice = tf.unstack(draws.split(draws.as_seed(seed), 2))
        actions, normalized = self._distributions(time_step, for_samples, policy_state)
        # Both draw the same index: it depends on logits and seed alone.
        state = normalized.seeded_sample(for_choice) if self._warm_start_fraction else policy_state
        return policy_step.PolicyStep(actions.seeded_sample(for_choice), state)
