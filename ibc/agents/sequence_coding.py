"""Frames of reference: what an agent of action sequences sees and does, in place of raw numbers.

Observations may be taken relative to where a reference is now, a gripper say, and so may actions;
a chunk of actions may be reduced to its principal components. Every quantity has its own scale.
"""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from tf_agents.typing import types

RELATIVE, DISPLACEMENT = "_relative", "_displacement"


class SequenceCoding(tf.Module):
    """Maps observations to an agent's, and chunks of actions to an agent's flat actions, and back.

    Its statistics are variables, so they are kept in checkpoints and exported with a policy. An
    observation key `k` becomes, as far as there is a scale for it,

    * `k`: scale · value + offset, of every one of the To frames (images as well);
    * `k_relative`: scale · (value − the reference in the last frame);
    * `k_displacement`: scale · (value − value of the frame before), 0 in the first frame.

    A chunk [P, A], minus the reference in the last frame if actions are relative, becomes
    z = (chunk − mean) · components / spread.
    """

    def __init__(
        self,
        scales: Mapping[str, tuple[np.ndarray, np.ndarray]],
        mean: np.ndarray,
        components: np.ndarray,
        spread: np.ndarray,
        action_size: int,
        reference: str | None = None,
        relative_actions: bool = False,
    ):
        """Creates the variables.

        Args:
          scales: Key of an agent's observation → scale and offset that broadcast to the values.
          mean: Mean of flat chunks, [P·A].
          components: Orthonormal directions of flat chunks, [P·A, K].
          spread: Unit of each component, [K].
          action_size: A.
          reference: Observation key that others, and actions, are relative to.
          relative_actions: Whether actions are.
        """
        super().__init__(name="SequenceCoding")
        self.reference = reference
        self.relative_actions = relative_actions
        self._action_size = action_size
        self._keys = list(scales)
        # By key, so that a checkpoint's values find theirs in whatever order keys come.
        self._scales = {
            key: [
                _constant(values, f"{key}_{kind}")
                for values, kind in zip(pair, _KINDS, strict=True)
            ]
            for key, pair in scales.items()
        }
        self._mean = _constant(mean, "chunk_mean")
        self._components = _constant(components, "chunk_components")
        self._spread = _constant(spread, "chunk_spread")

    @property
    def size(self) -> int:
        """K, numbers of an agent's action."""
        return self._spread.shape[0]

    @property
    def number_name(self) -> str:
        """What one of an agent's numbers is."""
        size, count = self._components.shape
        is_plain = size == count and np.array_equal(self._components.numpy(), np.eye(size))
        return "number of the chunk" if is_plain else "principal component"

    @property
    def scales(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Key of an agent's observation → scale and offset."""
        pairs = self._scales.items()
        return {key: (scale.numpy(), offset.numpy()) for key, (scale, offset) in pairs}

    def features(self, observation: types.NestedTensor) -> types.NestedTensor:
        """Maps observations [B, To, ...] to an agent's, float32 [B, To, ...] under the same keys.

        A single tensor stays a single tensor; of a dictionary more keys may come.
        """
        if not isinstance(observation, Mapping):
            return self._scaled("", observation)
        raw = raw_features(observation, self.reference)
        return {key: self._scaled(key, raw[key]) for key in self._keys}

    def encode(self, observation: types.NestedTensor, chunk: tf.Tensor) -> tf.Tensor:
        """Maps chunks [B, P, A] under observations [B, To, ...] to agents' actions [B, K]."""
        if self.relative_actions:
            chunk = relative_chunk(observation, chunk, self.reference)
        flat = tf.reshape(chunk, [-1, self._mean.shape[0]])
        return (flat - self._mean) @ self._components / self._spread

    def decode(self, observation: types.NestedTensor, action: tf.Tensor) -> tf.Tensor:
        """Maps agents' actions [B, K] to chunks [B, P, A], the inverse of `encode`."""
        flat = tf.matmul(action * self._spread, self._components, transpose_b=True) + self._mean
        chunk = tf.reshape(flat, [-1, self._mean.shape[0] // self._action_size, self._action_size])
        if self.relative_actions:
            chunk += _now(observation, self.reference)
        return chunk

    def _scaled(self, key: str, values: tf.Tensor) -> tf.Tensor:
        scale, offset = self._scales[key]
        return tf.cast(values, tf.float32) * scale + offset


_KINDS = ("scale", "offset")


def raw_features(
    observation: Mapping[str, tf.Tensor], reference: str | None
) -> dict[str, tf.Tensor]:
    """Returns all that may be seen of observations [B, To, ...], without scales.

    Args:
      observation: Observation windows by key.
      reference: The key that others are relative to, values [B, To, R]; None adds nothing.

    Returns:
      The observations, and for each key whose values are vectors of a multiple of R numbers,
      `_relative` (except the reference's own) and `_displacement`.
    """
    features = dict(observation)
    if reference is None:
        return features
    size = observation[reference].shape[-1]
    for key, values in observation.items():
        if len(values.shape) != 3 or values.shape[-1] % size:
            continue
        values = tf.cast(values, tf.float32)
        if key != reference:
            origin = tf.tile(_now(observation, reference), [1, 1, values.shape[-1] // size])
            features[key + RELATIVE] = values - origin
        before = tf.concat([values[:, :1], values[:, :-1]], axis=1)
        features[key + DISPLACEMENT] = values - before
    return features


def relative_chunk(
    observation: Mapping[str, tf.Tensor], chunk: tf.Tensor, reference: str
) -> tf.Tensor:
    """Returns chunks [B, P, A] minus where the reference is in the last observation."""
    return chunk - _now(observation, reference)


def _now(observation: Mapping[str, tf.Tensor], reference: str) -> tf.Tensor:
    """Returns the reference in the last frame, float32 [B, 1, R]."""
    return tf.cast(observation[reference][:, -1:], tf.float32)


def _constant(values: np.ndarray, name: str) -> tf.Variable:
    return tf.Variable(np.asarray(values, np.float32), trainable=False, name=name)
