"""Which affine map normalizes which key of a data set: by name, or by robomimic's rules."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.data.records import specs
from ibc.data.windows import affine, window_statistics
from ibc.data.windows import dataset as dataset_lib

ACTION = "action"
OBSERVATION = "observation"
"""What an observation that is one tensor is called here."""
IMAGE = "image"
ROBOMIMIC = "robomimic"
ROBOMIMIC_LOWDIM = "robomimic_lowdim"
MODES = (*affine.BY_NAME, IMAGE)
RULES = (*affine.BY_NAME, ROBOMIMIC, ROBOMIMIC_LOWDIM)

_POSE_SIZES = (10, 20)


def of_data(
    datasets: Sequence[dataset_lib.WindowDataset], modes: str | Mapping[str, str] | None
) -> dict[str, affine.Affine]:
    """Returns key → map for every key that gets one.

    Args:
      datasets: data that statistics are taken of, alike; every frame counts once. The first is
        trained on.
      modes: key → one of `MODES`; the action's key is 'action', that of observations that are one
        tensor 'observation'. Or one of `RULES` for all keys but images, which get 'image':
        'robomimic' chooses by the ends of names, 'robomimic_lowdim' divides all observations by
        their largest number; both leave relative actions as they are and scale the positions of
        absolute ones. None gives no key a map.

    Raises:
      ValueError: a key or a mode is unknown, or they do not fit each other.
    """
    if modes is None:
        return {}
    columns = _columns(datasets[0])
    if isinstance(modes, str):
        return _by_rule(datasets, columns, modes)
    if not isinstance(modes, Mapping):
        raise ValueError(
            f"get_normalizers.modes must map keys to modes, or be a rule, but is {modes!r}."
        )
    _check_modes(modes, columns)
    return {key: _by_name(key, mode, datasets) for key, mode in modes.items()}


def action_range(of_action: affine.Affine) -> np.ndarray:
    """Returns the range of each action dimension that sampling bounds are widened by a share of.

    Where a dimension is constant that of [−1, 1] stands for its own, so that widening gives the
    sampler something to choose from.
    """
    low, high = of_action.moments.minimum, of_action.moments.maximum
    is_constant = high - low < affine.LEAST_RANGE
    return np.where(is_constant, affine.NORMALIZED_RANGE / of_action.scale, high - low)


class Record(tf.Module):
    """Scales, offsets and statistics of maps as variables, so that checkpoints hold them."""

    def __init__(self, maps: Mapping[str, affine.Affine]):
        """Takes key → map."""
        super().__init__(name="normalizers")
        self.values = {
            key: {
                name: tf.Variable(np.asarray(value, np.float32), trainable=False)
                for name, value in {
                    "scale": each.scale,
                    "offset": each.offset,
                    **vars(each.moments),
                }.items()
            }
            for key, each in maps.items()
        }


def _columns(dataset: dataset_lib.WindowDataset) -> dict[str, tf.TensorSpec]:
    """Returns key → spec of every part of a frame.

    Raises:
      ValueError: observations or actions are nested too deep to have names.
    """
    observation, action = dataset.spec.observation, dataset.frames.action
    if not tf.nest.is_nested(observation):
        observation = {OBSERVATION: observation}
    flat = isinstance(observation, Mapping) and not any(
        map(tf.nest.is_nested, observation.values())
    )
    if not flat or tf.nest.is_nested(action):
        raise ValueError(
            "get_normalizers.modes needs observations that are one tensor or a dict of tensors, "
            f"and actions that are one vector, but {dataset.name} has others: leave it out."
        )
    return {**observation, ACTION: None}


def _check_modes(modes: Mapping[str, str], columns: Mapping[str, tf.TensorSpec | None]) -> None:
    for key, mode in modes.items():
        if key not in columns:
            raise ValueError(
                f"get_normalizers.modes names {key!r}, but the data's keys are "
                f"{', '.join(sorted(columns))}."
            )
        if mode not in MODES:
            raise ValueError(
                f"get_normalizers.modes[{key!r}] is {mode!r}; choose one of {', '.join(MODES)}."
            )
        if (mode == IMAGE) != _is_image(columns[key]):
            kind = "an image" if _is_image(columns[key]) else "no image"
            raise ValueError(f"get_normalizers.modes[{key!r}] is {mode!r}, but {key} is {kind}.")


def _is_image(spec: tf.TensorSpec | None) -> bool:
    return spec is not None and specs.is_image(spec)


def _by_rule(
    datasets: Sequence[dataset_lib.WindowDataset],
    columns: Mapping[str, tf.TensorSpec | None],
    rule: str,
) -> dict[str, affine.Affine]:
    if rule not in RULES:
        raise ValueError(
            f"get_normalizers.modes is {rule!r}; choose one of {', '.join(RULES)}, or map keys to "
            f"{', '.join(MODES)}."
        )
    images = {key: affine.image() for key, spec in columns.items() if _is_image(spec)}
    numbers = [key for key in columns if key not in images]
    if rule in affine.BY_NAME:
        return images | {key: _by_name(key, rule, datasets) for key in numbers}
    of_action, _ = _moments(datasets, ACTION)
    is_pose = np.size(of_action.minimum) in _POSE_SIZES
    action = affine.absolute_pose(of_action) if is_pose else affine.identity(of_action)
    observed = [key for key in numbers if key != ACTION]
    moments = [_moments(datasets, key)[0] for key in observed]
    if rule == ROBOMIMIC:
        maps = [affine.of_robomimic(*each) for each in zip(observed, moments, strict=True)]
    else:
        maps = affine.common_scale(moments)
    return {**images, **dict(zip(observed, maps, strict=True)), ACTION: action}


def _by_name(key: str, mode: str, datasets: Sequence[dataset_lib.WindowDataset]) -> affine.Affine:
    if mode == IMAGE:
        return affine.image()
    make: Callable[[window_statistics.Moments, int], affine.Affine] = affine.BY_NAME[mode]
    return make(*_moments(datasets, key))


def _moments(
    datasets: Sequence[dataset_lib.WindowDataset], key: str
) -> tuple[window_statistics.Moments, int]:
    """Returns statistics over the frames of all data, each once, and how many there are."""
    parts = [window_statistics.frame_moments(*_values(each, key)) for each in datasets]
    return window_statistics.merged(parts)


def _values(dataset: dataset_lib.WindowDataset, key: str) -> tuple[Any, np.ndarray]:
    """Returns a key's column, and the numbers of the frames that samples take it from."""
    if key == ACTION:
        return dataset.frames.action, dataset.window_frames[:, -1]
    observation = dataset.frames.observation
    return observation if key == OBSERVATION else observation[key], dataset.window_frames
