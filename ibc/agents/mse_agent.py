"""Explicit behavioral cloning by regression."""

import gin
import tensorflow as tf
from tf_agents.trajectories import policy_step
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, distributions, registry, training_step


class MsePolicy(base_agent.NetworkPolicy):
    """Takes the network's action; deterministic.

    The network maps normalized observations to flat actions [B, A], in the environment's units.

    TF-Agents' `ActorPolicy` would do, but what it exports cannot be loaded without TensorFlow
    Probability.
    """

    def _action(
        self,
        time_step: ts.TimeStep,
        policy_state: types.NestedTensor,
        seed: types.Seed | None = None,
    ) -> policy_step.PolicyStep:
        del seed
        return policy_step.PolicyStep(self.once(self.regress)(time_step.observation), policy_state)

    def regress(self, observation: types.NestedTensor) -> tf.Tensor:
        """Returns actions of the environment [B, ...] after observations [B, T, ...]."""
        flat, _ = self._actor_network(self._normalized(observation))
        spec = self.action_spec
        return tf.cast(tf.reshape(flat, [-1, *spec.shape]), spec.dtype)

    def _distribution(
        self, time_step: ts.TimeStep, policy_state: types.NestedTensor
    ) -> policy_step.PolicyStep:
        step = self._action(time_step, policy_state)
        return step._replace(action=distributions.point(step.action))


@registry.register("mse", head="regression")
@gin.configurable
class MseBehavioralCloningAgent(base_agent.BehavioralCloningBaseAgent):
    """Trains a regression network on the squared error of its normalized actions."""

    policy_class = MsePolicy

    def _losses(
        self, experience: training_step.Experience, step: training_step.Step
    ) -> training_step.Losses:
        observation, action = experience
        predicted = self._cloning_network.regress(observation, training=step.training)
        loss = tf.reduce_mean(tf.math.squared_difference(predicted, action), axis=-1)
        return loss, {"mse_total_loss": tf.reduce_mean(loss)}
