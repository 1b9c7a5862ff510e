"""Normalization layers from a data set's statistics, under the names that config files bind."""

from collections.abc import Callable
from typing import Any, NamedTuple

import gin
import numpy as np
import tensorflow as tf

from ibc.data.records import specs
from ibc.data.windows import dataset as dataset_lib
from ibc.data.windows import window_statistics
from ibc.networks.layers import normalizers


class NormalizationInfo(NamedTuple):
    """How observations and actions are normalized."""

    obs_norm_layer: tf.keras.layers.Layer
    """Observation nest → float32 nest."""
    act_norm_layer: tf.keras.layers.Layer
    """Action → normalized action, float32."""
    act_denorm_layer: tf.keras.layers.Layer
    """Inverse of `act_norm_layer`; `mean_offset=False` leaves the offset out."""
    min_actions: Any
    """Smallest action in the data per dimension, float32 [A] (or a nest)."""
    max_actions: Any
    """Largest action in the data per dimension, float32 [A] (or a nest)."""


@gin.configurable
def compute_dataset_statistics(
    dataset: dataset_lib.WindowDataset, min_max_actions: bool = False, use_sqrt_std: bool = False
) -> NormalizationInfo:
    """Makes the layers that normalize a data set, from exact statistics over all its windows.

    Observations get zero mean and unit variance, element by element (images: per channel), and
    actions too, unless they are mapped to [−1, 1].

    Args:
      dataset: the training data, not normalized.
      min_max_actions: map the range [minimum, maximum] of every action dimension to [−1, 1].
      use_sqrt_std: divide by the square root of the standard deviation instead of itself, so
        that dimensions that vary little are not blown up.
    """
    spread = np.sqrt if use_sqrt_std else np.asarray
    observations = window_statistics.observation_moments(dataset)
    actions = window_statistics.action_moments(dataset)

    def normalize_observation(
        moments: window_statistics.Moments, spec: tf.TensorSpec
    ) -> tf.keras.layers.Layer:
        image = specs.is_image(spec)
        layer = normalizers.ImageNormalizationLayer if image else normalizers.StdNormalizationLayer
        return layer(moments.mean, spread(moments.std))

    def of_actions(min_max: type, standard: type) -> tf.keras.layers.Layer:
        def make(moments: window_statistics.Moments) -> tf.keras.layers.Layer:
            if min_max_actions:
                return min_max(moments.minimum, moments.maximum)
            return standard(moments.mean, spread(moments.std))

        return _layer(make, actions)

    return NormalizationInfo(
        obs_norm_layer=_layer(normalize_observation, observations, dataset.spec.observation),
        act_norm_layer=of_actions(
            normalizers.MinMaxNormalizationLayer, normalizers.StdNormalizationLayer
        ),
        act_denorm_layer=of_actions(
            normalizers.MinMaxDenormalizationLayer, normalizers.StdDenormalizationLayer
        ),
        min_actions=tf.nest.map_structure(lambda moments: moments.minimum, actions),
        max_actions=tf.nest.map_structure(lambda moments: moments.maximum, actions),
    )


def _layer(make: Callable[..., tf.keras.layers.Layer], *nests: Any) -> tf.keras.layers.Layer:
    """One layer for a nest: that of its only leaf, or one for each leaf."""
    layers = tf.nest.map_structure(make, *nests)
    return normalizers.NestedLayer(layers) if tf.nest.is_nested(nests[0]) else layers


@gin.configurable
def get_normalizers(
    train_data: dataset_lib.WindowDataset,
    nested_obs: bool | None = None,
    nested_actions: bool | None = None,
    num_batches: int = 100,
    num_samples: int | None = None,
) -> NormalizationInfo:
    """Makes normalization layers from the training data.

    Args:
      train_data: the training data, not normalized.
      nested_obs: whether observations are a nest (a dict) rather than one tensor. The data says
        so itself; a value that contradicts it is an error. None: as the data.
      nested_actions: the same for actions.
      num_batches: accepted for published config files, where it says how many batches to look
        at. Statistics here are always over all windows.
      num_samples: accepted for published config files, like `num_batches`.

    Raises:
      ValueError: `nested_obs` or `nested_actions` contradicts the data.
    """
    del num_batches, num_samples
    _check_nesting("nested_obs", nested_obs, "observations", train_data.frames.observation)
    _check_nesting("nested_actions", nested_actions, "actions", train_data.frames.action)
    return compute_dataset_statistics(train_data)


def _check_nesting(name: str, expected: bool | None, what: str, values: Any) -> None:
    found = tf.nest.is_nested(values)
    if expected is not None and expected != found:
        raise ValueError(
            f"get_normalizers.{name} is {expected}, but the {what} of the data are "
            f"{'a nest' if found else 'one tensor'}: set it to {found}, or leave it out."
        )
