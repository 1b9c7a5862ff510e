"""A trained actor as a policy of the task: plain observations in, actions of its box out."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from tf_agents.networks import network
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.typing import types

from ibc.agents import mse_agent
from ibc.networks import tanh_gaussian
from ibc.samplers import action_space


class PlainActor(network.Network):
    """tanh(μ(s)) in the environment's units, of observation windows of one frame.

    Dict observations are flattened by sorted key. The absorbing bit, if the actor knows one, is
    added here: nobody asks for an action in the absorbing state.
    """

    def __init__(
        self,
        observation_spec: types.NestedTensorSpec,
        action_spec: types.BoundedTensorSpec,
        actor: "Actor",
        absorbing: bool,
        name: str = "PlainActor",
    ):
        """Creates the network around an actor.

        Args:
          observation_spec: Nest of specs [1, ...], of windows of one frame.
          action_spec: The task's box, of finite bounds.
          actor: The network that was trained.
          absorbing: Whether its observations end with the absorbing bit.
          name: Name of the network.

        Raises:
          ValueError: The box has infinite bounds.
        """
        super().__init__(input_tensor_spec=observation_spec, state_spec=(), name=name)
        low, high = _flat_bounds(action_spec)
        if not np.isfinite(high - low).all():
            raise ValueError(f"Actions need finite bounds, but the task's are {action_spec}.")
        self._middle, self._half = (low + high) / 2, (high - low) / 2
        self._actor, self._absorbing = actor, absorbing

    @property
    def trainable_weights(self) -> list[tf.Variable]:
        """The actor's variables, which Keras does not look for in a module."""
        return self._actor.weights

    @property
    def weights(self) -> list[tf.Variable]:
        """The same."""
        return self._actor.weights

    def call(self, observation, step_type=(), network_state=(), training=False):
        """Returns flat actions [B, A] of observations [B, 1, ...], and the network's state."""
        del step_type, training
        mean, _ = self._actor.moments(flat(observation, self._absorbing))
        return self._middle + self._half * tf.tanh(mean), network_state


class BoundedMean(tf.Module):
    """A mean action within ±1 as an actor whose actions are tanh of its means."""

    _LARGEST = 1 - 1e-6

    def __init__(
        self,
        mean: Callable[[tf.Tensor], tf.Tensor],
        weights: Sequence[tf.Variable],
        name: str = "actor",
    ):
        """Wraps a network.

        Args:
          mean: From observations [B, O] to actions [B, A], cut off at ±1.
          weights: Its variables.
          name: Name of the module.
        """
        super().__init__(name=name)
        self._mean, self.weights = mean, list(weights)

    def moments(self, observation: tf.Tensor) -> tuple[tf.Tensor, None]:
        """Returns means before tanh, [B, A], and no deviation."""
        mean = tf.clip_by_value(self._mean(observation), -self._LARGEST, self._LARGEST)
        return tf.atanh(mean), None


Actor = tanh_gaussian.TanhGaussian | BoundedMean
"""What gives means before tanh."""


def flat(observation: types.NestedTensor, absorbing: bool) -> tf.Tensor:
    """Returns observations as the actor sees them, float32 [B, O].

    Args:
      observation: Nest of tensors [B, ...], flattened by sorted key.
      absorbing: Whether to append the absorbing bit, 0.
    """
    leaves = tf.nest.flatten(observation)
    sizes = [leaf.shape[1:].num_elements() for leaf in leaves]
    parts = [
        tf.cast(tf.reshape(leaf, [-1, size]), tf.float32)
        for leaf, size in zip(leaves, sizes, strict=True)
    ]
    if absorbing:
        parts.append(tf.zeros_like(parts[0][:, :1]))
    return tf.concat(parts, axis=-1)


def policy(
    time_step_spec: ts.TimeStep,
    action_spec: types.BoundedTensorSpec,
    actor: Actor,
    absorbing: bool,
) -> mse_agent.MsePolicy:
    """Returns the greedy policy of an actor, which is exported and deployed as a regression is.

    Args:
      time_step_spec: Of the task, with observation windows of one frame.
      action_spec: The task's box.
      actor: The network that was trained.
      absorbing: Whether its observations end with the absorbing bit.
    """
    network_of_task = PlainActor(time_step_spec.observation, action_spec, actor, absorbing)
    low, high = _flat_bounds(action_spec)
    sampling_spec = tensor_spec.BoundedTensorSpec(low.shape, tf.float32, low, high)
    space = action_space.ActionSpace.bounded(action_spec, sampling_spec)
    return mse_agent.MsePolicy(time_step_spec, space, network_of_task)


def _flat_bounds(action_spec: types.BoundedTensorSpec) -> tuple[np.ndarray, np.ndarray]:
    """Returns lower and upper bounds, float32 [A] each."""
    low, high = (
        np.broadcast_to(np.float32(bound), action_spec.shape).reshape(-1)
        for bound in (action_spec.minimum, action_spec.maximum)
    )
    return low, high
