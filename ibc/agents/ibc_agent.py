"""Implicit behavioral cloning (Florence et al., CoRL 2021)."""

import contextlib
import dataclasses
from collections.abc import Callable

import gin
import tensorflow as tf
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import base_agent, ibc_policy, registry, training_step
from ibc.losses import ebm_losses, gradient_loss
from ibc.networks import energy_network
from ibc.samplers import action_space as action_space_lib
from ibc.samplers import dfo, draws, langevin, score_gradients
from ibc.samplers import sampler as sampler_lib
from ibc.utils import keys, parameters
from ibc.utils.parallel import lanes


@registry.register(
    "ebm",
    head="energy",
    harmless=("IbcPolicy.",),
    harmless_at_zero={
        "iterative_dfo.": "ImplicitBCAgent.fraction_dfo_samples",
        "langevin_actions_given_obs.": "ImplicitBCAgent.fraction_langevin_samples",
    },
)
@gin.configurable
class ImplicitBCAgent(base_agent.BehavioralCloningBaseAgent):
    """Trains an energy network to prefer demonstrated actions to counter-examples."""

    policy_class = ibc_policy.IbcPolicy

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_space: action_space_lib.ActionSpace,
        cloning_network: energy_network.EnergyNetwork,
        optimizer: types.Optimizer,
        obs_norm_layer: Callable[[types.NestedTensor], types.NestedTensor] | None = None,
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
        sampler: sampler_lib.Sampler | None = None,
        positive_noise_std: float = 0.0,
        name: str | None = None,
    ):
        """Creates the agent.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_space: Counter-examples are drawn within its bounds.
          cloning_network: The energy network.
          optimizer: Keras optimizer.
          obs_norm_layer: Normalizes the policy's observations; training data are normalized.
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
          sampler: Improves the counter-examples, whatever the fractions are; None takes the
            `Mixture` that they describe.
          positive_noise_std: Standard deviation of Gaussian noise on the demonstrated actions, in
            normalized units; 0 leaves them as they are.
          name: Name of the agent.

        Raises:
          ValueError: A fraction, a name or a combination of options is not valid.
        """
        del late_fusion
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
        parameters.check_whole("ImplicitBCAgent", num_counter_examples=num_counter_examples)
        _check_fractions(fraction_dfo_samples, fraction_langevin_samples)
        sampler_lib.check("ImplicitBCAgent.sampler", sampler)
        score_gradients.check_grad_norm_type(grad_norm_type)
        parameters.check_positive("ImplicitBCAgent", softmax_temperature=softmax_temperature)
        parameters.check_not_negative("ImplicitBCAgent", positive_noise_std=positive_noise_std)
        self._ebm_loss = ebm_losses.get_loss(ebm_loss_type, softmax_temperature)
        self._grad_penalty = gradient_loss.GradPenalty() if add_grad_penalty else None
        self._through_chain = ebm_loss_type == "cd_kl"
        penalizes_chain = add_grad_penalty and not self._grad_penalty.only_apply_final_grad_penalty
        _check_chain(
            self._through_chain,
            penalizes_chain,
            run_full_chain_under_gradient,
            fraction_langevin_samples,
        )
        self._chain_under_tape = penalizes_chain or self._through_chain
        self._num_counter_examples = num_counter_examples
        self._positive_noise_std = positive_noise_std
        self._compute_mse = compute_mse
        self._return_full_chain = return_full_chain
        self._grad_norm_type = grad_norm_type
        chain = dataclasses.replace(
            langevin.Langevin(),
            return_chain=return_full_chain or penalizes_chain,
            grad_norm_type=grad_norm_type,
            # What a tape records is not compiled.
            jit_compile=(
                ibc_policy.pays_for_chains(cloning_network) and not self._chain_under_tape
            ),
            **({"stop_chain_grad": False} if self._through_chain else {}),
        )
        self._samples_by_network = bool(sampler or fraction_dfo_samples + fraction_langevin_samples)
        parts = ((dfo.IterativeDFO(), fraction_dfo_samples), (chain, fraction_langevin_samples))
        self._sampler = sampler_lib.Mixture(((sampler, 1.0),) if sampler else parts)

    def _losses(
        self, experience: training_step.Experience, step: training_step.Step
    ) -> training_step.Losses:
        observation, true_action = experience
        if self._positive_noise_std:
            true_action += self._positive_noise(true_action, step.key)
        network = self._cloning_network
        encoding = network.encode(observation, training=step.training)
        batch = encoding.shape[0] or tf.shape(encoding)[0]

        def score_fn(actions):
            return network.score(encoding, actions)

        # Nothing of the sampling is remembered for backpropagation unless the loss needs it.
        with contextlib.nullcontext() if self._chain_under_tape else step.unrecorded():
            start_key, *_ = step.key.split(1)
            starts = self._action_space.draw(batch, self._num_counter_examples, start_key)
            samples = self._sampler(score_fn, starts, self._action_space, step.key)
        counter_examples, chain = samples.actions, samples.chain
        frozen = None
        if self._through_chain:
            with step.unrecorded():
                constant = tf.stop_gradient(counter_examples)
                scores, slopes = score_gradients.scores_and_gradients(score_fn, constant)
            # Present weights count as constants; gradients pass to the actions, linearly.
            frozen = scores + tf.reduce_sum(slopes * (counter_examples - constant), axis=-1)

        actions = [tf.stop_gradient(counter_examples), true_action[:, tf.newaxis]]
        actions = tf.concat(actions, axis=1)

        def score_in_training(actions):
            return network.score(encoding, actions, training=step.training)

        penalty, reported = 0.0, self._chain_averages(chain)
        if self._grad_penalty:
            scores, slopes = score_gradients.scores_and_gradients(score_in_training, actions)
            norms = score_gradients.gradient_norm(slopes, self._grad_norm_type)
            penalty = self._grad_penalty(norms, getattr(chain, "grad_norms", None))
            reported["grad_loss"] = tf.reduce_mean(penalty)
        else:
            scores = score_in_training(actions)
        reported |= ebm_losses.energies(scores)
        if not self._samples_by_network:
            # What was not drawn uniformly counts by how probable it was to be drawn.
            scores -= self._action_space.log_density(actions)
        contrast = ebm_losses.Contrast(scores, counter_examples, true_action, frozen)
        loss, parts = self._ebm_loss(contrast)
        loss += penalty
        if self._compute_mse:
            distances = tf.math.squared_difference(counter_examples, true_action[:, tf.newaxis])
            reported["mse_counter_examples"] = tf.reduce_mean(distances)
        return loss, {**reported, **parts, "ebm_total_loss": tf.reduce_mean(loss)}

    def _positive_noise(self, true_action: tf.Tensor, key: keys.Key) -> tf.Tensor:
        """Draws the noise of demonstrated actions [B, A], with a key that nothing else uses."""
        own_key = keys.Key(tf.random.fold_in(key.seed, tf.ones([], tf.int64)), key.share)
        return self._positive_noise_std * draws.normal_like(true_action, own_key)

    def _rows_per_example(self) -> int:
        if self._samples_by_network and lanes.count() == 1:
            # One chain for the whole batch: on a GPU, starting its operations is what takes time.
            return 1
        return self._num_counter_examples + 1

    def _chain_averages(self, chain: langevin.ChainData | None) -> dict[str, tf.Tensor]:
        """Averages over the whole chain, its first and its last step, if they are reported."""
        averages = {}
        if not (self._return_full_chain and isinstance(chain, langevin.ChainData)):
            return averages
        for name, values in (("energies", chain.scores), ("grad_norms", chain.grad_norms)):
            averages[f"overall_{name}_avg"] = tf.reduce_mean(values)
            averages[f"first_{name}_avg"] = tf.reduce_mean(values[0])
            averages[f"final_{name}_avg"] = tf.reduce_mean(values[-1])
        return averages


