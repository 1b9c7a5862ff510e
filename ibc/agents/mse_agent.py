"""Explicit behavioral cloning by regression."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, mse_policy
from ibc.networks import regression
from ibc.utils import keys


@gin.configurable
class MseBehavioralCloningAgent(base_agent.BehavioralCloningBaseAgent):
    """Trains a regression network on the squared error of its normalized actions."""

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: tf.TensorSpec,
        cloning_network: regression.RegressionNetwork,
        optimizer: types.Optimizer,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        debug_summaries: bool = False,
        summarize_grads_and_vars: bool = False,
        train_step_counter: tf.Variable | None = None,
        seed: int = 0,
        jit_compile: bool = False,
        name: str | None = None,
    ):
        """Creates the agent.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_spec: Spec of the environment's action, one tensor.
          cloning_network: The regression network; it denormalizes its actions in inference.
          optimizer: Keras optimizer.
          obs_norm_layer: Normalizes the policy's observations; training data are normalized.
          debug_summaries: As in the base class.
          summarize_grads_and_vars: As in the base class.
          train_step_counter: As in the base class.
          seed: As in the base class.
          jit_compile: As in the base class.
          name: Name of the agent.

        Raises:
          ValueError: The action is a nest.
        """
        tf.Module.__init__(self, name=name)
        cloning_network.create_variables()
        policy = mse_policy.MsePolicy(
            time_step_spec, action_spec, cloning_network, obs_norm_layer=obs_norm_layer
        )
        super().__init__(
            time_step_spec,
            action_spec,
            cloning_network,
            optimizer,
            policy,
            debug_summaries,
            summarize_grads_and_vars,
            train_step_counter,
            seed,
            jit_compile,
        )

    def _losses(
        self,
        experience: base_agent.Experience,
        seed: tf.Tensor,
        training: keys.Key | bool,
        tape: tf.GradientTape | None,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        del seed, tape
        observation, action = experience
        predicted = self._cloning_network.regress(observation, training=training)
        loss = tf.reduce_mean(tf.math.squared_difference(predicted, action), axis=-1)
        return loss, {"mse_total_loss": tf.reduce_mean(loss)}
