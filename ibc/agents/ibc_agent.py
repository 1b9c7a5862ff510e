"""Implicit behavioral cloning (Florence et al., CoRL 2021)."""

import contextlib
from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, compilation, ibc_policy, mcmc
from ibc.losses import ebm_losses, gradient_loss
from ibc.networks import energy_network
from ibc.samplers import action_bounds, counter_examples, sampler_bindings
from ibc.utils import keys, parameters, score_gradients
from ibc.utils.parallel import lanes


@gin.configurable
class ImplicitBCAgent(base_agent.BehavioralCloningBaseAgent):
    """Trains an energy network to prefer demonstrated actions to counter-examples."""

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: tf.TensorSpec,
        action_sampling_spec: types.BoundedTensorSpec,
        cloning_network: energy_network.EnergyNetwork,
        optimizer: types.Optimizer,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
        act_denorm_layer: Callable[[tf.Tensor], tf.Tensor] | None = None,
        num_counter_examples: int = 256,
        fraction_dfo_samples: float = 0.0,
        fraction_langevin_samples: float = 1.0,
        ebm_loss_type: str = "info_nce",
        late_fusion: bool = False,
        compute_mse: bool = False,
        run_full_chain_under_gradient: bool = False,
        return_full_chain: bool = True,
        add_grad_penalty: bool = True,
        grad_norm_type: str | None = "inf",
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
            are drawn within its bounds.
          cloning_network: The energy network.
          optimizer: Keras optimizer.
          obs_norm_layer: Normalizes the policy's observations; training data are normalized.
          act_denorm_layer: Maps normalized actions to the environment's, for the policy.
          num_counter_examples: N, counter-examples per example.
          fraction_dfo_samples: Fraction of counter-examples improved by DFO.
          fraction_langevin_samples: Fraction improved by Langevin dynamics; the rest is uniform.
          ebm_loss_type: Name of the loss, see `ebm_losses.get_loss`. 'cd_kl' is differentiated
            through the Langevin chain.
          late_fusion: Accepted and without effect: observations are always encoded once.
          compute_mse: Reports `mse_counter_examples`, their squared distance to the true action.
          run_full_chain_under_gradient: Lets gradients reach the weights through the chain's
            data where the penalty asks for them; without effect otherwise.
          return_full_chain: Reports averages over the Langevin chain.
          add_grad_penalty: Adds `grad_penalty` to the loss.
          grad_norm_type: Norm of the penalty and of reported gradients: '1', '2', 'inf' or None.
          softmax_temperature: Temperature of 'info_nce'.
          debug_summaries: As in the base class.
          summarize_grads_and_vars: As in the base class.
          train_step_counter: As in the base class.
          seed: As in the base class.
          jit_compile: As in the base class.
          name: Name of the agent.

        Raises:
          ValueError: A fraction, a name or a combination of options is not valid.
        """
        tf.Module.__init__(self, name=name)
        del late_fusion
        parameters.check_whole("ImplicitBCAgent", num_counter_examples=num_counter_examples)
        counter_examples.check_fractions(fraction_dfo_samples, fraction_langevin_samples)
        score_gradients.check_grad_norm_type(grad_norm_type)
        parameters.check_positive("ImplicitBCAgent", softmax_temperature=softmax_temperature)
        sampler_bindings.check(mcmc.iterative_dfo, mcmc.langevin_actions_given_obs)
        self._ebm_loss = ebm_losses.get_loss(ebm_loss_type, softmax_temperature)
        self._through_chain = ebm_loss_type == "cd_kl"
        if self._through_chain and not fraction_langevin_samples:
            raise ValueError(
                "ImplicitBCAgent.ebm_loss_type = 'cd_kl' is differentiated through the Langevin "
                "chain: set ImplicitBCAgent.fraction_langevin_samples above 0."
            )
        penalizes_chain = add_grad_penalty and gradient_loss.penalizes_chain()
        self._chain_under_tape = penalizes_chain or self._through_chain
        if penalizes_chain and not (run_full_chain_under_gradient and fraction_langevin_samples):
            raise ValueError(
                "grad_penalty.only_apply_final_grad_penalty = False needs "
                "ImplicitBCAgent.run_full_chain_under_gradient = True and "
                "ImplicitBCAgent.fraction_langevin_samples above 0."
            )
        action_bounds.check_action_spec(action_spec)
        self._min_actions, self._max_actions = action_bounds.bounds(
            action_sampling_spec, action_spec
        )
        self._compute_mse = compute_mse
        self._return_full_chain = return_full_chain
        self._add_grad_penalty = add_grad_penalty
        self._grad_norm_type = grad_norm_type
        self._sampling = dict(
            count=num_counter_examples,
            fraction_dfo_samples=fraction_dfo_samples,
            fraction_langevin_samples=fraction_langevin_samples,
            return_chain=return_full_chain or penalizes_chain,
            grad_norm_type=grad_norm_type,
            differentiable=self._through_chain,
        )
        self._samples_by_network = bool(fraction_dfo_samples or fraction_langevin_samples)
        cloning_network.create_variables()
        # What a tape records is not compiled.
        compiled = compilation.pays_for_chains(cloning_network) and not self._chain_under_tape
        self._sampling["jit_compile"] = compiled
        policy = ibc_policy.IbcPolicy(
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
        # Nothing of the chain is remembered for backpropagation unless the loss needs it.
        with contextlib.nullcontext() if self._chain_under_tape else base_agent.paused(tape):
            counters, chain = self._counter_examples(encoding, seed)
        frozen = self._frozen_scores(encoding, counters, tape) if self._through_chain else None
        return self._contrast(encoding, action, counters, chain, frozen, training)

    def _rows_per_example(self) -> int:
        if self._samples_by_network and lanes.count() == 1:
            # One chain for the whole batch: on a GPU, starting its operations is what takes time.
            return 1
        return self._sampling["count"] + 1

    def _contrast(
        self,
        encoding: tf.Tensor,
        action: tf.Tensor,
        counters: tf.Tensor,
        chain: mcmc.ChainData | None,
        frozen: tf.Tensor | None,
        training: keys.Key | bool,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Compares actions [B, A] with counter-examples [B, N, A]: losses [B], and scalars."""
        actions = tf.concat([tf.stop_gradient(counters), action[:, tf.newaxis]], axis=1)

        def score_fn(actions):
            return self._cloning_network.score(encoding, actions, training=training)

        extra = self._chain_averages(chain) if self._return_full_chain and chain else {}
        if self._compute_mse:
            distances = tf.math.squared_difference(counters, action[:, tf.newaxis])
            extra["mse_counter_examples"] = tf.reduce_mean(distances)
        if self._add_grad_penalty:
            predictions, gradients = score_gradients.scores_and_gradients(score_fn, actions)
            norms = score_gradients.gradient_norm(gradients, self._grad_norm_type)
            penalty = gradient_loss.grad_penalty(norms, chain.grad_norms if chain else None)
            extra["grad_loss"] = tf.reduce_mean(penalty)
        else:
            predictions, penalty = score_fn(actions), 0.0
        loss, reported = self._ebm_loss(ebm_losses.Contrast(predictions, counters, action, frozen))
        loss += penalty
        return loss, {**extra, **reported, "ebm_total_loss": tf.reduce_mean(loss)}

    def _frozen_scores(
        self, encoding: tf.Tensor, actions: tf.Tensor, tape: tf.GradientTape | None
    ) -> tf.Tensor:
        """Scores actions [B, N, A] by the present weights, which count as constants: [B, N].

        Gradients pass to the actions: by the scores' own derivatives, linearly.
        """
        constant = tf.stop_gradient(actions)
        with base_agent.paused(tape):
            scores, gradients = score_gradients.scores_and_gradients(
                lambda actions: self._cloning_network.score(encoding, actions), constant
            )
        return scores + tf.reduce_sum(gradients * (actions - constant), axis=-1)

    def _counter_examples(
        self, encoding: tf.Tensor, seed: tf.Tensor
    ) -> tuple[tf.Tensor, mcmc.ChainData | None]:
        """Draws [B, N, A]."""
        return counter_examples.sample(
            lambda actions: self._cloning_network.score(encoding, actions),
            encoding.shape[0] or tf.shape(encoding)[0],
            min_actions=self._min_actions,
            max_actions=self._max_actions,
            seed=seed,
            **self._sampling,
        )

    def _chain_averages(self, chain: mcmc.ChainData) -> dict[str, tf.Tensor]:
        """Averages over the whole chain, its first and its last step."""
        averages = {}
        for name, values in (("energies", chain.scores), ("grad_norms", chain.grad_norms)):
            averages[f"overall_{name}_avg"] = tf.reduce_mean(values)
            averages[f"first_{name}_avg"] = tf.reduce_mean(values[0])
            averages[f"final_{name}_avg"] = tf.reduce_mean(values[-1])
        return averages
