"""Layers x → x · scale + offset with fixed numbers, and their inverse.

Like those of `normalizers` they have no variables: the numbers are exported with a policy.
"""

import numpy as np
import tensorflow as tf


class AffineLayer(tf.keras.layers.Layer):
    """x → x · scale + offset; uint8 images become numbers in [0, 1] first."""

    def __init__(self, scale: np.ndarray, offset: np.ndarray, name: str | None = None):
        """Takes numbers that broadcast to x; no scale is 0."""
        super().__init__(name=name)
        self._scale = np.asarray(scale, np.float32)
        self._offset = np.asarray(offset, np.float32)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Maps numbers [..., D] to float32 [..., D]."""
        if tf.as_dtype(inputs.dtype) == tf.uint8:
            inputs = tf.image.convert_image_dtype(inputs, tf.float32)
        return tf.cast(inputs, tf.float32) * self._scale + self._offset

    def as_affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns scale and offset of x → x · scale + offset."""
        return self._scale, self._offset


class InverseAffineLayer(AffineLayer):
    """Inverse of `AffineLayer` for numbers."""

    def call(self, inputs: tf.Tensor, mean_offset: bool = True) -> tf.Tensor:
        """Maps float32 [..., D] back; without `mean_offset` only scales, as for spreads."""
        return (inputs - self._offset if mean_offset else inputs) / self._scale

    def as_affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns scale and offset of x → x · scale + offset, float64."""
        scale = 1 / self._scale.astype(np.float64)
        return scale, -self._offset * scale
