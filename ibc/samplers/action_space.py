"""The space that actions are sampled in: bounds, shape and normalization of flat actions."""

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from tf_agents.typing import types

from ibc.samplers import draws
from ibc.utils import keys


@dataclasses.dataclass(frozen=True)
class ActionSpace:
    """Flat normalized actions [A] within bounds, and the environment's actions they stand for."""

    spec: tf.TensorSpec
    """Of the environment's action: one tensor of A real numbers, of any shape."""
    minimum: tf.Tensor
    """Lower bounds of normalized actions, float32 [A]."""
    maximum: tf.Tensor
    """Upper bounds of normalized actions, float32 [A]."""
    denormalize: Callable[[tf.Tensor], tf.Tensor] | None = None
    """Maps normalized actions [..., A] to the environment's units; None leaves them as they are."""
    normal_std: float | None = None
    """Standard deviation of a normal distribution around 0 that actions are drawn from; None draws
    them uniformly within the bounds."""

    @classmethod
    def bounded(
        cls,
        action_spec: tf.TensorSpec,
        sampling_spec: types.BoundedTensorSpec,
        denormalize: Callable[[tf.Tensor], tf.Tensor] | None = None,
    ) -> "ActionSpace":
        """Makes the space of an environment's actions, sampled within the bounds of a spec.

        Args:
          action_spec: Spec of the environment's action.
          sampling_spec: Bounded spec [A] of flat normalized actions.
          denormalize: Maps normalized actions to the environment's.

        Raises:
          ValueError: The action is a nest or no real numbers, the sampling spec has another number
            of dimensions, or a lower bound exceeds its upper bound.
        """
        check_action_spec(action_spec)
        shape = [action_spec.shape.num_elements()]
        if sampling_spec.shape.as_list() != shape:
            raise ValueError(
                f"action_sampling_spec has the shape {sampling_spec.shape}, but the "
                f"environment's action, flattened, has {shape}."
            )
        minimum, maximum = (
            np.broadcast_to(np.asarray(bound, np.float32), shape)
            for bound in (sampling_spec.minimum, sampling_spec.maximum)
        )
        if not np.all(minimum <= maximum):
            raise ValueError(
                f"action_sampling_spec's minimum {minimum} exceeds its maximum {maximum}."
            )
        return cls(action_spec, tf.constant(minimum), tf.constant(maximum), denormalize)

    @property
    def size(self) -> int:
        """A, the number of dimensions."""
        return self.minimum.shape[0]

    def uniform(self, batch: types.Int, count: int, key: keys.Key) -> tf.Tensor:
        """Draws `count` actions within the bounds for each of `batch` rows: float32 [B, N, A]."""
        unit = draws.uniform([batch, count, self.size], key)
        return self.minimum + unit * (self.maximum - self.minimum)

    def draw(self, batch: types.Int, count: int, key: keys.Key) -> tf.Tensor:
        """Draws `count` normalized actions for each of `batch` rows: float32 [B, N, A]."""
        if self.normal_std is None:
            return self.uniform(batch, count, key)
        return self.normal_std * draws.normal([batch, count, self.size], key)

    def log_density(self, actions: tf.Tensor) -> tf.Tensor | float:
        """Returns the log density, up to a constant, that `draw` has at actions [B, N, A]: [B, N].

        A uniform one is the same everywhere.
        """
        if self.normal_std is None:
            return 0.0
        return -0.5 * tf.reduce_sum(tf.square(actions / self.normal_std), axis=-1)

    def clip(self, actions: tf.Tensor) -> tf.Tensor:
        """Clips normalized actions [..., A] to the bounds."""
        return tf.clip_by_value(actions, self.minimum, self.maximum)

    def to_environment(self, actions: tf.Tensor) -> tf.Tensor:
        """Maps normalized actions [B, N, A] to the environment's: [B, N, *shape of the spec]."""
        if self.denormalize is not None:
            actions = self.denormalize(actions)
        shaped = tf.reshape(actions, [-1, actions.shape[1], *self.spec.shape])
        return tf.cast(shaped, self.spec.dtype)


def check_action_spec(action_spec: types.NestedTensorSpec) -> None:
    """Raises ValueError unless the action is one tensor of real numbers."""
    if tf.nest.is_nested(action_spec) or not action_spec.dtype.is_floating:
        raise ValueError(f"Actions must be one tensor of real numbers, but are {action_spec}.")
