"""Implicit behavioral cloning with one energy per action dimension (paper, appendix B.2)."""

from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, ibc_policy, registry, training_step
from ibc.losses import ebm_losses
from ibc.networks import mlp_ebm
from ibc.samplers import action_space as action_space_lib
from ibc.samplers import autoregressive_dfo
from ibc.samplers import sampler as sampler_lib
from ibc.utils import keys, parameters
from ibc.utils.parallel import blocks, lanes


class AutoregressivePolicy(ibc_policy.IbcPolicy):
    """An `IbcPolicy` whose samples are improved by `autoregressive_dfo` and by nothing else.

    Takes the parameters of `IbcPolicy`, also those gin binds to it; those that choose and
    configure its optimizers have no effect. The actor network is an `AutoregressiveEBM`.
    """

    def __init__(self, *args, **kwargs):
        """Creates the policy; arguments as in the base class."""
        super().__init__(*args, sampler=autoregressive_dfo.AutoregressiveDFO(), **kwargs)

    def score_fn(self, time_step: ts.TimeStep) -> None:
        """Returns None: energies of one dimension given others do not add up to one of them all."""

    def _improved(
        self, encoding: tf.Tensor, starts: tf.Tensor, key: keys.Key
    ) -> sampler_lib.Samples:
        """See the base class."""

        def score_fn(j, actions):
            return blocks.scored(
                lambda part: self._actor_network.score_dimension(encoding, j, part), actions
            )

        return self._sampler(score_fn, starts, self._action_space, key)


@registry.register("autoregressive", head="autoregressive", harmless=("IbcPolicy.",))
@gin.configurable
class AutoregressiveBCAgent(base_agent.BehavioralCloningBaseAgent):
    """Trains every dimension's energy where autoregressive DFO will ask for it.

    Sampling one degree of freedom at a time reaches more dimensions than sampling all at once.
    """

    policy_class = AutoregressivePolicy

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_space: action_space_lib.ActionSpace,
        cloning_network: mlp_ebm.AutoregressiveEBM,
        optimizer: types.Optimizer,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
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
          action_space: Counter-examples start uniform within its bounds.
          cloning_network: The energies.
          optimizer: Keras optimizer.
          obs_norm_layer: Normalizes the policy's observations; training data are normalized.
          num_counter_examples: N, counter-examples per example.
          softmax_temperature: Temperature of the loss.
          debug_summaries: As in the base class.
          summarize_grads_and_vars: As in the base class.
          train_step_counter: As in the base class.
          seed: As in the base class.
          jit_compile: As in the base class.
          name: Name of the agent.

        Raises:
          ValueError: There are no counter-examples, or the temperature is not positive.
        """
        super().__init__(
            time_step_spec,
            action_space,
            cloning_network,
            optimizer,
            obs_norm_layer,
            debug_summaries,
            summarize_grads_and_vars,
            train_step_counter,
            seed,
            jit_compile,
            name,
        )
        parameters.check_whole("AutoregressiveBCAgent", num_counter_examples=num_counter_examples)
        parameters.check_positive("AutoregressiveBCAgent", softmax_temperature=softmax_temperature)
        self._num_counter_examples = num_counter_examples
        self._info_nce = ebm_losses.InfoNCE(softmax_temperature)
        self._sampler = sampler_lib.InTurn((autoregressive_dfo.AutoregressiveDFO(),))

    def _losses(
        self, experience: training_step.Experience, step: training_step.Step
    ) -> training_step.Losses:
        observation, true_action = experience
        network = self._cloning_network
        encoding = network.encode(observation, training=step.training)
        batch = encoding.shape[0] or tf.shape(encoding)[0]
        with step.unrecorded():
            start_key, *_ = step.key.split(1)
            starts = self._action_space.uniform(batch, self._num_counter_examples, start_key)
            visited = self._sampler(
                lambda j, actions: network.score_dimension(encoding, j, actions),
                starts,
                self._action_space,
                step.key,
            ).chain
        of_dimensions = [
            self._dimension_loss(encoding, j, samples, true_action, step)
            for j, samples in enumerate(visited)
        ]
        losses, energies = zip(*of_dimensions, strict=True)
        loss = tf.add_n(losses) / len(losses)
        means = tf.nest.map_structure(lambda *each: tf.add_n(each) / len(each), *energies)
        return loss, {**means, "ebm_total_loss": tf.reduce_mean(loss)}

    def _dimension_loss(
        self,
        encoding: tf.Tensor,
        dimension: int,
        samples: tf.Tensor,
        true_action: tf.Tensor,
        step: training_step.Step,
    ) -> training_step.Losses:
        """InfoNCE of one energy over samples [B, K, N, j + 1], averaged over iterations."""
        iterations, count = samples.shape[1:3]
        counter_examples = tf.reshape(samples, [-1, iterations * count, dimension + 1])
        true = true_action[:, tf.newaxis, : dimension + 1]
        actions = tf.concat([tf.stop_gradient(counter_examples), true], axis=1)
        scores = self._cloning_network.score_dimension(encoding, dimension, actions, step.training)
        per_iteration = tf.reshape(scores[:, :-1], [-1, count])
        of_true = tf.repeat(scores[:, -1:], iterations, axis=0)
        losses = self._info_nce(tf.concat([per_iteration, of_true], axis=1))
        means = tf.reduce_mean(tf.reshape(losses, [-1, iterations]), axis=1)
        return means, ebm_losses.energies(scores)

    def _rows_per_example(self) -> int:
        # As for Langevin chains: one lane samples for the whole batch.
        return 1 if lanes.count() == 1 else self._num_counter_examples + 1
