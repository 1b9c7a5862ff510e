"""Policy that acts by optimizing an energy network over sampled actions."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import action_bounds, draws, mapped_categorical, mcmc
from ibc.networks import energy_network


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
        name: str | None = None,
    ):
        """Creates the policy.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_spec: Spec of the environment's action, one tensor.
          action_sampling_spec: Bounded spec [A] of what is sampled: flat normalized actions.
          actor_network: The energy network.
          policy_state_spec: Passed to TF-Agents.
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
          name: Name of the policy.

        Raises:
          ValueError: The action is a nest, or the sampling spec does not fit it.
        """
        del late_fusion
        action_bounds.check_action_spec(action_spec)
        self._min_actions, self._max_actions = action_bounds.bounds(
            action_sampling_spec, action_spec
        )
        self._actor_network = actor_network
        if num_action_samples < 1:
            raise ValueError(
                f"IbcPolicy.num_action_samples must be at least 1, but is {num_action_samples}."
            )
        self._num_action_samples = num_action_samples
        self._use_dfo = use_dfo
        again = dict(
            noise_scale=inference_langevin_noise_scale,
            sampler_stepsize_init=again_stepsize_init,
            sampler_stepsize_final=again_stepsize_final,
        )
        rounds = [dict(noise_scale=1.0), again] if optimize_again else [dict(noise_scale=1.0)]
        self._langevin_rounds = rounds if use_langevin else []
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
        self, time_step: ts.TimeStep, seed: tf.Tensor
    ) -> mapped_categorical.MappedCategorical:
        """Computes the distribution over improved samples.

        Args:
          time_step: Batched time step, B rows.
          seed: Integer tensor [2], or [B, 2]: row i then follows from seed i alone.

        Returns:
          Distribution over N actions per row, in the environment's units and shape.
        """
        observation = time_step.observation
        if self._obs_norm_layer is not None:
            observation = self._obs_norm_layer(observation)
        samples, logits = self._optimize(self._actor_network.encode(observation), seed)
        if self._act_denorm_layer is not None:
            samples = self._act_denorm_layer(samples)
        spec = self.action_spec
        actions = tf.reshape(samples, [-1, self._num_action_samples, *spec.shape])
        return mapped_categorical.MappedCategorical(logits, tf.cast(actions, spec.dtype))

    def _optimize(self, encoding: tf.Tensor, seed: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns normalized samples [B, N, A] and their logits [B, N]."""
        seeds = draws.split(seed, 4)
        bounds = self._min_actions, self._max_actions
        batch = tf.shape(encoding)[0]

        def score_fn(actions):
            return self._actor_network.score(encoding, actions)

        samples = draws.uniform_actions(batch, self._num_action_samples, *bounds, seeds[0])
        logits = None
        if self._use_dfo:
            samples, logits = mcmc.iterative_dfo(score_fn, samples, *bounds, seeds[1])
        for index, options in enumerate(self._langevin_rounds):
            samples, _ = mcmc.langevin_actions_given_obs(
                score_fn, samples, *bounds, seeds[2 + index], return_chain=False, **options
            )
            logits = None
        return samples, score_fn(samples) if logits is None else logits

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        distribution = self.seeded_distribution(time_step, draws.fresh_seed())
        return policy_step.PolicyStep(distribution, policy_state)

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        for_samples, for_choice = tf.unstack(draws.split(draws.as_seed(seed), 2))
        distribution = self.seeded_distribution(time_step, for_samples)
        return policy_step.PolicyStep(distribution.seeded_sample(for_choice), policy_state)
