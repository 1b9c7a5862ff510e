"""Explicit behavioral cloning by regression."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.networks import network
from tf_agents.policies import tf_policy
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, distributions, registry, training_step
from ibc.samplers import action_space as action_space_lib


class MsePolicy(tf_policy.TFPolicy):
    """Takes the network's action; deterministic.

    TF-Agents' `ActorPolicy` would do, but what it exports cannot be loaded without TensorFlow
    Probability.
    """

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: tf.TensorSpec,
        actor_network: network.Network,
        clip: bool = True,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        name: str | None = None,
    ):
        """Creates the policy.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_spec: Spec of the environment's action, one tensor.
          actor_network: Maps normalized observations to flat actions [B, A], in the
            environment's units.
          clip: Clips actions to `action_spec`.
          obs_norm_layer: Normalizes observations; None leaves them as they are.
          name: Name of the policy.

        Raises:
          ValueError: The action is a nest.
        """
        action_space_lib.check_action_spec(action_spec)
        self._actor_network = actor_network
        self._obs_norm_layer = obs_norm_layer
        super().__init__(time_step_spec, action_spec, clip=clip, name=name)

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        del seed
        observation = time_step.observation
        if self._obs_norm_layer is not None:
            observation = self._obs_norm_layer(observation)
        flat, _ = self._actor_network(observation, step_type=time_step.step_type)
        spec = self.action_spec
        action = tf.cast(tf.reshape(flat, [-1, *spec.shape]), spec.dtype)
        return policy_step.PolicyStep(action, policy_state)

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        step = self._action(time_step, policy_state)
        return step._replace(action=distributions.point(step.action))


@registry.register("mse", head="regression")
@gin.configurable
class MseBehavioralCloningAgent(base_agent.ExplicitAgent):
    """Trains a regression network on the squared error of its normalized actions."""

    policy_class = MsePolicy

    def _losses(
        self, experience: training_step.Experience, step: training_step.Step
    ) -> training_step.Losses:
        observation, action = experience
        predicted = self._cloning_network.regress(observation, training=step.training)
        loss = tf.reduce_mean(tf.math.squared_difference(predicted, action), axis=-1)
        return loss, {"mse_total_loss": tf.reduce_mean(loss)}
