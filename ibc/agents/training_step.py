"""The training step: keys, blocks of the batch, gradients, and the optimizer's update."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.networks import network
from tf_agents.typing import types
from tf_agents.utils import common

from ibc.networks.layers import dense
from ibc.utils import keys
from ibc.utils.parallel import blocks, lanes

Experience = tuple[types.NestedTensor, tf.Tensor]
"""Observations, a nest of normalized windows [B, T, ...], and flat normalized actions [B, A]."""

Losses = tuple[tf.Tensor, dict[str, tf.Tensor]]
"""The loss of each example, float32 [B], and scalars to report."""


@dataclasses.dataclass(frozen=True)
class Step:
    """What losses follow from besides the data and the weights."""

    key: keys.Key
    """Of everything that a loss draws, but dropout's masks."""
    training: keys.Key | bool
    """In a training step the key of dropout's masks, otherwise False."""
    tape: tf.GradientTape | None
    """The tape that records this, if any."""

    def unrecorded(self) -> contextlib.AbstractContextManager:
        """Returns a context in which nothing is remembered for backpropagation."""
        return contextlib.nullcontext() if self.tape is None else self.tape.stop_recording()


class TrainingStep:
    """Losses of a batch, and optimizer steps on them.

    A loss is a function of the seed, the training step, the weights and the batch; nothing else is
    random. Replicas that share a batch, and blocks in which it is worked on, draw what would be
    drawn for all of it. Scalars are divided by the number of replicas, so that their sum over
    replicas is their mean.
    """

    def __init__(
        self,
        losses: Callable[[Experience, Step], Losses],
        rows_per_example: Callable[[], int],
        cloning_network: network.Network,
        optimizer: types.Optimizer,
        counter: tf.Variable,
        seed: int,
        jit_compile: bool,
    ):
        """Creates the step.

        Args:
          losses: Computes the loss of each example.
          rows_per_example: Returns how many rows of activations an example takes.
          cloning_network: The network to train, its variables created.
          optimizer: Keras optimizer.
          counter: Scalar int64, incremented once per step.
          seed: Seed of everything random in the losses.
          jit_compile: Compiles loss and gradients with XLA.
        """
        self._losses = losses
        self._rows_per_example = rows_per_example
        self._network = cloning_network
        self._optimizer = optimizer
        self._counter = counter
        self._seed = seed
        gradients_fn = self._loss_and_gradients
        self._gradients_fn = (
            tf.function(gradients_fn, jit_compile=True, autograph=False)
            if jit_compile
            else gradients_fn
        )

    def loss(
        self, experience: Experience, weights: types.Tensor | None, training: bool
    ) -> tf_agent.LossInfo:
        """Computes the loss at the current step without an update; weights [B] are optional."""
        key = self._key().part(_replica(), _num_replicas())

        def of_block(experience, weights, index, count):
            step = _step(key.part(index, count), training, None)
            return _share(_reduced(*self._losses(experience, step), weights), count)

        info = self._over_blocks(of_block, experience, weights)
        if training:
            dense.store_power_iterations(self._network)
        return info

    def train(
        self, experience: Experience, weights: types.Tensor | None, report_norms: bool
    ) -> tf_agent.LossInfo:
        """Makes one optimizer step.

        Raises:
          tf.errors.InvalidArgumentError: The loss or its gradient is not finite; names the step.
            The weights are then as they were before the step.
        """
        key = self._key().part(_replica(), _num_replicas())
        loss_info, gradients = self._gradients_fn(experience, weights, key)
        variables = self._network.trainable_variables
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(loss_info.loss) & tf.math.is_finite(norm)
        message = ["The loss or its gradient is not finite at training step"]
        message += [tf.identity(self._counter), "loss:", loss_info.loss]
        check = tf.debugging.Assert(finite, message)
        with tf.control_dependencies([] if check is None else [check]):
            gradients = [tf.identity(gradient) for gradient in gradients]
            one = tf.ones([], self._counter.dtype)
        self._optimizer.apply_gradients(zip(gradients, variables, strict=True))
        self._counter.assign_add(one)
        if report_norms:
            norms = dict(gradients_norm=norm, variables_norm=tf.linalg.global_norm(variables))
            loss_info.extra.update(_per_replica(norms))
        return loss_info

    def examine(
        self, experience: Experience, replica: int, replicas: int
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor], list[tf.Tensor]]:
        """Computes again what the step of a replica would, without making it.

        Returns:
          The loss of each example, float32 [B]; scalars; the gradient of their mean with respect
          to each of the network's trainable variables.
        """
        with tf.GradientTape() as tape:
            step = _step(self._key().part(replica, replicas), True, tape)
            losses, scalars = self._losses(experience, step)
            total = tf.reduce_mean(losses)
        return losses, scalars, self._gradients(total, tape)

    def _loss_and_gradients(
        self, experience: Experience, weights: types.Tensor | None, key: keys.Key
    ) -> tuple[tf_agent.LossInfo, list[tf.Tensor]]:
        def of_block(experience, weights, index, count):
            with tf.GradientTape() as tape:
                step = _step(key.part(index, count), True, tape)
                info = _share(_reduced(*self._losses(experience, step), weights), count)
            return info, self._gradients(info.loss, tape)

        result = self._over_blocks(of_block, experience, weights)
        dense.store_power_iterations(self._network)
        return result

    def _gradients(self, loss: tf.Tensor, tape: tf.GradientTape) -> list[tf.Tensor]:
        variables = self._network.trainable_variables
        unconnected = tf.UnconnectedGradients.ZERO
        return tape.gradient(loss, variables, unconnected_gradients=unconnected)

    def _over_blocks(
        self, fn: Callable[..., Any], experience: Experience, weights: types.Tensor | None
    ) -> Any:
        """Sums over blocks of the batch what a function of them gives for each.

        Args:
          fn: Maps experience and weights of B / n examples, the block's index and n to a nest of
            tensors.
          experience: Nest of tensors [B, ...]; actions are its second element.
          weights: float32 [B] or None.
        """
        batch = experience[1].shape[0]
        shapes = [tensor.shape for tensor in tf.nest.flatten(experience)]
        if weights is not None:
            shapes.append(tf.convert_to_tensor(weights).shape)
        count = 1
        # Scalar weights are those of all examples.
        known = all(shape.is_fully_defined() and shape.rank for shape in shapes)
        if known and not _sees_whole_batch(self._network):
            count = blocks.num_blocks(batch, self._rows_per_example(), lanes.count())
        if count == 1:
            return fn(experience, weights, 0, 1)
        if weights is None:
            weights = tf.ones([batch])

        def of_block(index):
            return fn(*blocks.block((experience, weights), index, count), index, count)

        return blocks.summed(of_block, count)

    def _key(self) -> keys.Key:
        """Returns the key of the current training step, for the whole batch."""
        seed = tf.constant([self._seed, 0], tf.int64)
        return keys.Key(tf.random.fold_in(seed, tf.cast(self._counter, tf.int64)))


