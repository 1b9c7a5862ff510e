"""What all behavioral cloning agents share: a seeded loss and one optimizer step."""

import abc
import contextlib
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.networks import network
from tf_agents.policies import tf_policy
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types
from tf_agents.utils import common

from ibc.networks.layers import dense
from ibc.samplers import draws
from ibc.utils import keys
from ibc.utils.parallel import gradient_blocks, lanes

Experience = tuple[types.NestedTensor, tf.Tensor]


class BehavioralCloningBaseAgent(tf_agent.TFAgent, abc.ABC):
    """Trains a network on (observation, action) pairs.

    The experience is `(observation, action)`: a nest of normalized windows [B, T, ...] and flat
    normalized actions [B, A]. A loss is a function of the agent's seed, the training step, the
    weights and the batch; nothing else is random. Replicas that share a batch, and blocks in
    which it is worked on, draw what would be drawn for all of it. No summary is written here:
    `LossInfo.extra` holds scalars under their TensorBoard names, without prefix, each divided
    by the number of replicas so that their sum over replicas is their mean.
    """

    def __init__(
        self,
        time_step_spec: ts.TimeStep,
        action_spec: tf.TensorSpec,
        cloning_network: network.Network,
        optimizer: types.Optimizer,
        policy: tf_policy.TFPolicy,
        debug_summaries: bool = False,
        summarize_grads_and_vars: bool = False,
        train_step_counter: tf.Variable | None = None,
        seed: int = 0,
        jit_compile: bool = False,
    ):
        """Creates the agent; subclasses have called `tf.Module.__init__`.

        Args:
          time_step_spec: Spec of the environment's time steps, observation windows [T, ...].
          action_spec: Spec of the environment's action, one tensor.
          cloning_network: The network to train, its variables created.
          optimizer: Keras optimizer.
          policy: Acts with the network, in evaluation and collection.
          debug_summaries: Kept for TF-Agents; all scalars are always in `LossInfo.extra`.
          summarize_grads_and_vars: Adds the global norms `gradients_norm` and `variables_norm`.
          train_step_counter: Incremented once per training step; defaults to the global step.
          seed: Seed of everything random in the loss.
          jit_compile: Compiles loss and gradients with XLA.
        """
        self._cloning_network = cloning_network
        self._optimizer = optimizer
        self._seed = seed
        gradients_fn = self._loss_and_gradients
        self._gradients_fn = (
            tf.function(gradients_fn, jit_compile=True, autograph=False)
            if jit_compile
            else gradients_fn
        )
        super().__init__(
            time_step_spec,
            action_spec,
            policy,
            collect_policy=policy,
            train_sequence_length=None,
            debug_summaries=debug_summaries,
            summarize_grads_and_vars=summarize_grads_and_vars,
            train_step_counter=train_step_counter,
        )

    @property
    def cloning_network(self) -> network.Network:
        """The network being trained."""
        return self._cloning_network

    @abc.abstractmethod
    def _losses(
        self,
        experience: Experience,
        seed: tf.Tensor,
        training: keys.Key | bool,
        tape: tf.GradientTape | None,
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Computes the loss of each example.

        Args:
          experience: Observations and actions.
          seed: Integer tensor [2].
          training: In a training step the key of its dropout masks, False outside of one.
          tape: The tape that records this, if any; what needs no gradient may pause it.

        Returns:
          float32 [B], and scalars to report.
        """

    def _loss(
        self,
        experience: Experience,
        weights: types.Tensor | None = None,
        training: bool = False,
    ) -> tf_agent.LossInfo:
        """Computes the loss at the current step without training; weights [B] are optional."""
        seed, replica = self._draws()

        def of_block(experience, weights, block):
            info = self._reduced_loss(experience, weights, seed, replica, block, training, None)
            return _share(info, block)

        loss_info = self._over_blocks(of_block, experience, weights)
        if training:
            dense.store_power_iterations(self._cloning_network)
        return loss_info

    def examine(
        self, experience: Experience, replica: int = 0, replicas: int = 1
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], list[tf.Tensor]]:
        """Computes again what a training step at this step would, without making it.

        Args:
          experience: Observations and actions of a replica.
          replica: Which replica of the training step to repeat.
          replicas: How many there are.

        Returns:
          The loss of each example, float32 [B]; scalars; the gradient of their mean with respect
          to each of the network's trainable variables.
        """
        seed = self._step_seed()
        with tf.GradientTape() as tape:
            losses, scalars = self._seeded_losses(experience, seed, replica, replicas, True, tape)
            total = tf.reduce_mean(losses)
        return losses, scalars, self._gradients(total, tape)

    def _train(
        self, experience: Experience, weights: types.Tensor | None = None
    ) -> tf_agent.LossInfo:
        """Makes one optimizer step.

        Raises:
          tf.errors.InvalidArgumentError: The loss or its gradient is not finite; names the step.
            The weights are then as they were before the step.
        """
        loss_info, gradients = self._gradients_fn(experience, weights, *self._draws())
        variables = self._cloning_network.trainable_variables
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(loss_info.loss) & tf.math.is_finite(norm)
        step = tf.identity(self.train_step_counter)
        message = ["The loss or its gradient is not finite at training step", step]
        check = tf.debugging.Assert(finite, [*message, "loss:", loss_info.loss])
        with tf.control_dependencies([] if check is None else [check]):
            gradients = [tf.identity(gradient) for gradient in gradients]
            one = tf.ones([], self.train_step_counter.dtype)
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self.train_step_counter.assign_add(one)
        if self.summarize_grads_and_vars:
            norms = dict(gradients_norm=norm, variables_norm=tf.linalg.global_norm(variables))
            loss_info.extra.update(_per_replica(norms))
        return loss_info

    def _loss_and_gradients(
        self,
        experience: Experience,
        weights: types.Tensor | None,
        seed: tf.Tensor,
        replica: tf.Tensor,
    ) -> tuple[tf_agent.LossInfo, list[tf.Tensor]]:
        def of_block(experience, weights, block):
            with tf.GradientTape() as tape:
                info = self._reduced_loss(experience, weights, seed, replica, block, True, tape)
                share = _share(info, block)
            return share, self._gradients(share.loss, tape)

        found = self._over_blocks(of_block, experience, weights)
        dense.store_power_iterations(self._cloning_network)
        return found

    def _gradients(self, loss: tf.Tensor, tape: tf.GradientTape) -> list[tf.Tensor]:
        variables = self._cloning_network.trainable_variables
        unconnected = tf.UnconnectedGradients.ZERO
        return tape.gradient(loss, variables, unconnected_gradients=unconnected)

    def _over_blocks(
        self, fn: Callable[..., Any], experience: types.NestedTensor, weights: types.Tensor | None
    ) -> Any:
        """Sums over blocks of the batch what a function of them gives for each.

        Args:
          fn: Maps experience and weights of B / n examples, and the block (i, n), to a nest of
            tensors.
          experience: Nest of tensors [B, ...]; actions are its second element.
          weights: float32 [B] or None.
        """
        batch = experience[1].shape[0]
        count = 1
        shapes = [tensor.shape for tensor in tf.nest.flatten(experience)]
        if weights is not None:
            shapes.append(tf.convert_to_tensor(weights).shape)
        # Scalar weights are those of all examples.
        known = all(shape.is_fully_defined() and shape.rank for shape in shapes)
        if known and not _sees_whole_batch(self._cloning_network):
            count = gradient_blocks.num_blocks(batch, self._rows_per_example(), lanes.count())
        if count == 1:
            return fn(experience, weights, (0, 1))
        if weights is None:
            weights = tf.ones([batch])

        def part(index):
            of_block = gradient_blocks.block((experience, weights), index, count)
            return fn(*of_block, (index, count))

        return gradient_blocks.summed(part, count)

    def _rows_per_example(self) -> int:
        """Returns how many rows of activations an example takes."""
        return 1

    def _reduced_loss(
        self,
        experience: Experience,
        weights: types.Tensor | None,
        seed: tf.Tensor,
        replica: tf.Tensor,
        block: tuple[types.Int, int],
        training: bool,
        tape: tf.GradientTape | None,
    ) -> tf_agent.LossInfo:
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        per_example, extra = self._seeded_losses(
            experience, seed, replica, replicas, training, tape, block
        )
        return reduced(per_example, extra, weights)

    def _seeded_losses(
        self,
        experience: Experience,
        seed: tf.Tensor,
        replica: types.Int,
        replicas: int,
        training: bool,
        tape: tf.GradientTape | None,
        block: tuple[types.Int, int] = (0, 1),
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        seeds = tf.random.split(tf.random.fold_in(seed, tf.zeros([], tf.int64)), 2)
        dropout_seed, loss_seed = tf.unstack(seeds)
        key = keys.Key(dropout_seed, replica).part(*block) if training else False
        with draws.share_of_batch(replica, replicas), draws.share_of_batch(*block):
            return self._losses(experience, loss_seed, key, tape)

    def _draws(self) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns the seed of the current training step, and the replica that this is."""
        context = tf.distribute.get_replica_context()
        replica = context.replica_id_in_sync_group if context is not None else 0
        return self._step_seed(), tf.convert_to_tensor(replica, tf.int32)

    def _step_seed(self) -> tf.Tensor:
        seed = tf.constant([self._seed, 0], tf.int64)
        return tf.random.fold_in(seed, tf.cast(self.train_step_counter, tf.int64))


def _sees_whole_batch(cloning_network: network.Network) -> bool:
    """Tells whether a call changes more than spectral norm's vectors: a batch's averages, say."""
    layers = cloning_network.submodules
    vectors = [layer.sn.ref() for layer in layers if isinstance(layer, dense.DenseSN)]
    return any(v.ref() not in vectors for v in cloning_network.non_trainable_variables)


def _share(info: tf_agent.LossInfo, block: tuple[types.Int, int]) -> tf_agent.LossInfo:
    """Returns what a block's means contribute to those of all equal blocks."""
    return tf.nest.map_structure(lambda mean: mean / block[1], info)


def paused(tape: tf.GradientTape | None) -> contextlib.AbstractContextManager:
    """Returns a context in which the tape, if there is one, records nothing."""
    return contextlib.nullcontext() if tape is None else tape.stop_recording()


def reduced(
    per_example: tf.Tensor, extra: dict[str, tf.Tensor], weights: types.Tensor | None
) -> tf_agent.LossInfo:
    """Reduces losses [B] to their weighted mean over all replicas' examples."""
    total = common.aggregate_losses(per_example, sample_weight=weights).total_loss
    return tf_agent.LossInfo(total, _per_replica(extra))


def _per_replica(scalars: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    return {name: scalar / replicas for name, scalar in scalars.items()}
