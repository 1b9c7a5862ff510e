"""Energy networks: encode an observation once, score many actions. A score is −E."""

import abc
from collections.abc import Callable
from typing import Any

import tensorflow as tf
from tf_agents.networks import network
from tf_agents.typing import types

from ibc.networks.encoders import flat
from ibc.networks.layers import dense, dense_stack, dropout


class EnergyNetwork(network.Network, abc.ABC):
    """A network E(o, a) that scores actions by −E: higher is better.

    Subclasses implement `encode` and `score`. In a training step `encode` and `score` are
    called with `training` at most once each, in this order, for each block of the batch.
    Calls between them without `training` (a sampler's) see the same weights.
    """

    head = "energy"

    def __init__(self, obs_spec: types.NestedTensorSpec, action_spec: tf.TensorSpec, name: str):
        """Remembers the specs.

        Args:
          obs_spec: Nest of specs of one normalized observation window, [T, ...] each.
          action_spec: Spec of one flat normalized action, [A].
          name: Name of the network.

        Raises:
          ValueError: The action is not one vector.
        """
        if tf.nest.is_nested(action_spec) or action_spec.shape.rank != 1:
            raise ValueError(
                f"An energy network scores flat actions, one vector each, not {action_spec}."
            )
        super().__init__(input_tensor_spec=(obs_spec, action_spec), state_spec=(), name=name)

    @abc.abstractmethod
    def encode(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Computes what does not depend on the action.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          training: See `dropout.Training`.

        Returns:
          The encoding, a tensor [B, ...].
        """

    @abc.abstractmethod
    def score(
        self, encoding: tf.Tensor, actions: tf.Tensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Scores actions under encoded observations; higher is better.

        Args:
          encoding: Output of `encode` for B observations.
          actions: float32 [B, N, A], normalized.
          training: See `dropout.Training`.

        Returns:
          float32 [B, N].
        """

    def call(
        self,
        inputs: tuple[types.NestedTensor, tf.Tensor],
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: dropout.Training = False,
    ) -> tuple[tf.Tensor, tuple]:
        """Scores one action per observation.

        Args:
          inputs: Observation nest [B, T, ...] and actions [B, A], both normalized.
          step_type: Not used.
          network_state: Passed through.
          training: See `dropout.Training`.

        Returns:
          float32 [B] and the network state.
        """
        del step_type
        observation, action = inputs
        encoding = self.encode(observation, training)
        scores = self.score(encoding, action[:, tf.newaxis], training)
        return tf.squeeze(scores, axis=1), network_state


class EncodedEnergyNetwork(EnergyNetwork):
    """−E(o, a) = stack([encoder(o), a]), of dense layers that end in one unit.

    The stack's first product is split: its observation rows are multiplied once per observation,
    its action rows once per action, which equals multiplying the concatenation.
    """

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        encoder: Callable[..., tf.Tensor],
        stack: dense_stack.DenseStack,
        last: dense.Dense | None,
        name: str,
    ):
        """Creates the network; its variables come with `create_variables`.

        Args:
          obs_spec: Nest of specs of one normalized observation window, [T, ...] each.
          action_spec: Spec of one flat normalized action, [A].
          encoder: See `encoders.flat`.
          stack: Dense layers.
          last: A linear layer of one unit after the stack, unless the stack ends in one.
          name: Name of the network.

        Raises:
          ValueError: The action is not one vector.
        """
        super().__init__(obs_spec, action_spec, name)
        self._encoder = encoder
        # These attributes' names are those of checkpoints.
        self._stack = stack
        self._head = last

    def build(self, input_shape: Any) -> None:
        """Creates the variables, whose shapes follow from the specs."""
        obs_spec, action_spec = self.input_tensor_spec
        features = self._encoder(flat.zeros(obs_spec))
        hidden = self._stack(tf.concat([features, flat.zeros(action_spec)], axis=-1))
        if self._head is not None:
            self._head(hidden)
        super().build(input_shape)

    def encode(
        self, observation: types.NestedTensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Encodes observations and multiplies by the first layer's observation rows: [B, width]."""
        return self._stack.first_layer.apply_to_first(self._encoder(observation, training=training))

    def score(
        self, encoding: tf.Tensor, actions: tf.Tensor, training: dropout.Training = False
    ) -> tf.Tensor:
        """Scores actions [B, N, A] under encodings [B, width]; returns [B, N]."""
        count, size = tf.shape(actions)[1], actions.shape[2]
        per_action = self._stack.first_layer.apply_to_last(tf.reshape(actions, [-1, size]))
        width = per_action.shape[1]
        hidden = encoding[:, tf.newaxis] + tf.reshape(per_action, [-1, count, width])
        # Rows, not [B, N, width]: one large matrix product per layer.
        rows = tf.reshape(hidden, [-1, width])
        scores = tf.reshape(self._stack.after_first(rows, training, self._head), [-1, count])
        scores.set_shape(actions.shape[:2])
        return scores
