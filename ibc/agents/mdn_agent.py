"""Explicit behavioral cloning with a mixture density network."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.networks import network
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, distributions, registry, training_step
from ibc.samplers import action_space as action_space_lib
from ibc.utils import keys

_CANDIDATES = 64
"""Draws that show what a mixture is like."""


@gin.configurable
class MdnPolicy(base_agent.NetworkPolicy):
    """Samples from the network's mixture, also where a greedy action is asked for.

    A mixture's density has no maximum in closed form, so the published system samples in
    evaluation. The mean of the heaviest component would be a deterministic choice, but it solved
    block pushing less often.
    """

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_space: action_space_lib.ActionSpace,
        actor_network: network.Network,
        clip: bool = True,
        greedy_samples: bool = True,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        name: str | None = None,
    ):
        """Creates the policy.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_space: What actions look like in the environment.
          actor_network: Maps normalized observations to mixtures over flat actions [B, A], in the
            environment's units.
          clip: Clips actions to the environment's spec.
          greedy_samples: What the greedy policy does: sample, as a function of its seed, or else
            take the mean of the component of largest weight.
          obs_norm_layer: Normalizes observations; None leaves them as they are.
          name: Name of the policy.
        """
        self._greedy_samples = greedy_samples
        super().__init__(time_step_spec, action_space, actor_network, clip, obs_norm_layer, name)

    def seeded_distribution(
        self, time_step: ts.TimeStep, seed: types.Seed | None, policy_state: types.NestedTensor = ()
    ) -> policy_step.PolicyStep:
        """Computes the distribution whose mode is the greedy action.

        Args:
          time_step: Batched time step, B rows.
          seed: Integer tensor [2], or [B, 2]: row i then follows from seed i alone.
          policy_state: Returned as it is.

        Returns:
          One draw from the mixture, with certainty; or the mixture itself.
        """
        distribution = self._mixture(time_step)
        if self._greedy_samples:
            distribution = distributions.point(distribution.keyed_sample(keys.of(seed)))
        return policy_step.PolicyStep(distribution, policy_state)

    def candidates(
        self, time_step: ts.TimeStep, seed: types.Seed | None, policy_state: types.NestedTensor = ()
    ) -> tf.Tensor:
        """Returns draws from the mixture, [B, N, ...], see the base class."""
        return self._mixture(time_step).keyed_samples(_CANDIDATES, keys.of(seed))

    @property
    def greedy_samples(self) -> bool:
        """Whether the greedy policy samples."""
        return self._greedy_samples

    def components(self, observation: types.NestedTensor) -> tuple[tf.Tensor, ...]:
        """Returns the mixture of K normal distributions after observations [B, T, ...].

        Returns:
          Logits float32 [B, K], means and standard deviations of flat actions [B, K, A].
        """
        flat, _ = self._actor_network(self._normalized(observation))
        normals = flat.components_distribution
        return flat.mixture_distribution.logits, normals.loc, normals.scale.diag_part()

    def _mixture(self, time_step: ts.TimeStep) -> distributions.ActionMixture:
        observation = self._normalized(time_step.observation)
        flat, _ = self._actor_network(observation, step_type=time_step.step_type)
        return distributions.ActionMixture(flat, self.action_spec)

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        return policy_step.PolicyStep(self._mixture(time_step), policy_state)

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        action = self._mixture(time_step).keyed_sample(keys.of(seed))
        return policy_step.PolicyStep(action, policy_state)


@registry.register("mdn", head="mixture", harmless=("MdnPolicy.",))
@gin.configurable
class MdnBehavioralCloningAgent(base_agent.BehavioralCloningBaseAgent):
    """Maximizes the likelihood of normalized actions under a mixture of normal distributions."""

    policy_class = MdnPolicy

    def _losses(
        self, experience: training_step.Experience, step: training_step.Step
    ) -> training_step.Losses:
        observation, action = experience
        predicted = self._cloning_network.mixture(observation, training=step.training)
        loss = -predicted.log_prob(action)
        return loss, {"mdn_total_loss": tf.reduce_mean(loss)}
