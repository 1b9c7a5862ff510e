"""Implicit behavioral cloning with one energy per action dimension (paper, appendix B.2)."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import autoregressive_policy, base_agent, mcmc
from ibc.losses import ebm_losses
from ibc.networks import mlp_ebm
from ibc.samplers import action_bounds, draws, sampler_bindings
from ibc.utils import keys, parameters
from ibc.utils.parallel import lanes


@gin.configurable
class AutoregressiveBCAgent(base_agent.BehavioralCloningBaseAgent):
    """Trains every dimension's energy where autoregressive DFO will ask for it.

    Sampling one degree of freedom at a time reaches more dimensions than sampling all at once.
    """

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: tf.TensorSpec,
        action_sampling_spec: types.BoundedTensorSpec,
        cloning_network: mlp_ebm.AutoregressiveEBM,
        optimizer: types.Optimizer,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        num_counter_examples: int = 256,
        softmax_temperature: float = 1.0,
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
          action_sampling_spec: Bounded spec [A] of flat normalized actions; counter-examples
            start uniform within its bounds.
          cloning_network: The energies.
          optimizer: Keras optimizer.
          obs_norm_layer: Normalizes the policy's observations; training data are normalized.
          act_denorm_layer: Maps normalized actions to the environment's, for the policy.
          num_counter_examples: N, counter-examples per example.
          softmax_temperature: Temperature of the loss.
          debug_summaries: As in the base class.
          summarize_grads_and_vars: As in the base class.
          train_step_counter: As in the base class.
          seed: As in the base class.
          jit_compile: As in the base class.
          name: Name of the agent.

        Raises:
          ValueError: The action is a nest, the sampling spec does not fit it, or there are no
            counter-examples.
        """
        tf.Module.__init__(self, name=name)
        parameters.check_whole("AutoregressiveBCAgent", num_counter_examples=num_counter_examples)
        parameters.check_positive("AutoregressiveBCAgent", softmax_temperature=softmax_temperature)
        sampler_bindings.check(mcmc.autoregressive_dfo)
        action_bounds.check_action_spec(action_spec)
        self._bounds = action_bounds.bounds(action_sampling_spec, action_spec)
        self._num_counter_examples = num_counter_examples
        self._softmax_temperature = softmax_temperature
        cloning_network.create_variables()
        policy = autoregressive_policy.AutoregressivePolicy(
            time_step_spec,
            action_spec,
            action_sampling_spec,
            cloning_network,
            obs_norm_layer=obs_norm_layer,
            act_denorm_layer=act_denorm_layer,
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
        observation, action = experience
        encoding = self._cloning_network.encode(observation, training=training)
        with base_agent.paused(tape):
            visited = self._visited(encoding, seed)
        losses = [
            self._dimension_loss(encoding, j, samples, action, training)
            for j, samples in enumerate(visited)
        ]
        loss = tf.add_n(losses) / len(losses)
        return loss, {"ebm_total_loss": tf.reduce_mean(loss)}

    def _rows_per_example(self) -> int:
        # As for Langevin chains: one lane samples for the whole batch.
        return 1 if lanes.count() == 1 else self._num_counter_examples + 1

    def _visited(self, encoding: tf.Tensor, seed: tf.Tensor) -> list[tf.Tensor]:
        """Runs the sampler; returns [B, K, N, j + 1] for each dimension j."""
        seeds = draws.split(seed, 2)
        batch = encoding.shape[0] or tf.shape(encoding)[0]
        start = draws.uniform_actions(batch, self._num_counter_examples, *self._bounds, seeds[0])
        return mcmc.autoregressive_dfo(
            lambda j, actions: self._cloning_network.score_dimension(encoding, j, actions),
            start,
            *self._bounds,
            seeds[1],
        ).visited

    def _dimension_loss(
        self,
        encoding: tf.Tensor,
        dimension: int,
        samples: tf.Tensor,
        action: tf.Tensor,
        training: keys.Key | bool,
    ) -> tf.Tensor:
        """InfoNCE of one energy, averaged over the K iterations: [B]."""
        iterations, count = samples.shape[1:3]
        counters = tf.reshape(samples, [-1, iterations * count, dimension + 1])
        true = action[:, tf.newaxis, : dimension + 1]
        predictions = self._cloning_network.score_dimension(
            encoding, dimension, tf.concat([tf.stop_gradient(counters), true], axis=1), training
        )
        per_iteration = tf.reshape(predictions[:, :-1], [-1, count])
        of_true = tf.repeat(predictions[:, -1:], iterations, axis=0)
        losses = ebm_losses.info_nce(
            tf.concat([per_iteration, of_true], axis=1), self._softmax_temperature
        )
        return tf.reduce_mean(tf.reshape(losses, [-1, iterations]), axis=1)