def _check_fractions(fraction_dfo_samples: float, fraction_langevin_samples: float) -> None:
    """Raises ValueError unless both are fractions and together at most 1."""
    fractions = dict(
        fraction_dfo_samples=fraction_dfo_samples,
        fraction_langevin_samples=fraction_langevin_samples,
    )
    for name, value in fractions.items():
        if not 0 <= value <= 1:
            raise ValueError(f"ImplicitBCAgent.{name} must be in [0, 1], but is {value}.")
    if sum(fractions.values()) > 1:
        raise ValueError(
            "ImplicitBCAgent.fraction_dfo_samples and .fraction_langevin_samples must not exceed "
            f"1 together, but are {fraction_dfo_samples} and {fraction_langevin_samples}."
        )


def _check_chain(
    through_chain: bool,
    penalizes_chain: bool,
    run_full_chain_under_gradient: bool,
    fraction_langevin_samples: float,
) -> None:
    """Raises ValueError where a loss needs a Langevin chain that there is not."""
    if through_chain and not fraction_langevin_samples:
        raise ValueError(
            "ImplicitBCAgent.ebm_loss_type = 'cd_kl' is differentiated through the Langevin "
            "chain: set ImplicitBCAgent.fraction_langevin_samples above 0."
        )
    if penalizes_chain and not (run_full_chain_under_gradient and fraction_langevin_samples):
        raise ValueError(
            "grad_penalty.only_apply_final_grad_penalty = False needs "
            "ImplicitBCAgent.run_full_chain_under_gradient = True and "
            "ImplicitBCAgent.fraction_langevin_samples above 0."
        )
