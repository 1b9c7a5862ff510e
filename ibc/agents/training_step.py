"""The training step: keys, blocks of the batch, gradients, and the optimizer's update."""

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tf_agents.agents import tf_agent
from tf_agents.networks import network as tfa_network
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


@dataclasses.dataclass(eq=False)
class TrainingStep:
    """Losses of a batch, and optimizer steps on them.

    A loss is a function of the seed, the training step, the weights and the batch; nothing else is
    random. Replicas that share a batch, and blocks in which it is worked on, draw what would be
    drawn for all of it. Scalars are divided by the number of replicas, so that their sum over
    replicas is their mean.
    """

    losses: Callable[[Experience, Step], Losses]
    """Computes the loss of each example."""
    rows_per_example: Callable[[], int]
    """Returns how many rows of activations an example takes."""
    network: tfa_network.Network
    """The network to train, its variables created."""
    optimizer: types.Optimizer
    """Keras optimizer."""
    counter: tf.Variable
    """Scalar int64, incremented once per step."""
    seed: int
    """Seed of everything random in the losses."""
    jit_compile: bool
    """Compiles loss and gradients with XLA."""

    def __post_init__(self):
        if self.jit_compile:
            compiled = tf.function(self._loss_and_gradients, jit_compile=True, autograph=False)
            self._loss_and_gradients = compiled

    def loss(
        self, experience: Experience, weights: types.Tensor | None, training: bool
    ) -> tf_agent.LossInfo:
        """Computes the loss at the current step without an update; weights [B] are optional."""
        key = self._key().part(_replica(), _num_replicas())

        def of_block(experience, weights, index, count):
            step = _step(key.part(index, count), training, None)
            return self._share(experience, weights, step, count)

        info = self._over_blocks(of_block, experience, weights)
        if training:
            dense.store_power_iterations(self.network)
        return info

    def train(
        self, experience: Experience, weights: types.Tensor | None, report_norm_of_variables: bool
    ) -> tf_agent.LossInfo:
        """Makes one optimizer step.

        Raises:
          tf.errors.InvalidArgumentError: The loss or its gradient is not finite; names the step.
            The weights are then as they were before the step.
        """
        key = self._key().part(_replica(), _num_replicas())
        loss_info, gradients = self._loss_and_gradients(experience, weights, key)
        variables = self.network.trainable_variables
        norm = tf.linalg.global_norm(gradients)
        finite = tf.math.is_finite(norm)
        if self._scaling:  # The optimizer leaves out the step, and tries a smaller scale.
            finite |= self._scaling.loss_scale > 1
        finite &= tf.math.is_finite(loss_info.loss)
        message = ["The loss or its gradient is not finite at training step"]
        message += [tf.identity(self.counter), "loss:", loss_info.loss]
        check = tf.debugging.Assert(finite, message)
        with tf.control_dependencies([] if check is None else [check]):
            gradients = [tf.identity(gradient) for gradient in gradients]
            one = tf.ones([], self.counter.dtype)
        # Over one replica Keras would sum, too, in a function whose gradient TensorFlow keeps as
        # long as the process lives, and with it the graph of the step.
        is_sum = _num_replicas() > 1
        pairs = zip(gradients, variables, strict=True)
        self.optimizer.apply_gradients(pairs, experimental_aggregate_gradients=is_sum)
        self.counter.assign_add(one)
        norms = {"gradients_norm": norm}
        if report_norm_of_variables:
            norms["variables_norm"] = tf.linalg.global_norm(variables)
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
            losses, scalars = self.losses(experience, step)
            total = tf.reduce_mean(losses)
        return losses, scalars, self._gradients(total, tape)

    def _loss_and_gradients(
        self, experience: Experience, weights: types.Tensor | None, key: keys.Key
    ) -> tuple[tf_agent.LossInfo, list[tf.Tensor]]:
        def of_block(experience, weights, index, count):
            with tf.GradientTape() as tape:
                step = _step(key.part(index, count), True, tape)
                info = self._share(experience, weights, step, count)
                scaled = self._scaling.get_scaled_loss(info.loss) if self._scaling else info.loss
            return info, self._gradients(scaled, tape)

        info, gradients = self._over_blocks(of_block, experience, weights)
        dense.store_power_iterations(self.network)
        if self._scaling:
            gradients = self._scaling.get_unscaled_gradients(gradients)
        return info, gradients

    @property
    def _scaling(self) -> tf.keras.mixed_precision.LossScaleOptimizer | None:
        """The optimizer if it scales losses, as float16 needs it."""
        scales = isinstance(self.optimizer, tf.keras.mixed_precision.LossScaleOptimizer)
        return self.optimizer if scales else None

    def _share(
        self, experience: Experience, weights: types.Tensor | None, step: Step, count: int
    ) -> tf_agent.LossInfo:
        """Returns what one of `count` equal blocks contributes to the means over all replicas."""
        per_example, extra = self.losses(experience, step)
        total = common.aggregate_losses(per_example, sample_weight=weights).total_loss
        info = tf_agent.LossInfo(total, _per_replica(extra))
        return tf.nest.map_structure(lambda mean: mean / count, info)

    def _gradients(self, loss: tf.Tensor, tape: tf.GradientTape) -> list[tf.Tensor]:
        variables = self.network.trainable_variables
        unconnected = tf.UnconnectedGradients.ZERO
        return tape.gradient(loss, variables, unconnected_gradients=unconnected)

    def _over_blocks(
        self, fn: Callable[..., Any], experience: Experience, weights: types.Tensor | None
    ) -> Any:
        """Sums what fn(experience, weights, index, n) gives for each of n blocks of the batch."""
        batch = experience[1].shape[0]
        shapes = [tensor.shape for tensor in tf.nest.flatten(experience)]
        if weights is not None:
            shapes.append(tf.convert_to_tensor(weights).shape)
        count = 1
        # Scalar weights are those of all examples.
        known = all(shape.is_fully_defined() and shape.rank for shape in shapes)
        if known and not _sees_whole_batch(self.network):
            most = blocks.max_rows(numbers_per_row(self.network))
            count = blocks.num_blocks(batch, self.rows_per_example(), lanes.count(), most)
        if count == 1:
            return fn(experience, weights, 0, 1)
        if weights is None:
            weights = tf.ones([batch])

        def of_block(index):
            return fn(*blocks.block((experience, weights), index, count), index, count)

        return blocks.summed(of_block, count)

    def _key(self) -> keys.Key:
        """Returns the key of the current training step, for the whole batch."""
        seed = tf.constant([self.seed, 0], tf.int64)
        return keys.Key(tf.random.fold_in(seed, tf.cast(self.counter, tf.int64)))