def _step(key: keys.Key, training: bool, tape: tf.GradientTape | None) -> Step:
    folded = keys.Key(tf.random.fold_in(key.seed, tf.zeros([], tf.int64)), key.share)
    dropout_key, loss_key = folded.split(2)
    return Step(loss_key, dropout_key if training else False, tape)


def _sees_whole_batch(cloning_network: network.Network) -> bool:
    """Tells whether a call changes more than spectral norm's vectors: a batch's averages, say."""
    layers = cloning_network.submodules
    vectors = [layer.sn.ref() for layer in layers if isinstance(layer, dense.DenseSN)]
    return any(v.ref() not in vectors for v in cloning_network.non_trainable_variables)


def _reduced(
    per_example: tf.Tensor, extra: dict[str, tf.Tensor], weights: types.Tensor | None
) -> tf_agent.LossInfo:
    """Reduces losses [B] to their weighted mean over all replicas' examples."""
    total = common.aggregate_losses(per_example, sample_weight=weights).total_loss
    return tf_agent.LossInfo(total, _per_replica(extra))


def _share(info: tf_agent.LossInfo, count: int) -> tf_agent.LossInfo:
    """Returns what one of `count` equal blocks contributes to the means of all."""
    return tf.nest.map_structure(lambda mean: mean / count, info)


def _per_replica(scalars: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: scalar / _num_replicas() for name, scalar in scalars.items()}


def _num_replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def _replica() -> tf.Tensor:
    """Returns which of the replicas that share the batch this is."""
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context is not None else 0
    return tf.convert_to_tensor(replica, tf.int32)
