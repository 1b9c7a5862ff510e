"""Layers that normalize observations and actions with fixed statistics, and undo it.

None of them has variables: the statistics are constants of the graph, so they are exported with a
policy and do not appear in checkpoints.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

# Constant quantities have no spread: they are divided by this instead of by zero.
EPS = np.finfo(np.float32).eps


class IdentityLayer(tf.keras.layers.Layer):
    """Returns its input."""

    def call(self, inputs: Any, mean_offset: bool = True) -> Any:
        """Returns `inputs`; `mean_offset` is accepted as by the denormalization layers."""
        del mean_offset
        return inputs

    def as_affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns scale and offset of x → x · scale + offset."""
        return np.ones([]), np.zeros([])


class _AffineLayer(tf.keras.layers.Layer):
    """Holds the offset and scale of an affine map, float32 constants that broadcast to x."""

    def __init__(self, offset: np.ndarray, scale: np.ndarray, name: str | None = None):
        super().__init__(name=name)
        self._offset = np.asarray(offset, np.float32)
        self._scale = np.maximum(np.asarray(scale, np.float32), EPS)


class _NormalizationLayer(_AffineLayer):
    """x → (x − offset) / scale."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalizes numbers [..., D] to float32 [..., D]."""
        return (tf.cast(inputs, tf.float32) - self._offset) / self._scale

    def as_affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns scale and offset of x → x · scale + offset, float64."""
        scale = 1 / self._scale.astype(np.float64)
        return scale, -self._offset * scale


class _DenormalizationLayer(_AffineLayer):
    """y → y · scale + offset."""

    def call(self, inputs: tf.Tensor, mean_offset: bool = True) -> tf.Tensor:
        """Denormalizes float32 [..., D]; without `mean_offset` only scales, as for spreads."""
        scaled = inputs * self._scale
        return scaled + self._offset if mean_offset else scaled

    def as_affine(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns scale and offset of x → x · scale + offset."""
        return self._scale, self._offset


class StdNormalizationLayer(_NormalizationLayer):
    """x → (x − mean) / max(std, eps)."""

    def __init__(self, mean: np.ndarray, std: np.ndarray, name: str | None = None):
        """Takes statistics that broadcast to x."""
        super().__init__(mean, std, name)


class StdDenormalizationLayer(_DenormalizationLayer):
    """Inverse of `StdNormalizationLayer`."""

    def __init__(self, mean: np.ndarray, std: np.ndarray, name: str | None = None):
        """Takes the statistics of the layer it inverts."""
        super().__init__(mean, std, name)


class MinMaxNormalizationLayer(_NormalizationLayer):
    """Maps [minimum, maximum] to [−1, 1]; half the range counts as at least eps."""

    def __init__(self, minimum: np.ndarray, maximum: np.ndarray, name: str | None = None):
        """Takes bounds that broadcast to x."""
        super().__init__(*_centre_and_half_range(minimum, maximum), name)


class MinMaxDenormalizationLayer(_DenormalizationLayer):
    """Inverse of `MinMaxNormalizationLayer`."""

    def __init__(self, minimum: np.ndarray, maximum: np.ndarray, name: str | None = None):
        """Takes the bounds of the layer it inverts."""
        super().__init__(*_centre_and_half_range(minimum, maximum), name)


class ImageNormalizationLayer(StdNormalizationLayer):
    """Converts uint8 images to float32 in [0, 1], then normalizes; float images are in [0, 1]."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Normalizes images [..., height, width, channels]."""
        return super().call(tf.image.convert_image_dtype(inputs, tf.float32))


class NestedLayer(tf.keras.layers.Layer):
    """Applies one layer to each leaf of a nest."""

    def __init__(self, layers: Any, name: str | None = None):
        """Takes a nest of layers with the structure of the inputs."""
        super().__init__(name=name)
        self._leaf_layers: Sequence[tf.keras.layers.Layer] = tf.nest.flatten(layers)
        self._structure = tf.nest.map_structure(lambda _: None, layers)

    @property
    def leaf_layers(self) -> Sequence[tf.keras.layers.Layer]:
        """Layers of the leaves, in the order of `tf.nest.flatten`."""
        return self._leaf_layers

    def call(self, inputs: Any, **kwargs: Any) -> Any:
        """Maps the nest leaf by leaf; keyword arguments go to every layer."""
        tf.nest.assert_same_structure(inputs, self._structure, check_types=False)
        outputs = [
            layer(leaf, **kwargs)
            for layer, leaf in zip(self._leaf_layers, tf.nest.flatten(inputs), strict=True)
        ]
        return tf.nest.pack_sequence_as(inputs, outputs)


def _centre_and_half_range(
    minimum: np.ndarray, maximum: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    minimum, maximum = np.asarray(minimum, np.float64), np.asarray(maximum, np.float64)
    return (maximum + minimum) / 2, (maximum - minimum) / 2