def _step(key: keys.Key, training: bool, tape: tf.GradientTape | None) -> Step:
    folded = keys.Key(tf.random.fold_in(key.seed, tf.zeros([], tf.int64)), key.share)
    dropout_key, loss_key = folded.split(2)
    return Step(loss_key, dropout_key if training else False, tape)


def _sees_whole_batch(cloning_network: tfa_network.Network) -> bool:
    """Tells whether a call changes more than spectral norm's vectors: a batch's averages, say."""
    layers = cloning_network.submodules
    vectors = [layer.sn.ref() for layer in layers if isinstance(layer, dense.DenseSN)]
    return any(v.ref() not in vectors for v in cloning_network.non_trainable_variables)


def numbers_per_row(network: tfa_network.Network) -> int:
    """Returns about how many activations a row has: as many as there are biases."""
    return sum(v.shape[0] for v in network.trainable_variables if v.shape.rank == 1)


def _per_replica(scalars: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    return {name: scalar / _num_replicas() for name, scalar in scalars.items()}


def _num_replicas() -> int:
    return tf.distribute.get_strategy().num_replicas_in_sync


def _replica() -> tf.Tensor:
    """Returns which of the replicas that share the batch this is."""
    context = tf.distribute.get_replica_context()
    replica = context.replica_id_in_sync_group if context is not None else 0
    return tf.convert_to_tensor(replica, tf.int32)
