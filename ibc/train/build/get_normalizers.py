"""Normalization layers for training, with the names published config files bind."""

from typing import Any

import gin
import tensorflow as tf

from ibc.data.windows import dataset as dataset_lib
from ibc.train.build import stats

NormalizationInfo = stats.NormalizationInfo


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
    return stats.compute_dataset_statistics(train_data)


def _check_nesting(name: str, expected: bool | None, what: str, values: Any) -> None:
    found = tf.nest.is_nested(values)
    if expected is not None and expected != found:
        raise ValueError(
            f"get_normalizers.{name} is {expected}, but the {what} of the data are "
            f"{'a nest' if found else 'one tensor'}: set it to {found}, or leave it out."
        )
