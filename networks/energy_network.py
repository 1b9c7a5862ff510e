"""What every energy network offers: encode an observation once, score many actions."""

import abc

import tensorflow as tf
from tf_agents.networks import network
from tf_agents.typing import types


class EnergyNetwork(network.Network, abc.ABC):
    """A network E(o, a) whose output is higher for better actions.

    Subclasses implement `encode` and `score`. In a training step `encode` and `score` are
    called with `training=True` at most once each, in this order, for each block of the batch;
    there is one block where such calls change variables, spectral norm's vectors aside. Calls
    between them with `training=False` (a sampler's) see the same weights.
    """

    def __init__(
        self,
        obs_spec: types.NestedTensorSpec,
        action_spec: tf.TensorSpec,
        name: str,
    ):
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
    def encode(self, observation: types.NestedTensor, training: bool = False) -> tf.Tensor:
        """Computes what does not depend on the action.

        Args:
          observation: Nest of tensors [B, T, ...], normalized.
          training: Whether this is part of a training step.

        Returns:
          The encoding, a tensor [B, ...].
        """

    @abc.abstractmethod
    def score(self, encoding: tf.Tensor, actions: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Scores actions under encoded observations; higher is better.

        Args:
          encoding: Output of `encode` for B observations.
          actions: float32 [B, N, A], normalized.
          training: Whether this is part of a training step.

        Returns:
          float32 [B, N].
        """

    def call(
        self,
        inputs: tuple[types.NestedTensor, tf.Tensor],
        step_type: tf.Tensor | None = None,
        network_state: tuple = (),
        training: bool = False,
    ) -> tuple[tf.Tensor, tuple]:
        """Scores one action per observation.

        Args:
          inputs: Observation nest [B, T, ...] and actions [B, A], both normalized.
          step_type: Not used.
          network_state: Passed through.
          training: Whether this is part of a training step.

        Returns:
          float32 [B] and the network state.
        """
        del step_type
        observation, action = inputs
        encoding = self.encode(observation, training=training)
        scores = self.score(encoding, action[:, tf.newaxis], training=training)
        return tf.squeeze(scores, axis=1), network_state
