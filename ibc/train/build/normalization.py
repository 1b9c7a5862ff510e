"""Normalization layers from a data set's statistics, under the names that config files bind."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import gin
import numpy as np
import tensorflow as tf
from absl import logging

from ibc.data.records import specs
from ibc.data.windows import affine, window_statistics
from ibc.data.windows import dataset as dataset_lib
from ibc.networks.layers import affine as affine_layers
from ibc.networks.layers import normalizers
from ibc.train.build import affine_maps


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
    action_range: np.ndarray | None = None
    """Range per dimension that sampling bounds are widened by a share of, [A]; None: that of the
    data."""
    maps: Mapping[str, affine.Affine] = {}
    """Key → map of what `get_normalizers.modes` names."""


@gin.configurable
def compute_dataset_statistics(
    dataset: dataset_lib.WindowDataset,
    min_max_actions: bool = False,
    use_sqrt_std: bool = False,
    maps: Mapping[str, affine.Affine] | None = None,
) -> NormalizationInfo:
    """Makes the layers that normalize a data set, from exact statistics over all its windows.

    Observations get zero mean and unit variance, element by element (images: per channel), and
    actions too, unless they are mapped to [−1, 1].

    Args:
      dataset: the training data, not normalized.
      min_max_actions: map the range [minimum, maximum] of every action dimension to [−1, 1].
      use_sqrt_std: divide by the square root of the standard deviation instead of itself, so
        that dimensions that vary little are not blown up.
      maps: key → map of what is normalized by one instead, see `affine_maps.of_data`.
    """
    spread = np.sqrt if use_sqrt_std else np.asarray
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
        obs_norm_layer=_observation_layer(normalize_observation, dataset, maps or {}),
        act_norm_layer=of_actions(
            normalizers.MinMaxNormalizationLayer, normalizers.StdNormalizationLayer
        ),
        act_denorm_layer=of_actions(
            normalizers.MinMaxDenormalizationLayer, normalizers.StdDenormalizationLayer
        ),
        min_actions=tf.nest.map_structure(lambda moments: moments.minimum, actions),
        max_actions=tf.nest.map_structure(lambda moments: moments.maximum, actions),
        maps=maps or {},
    )


def _observation_layer(
    make: Callable[..., tf.keras.layers.Layer],
    dataset: dataset_lib.WindowDataset,
    maps: Mapping[str, affine.Affine],
) -> tf.keras.layers.Layer:
    """One layer for observations: of `maps` where they name a key, otherwise made of statistics."""
    own = {key: _affine_layer(each) for key, each in maps.items() if key != affine_maps.ACTION}
    if affine_maps.OBSERVATION in own and not tf.nest.is_nested(dataset.spec.observation):
        return own[affine_maps.OBSERVATION]
    observations = window_statistics.observation_moments(dataset, but=own)
    spec = dataset.spec.observation
    if not own:
        return _layer(make, observations, spec)
    made = {key: make(moments, spec[key]) for key, moments in observations.items()}
    return normalizers.NestedLayer({**made, **own})


def _affine_layer(of: affine.Affine) -> affine_layers.AffineLayer:
    return affine_layers.AffineLayer(of.scale, of.offset)


def _with_action(info: NormalizationInfo, of_action: affine.Affine | None) -> NormalizationInfo:
    """Replaces how actions are normalized, and the bounds they are sampled in, by a map's."""
    if of_action is None:
        return info
    return info._replace(
        act_norm_layer=_affine_layer(of_action),
        act_denorm_layer=affine_layers.InverseAffineLayer(of_action.scale, of_action.offset),
        min_actions=np.asarray(of_action.moments.minimum, np.float32),
        max_actions=np.asarray(of_action.moments.maximum, np.float32),
        action_range=affine_maps.action_range(of_action),
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
    modes: str | Mapping[str, str] | None = None,
    all_episodes: bool = True,
    held_out: dataset_lib.WindowDataset | None = None,
) -> NormalizationInfo:
    """Makes normalization layers from the training data.

    Args:
      train_data: the training data, not normalized.
      nested_obs: accepted for published config files, where it says whether observations are a
        nest (a dict) rather than one tensor. The data decides; the log says where it is otherwise.
      nested_actions: the same for actions.
      num_batches: accepted for published config files, where it says how many batches to look
        at. Statistics here are always over all windows.
      num_samples: accepted for published config files, like `num_batches`.
      modes: key → 'limits', 'gaussian', 'identity', 'absolute_pose' or 'image', or a rule for all
        keys, see `affine_maps.of_data`. Keys without a mode are normalized as
        `compute_dataset_statistics` says. None: all of them.
      all_episodes: whether statistics for `modes` are of the validation data too, as published,
        or of the training data alone.
      held_out: validation data, not normalized, if there is some.

    Raises:
      ValueError: `modes` does not fit the data.
    """
    del num_batches, num_samples
    log_nesting(train_data, nested_obs, nested_actions)
    looked_at = [train_data]
    if held_out is not None and all_episodes:
        looked_at.append(held_out)
    maps = affine_maps.of_data(looked_at, modes)
    info = compute_dataset_statistics(train_data, maps=maps)
    return _with_action(info, maps.get(affine_maps.ACTION))


def log_nesting(
    data: dataset_lib.WindowDataset,
    nested_obs: bool | None = None,
    nested_actions: bool | None = None,
) -> None:
    """Says in the log where data are nested otherwise than is said, see `get_normalizers`."""
    for name, expected, what, values in (
        ("nested_obs", nested_obs, "observations", data.frames.observation),
        ("nested_actions", nested_actions, "actions", data.frames.action),
    ):
        found = tf.nest.is_nested(values)
        if expected is not None and expected != found:
            logging.info(
                "The %s of the data are %s, and that is what counts, not get_normalizers.%s = %s.",
                what,
                "a nest" if found else "one tensor",
                name,
                expected,
            )
