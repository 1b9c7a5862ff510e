"""From a dataset path to normalized training data."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from absl import logging

from ibc.data import dataset as dataset_lib
from ibc.data import shards as shards_lib
from ibc.data import specs
from ibc.train import get_normalizers


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """What training reads."""

    train: dataset_lib.WindowDataset
    """Normalized windows to train on."""
    validation: dataset_lib.WindowDataset | None
    """Windows for the validation loss, normalized by the training data's statistics."""
    normalizers: get_normalizers.NormalizationInfo
    """Layers and bounds, from the training data alone."""


def get_data(
    dataset_path: str,
    sequence_length: int,
    environment_specs: Mapping[str, tuple[Any, Any]],
    max_data_shards: int = -1,
    dataset_eval_fraction: float = 0.0,
    flatten_action: bool = True,
    for_rnn: bool = False,
    make_command: str | None = None,
) -> TrainingData:
    """Reads record files, computes statistics and normalizes.

    Batches come from `TrainingData.train.as_tf_dataset(batch_size, seed, start_step)`.

    Args:
      dataset_path: glob of record files, or several separated by commas.
      sequence_length: frames per observation window (T).
      environment_specs: for each task the data is used for, its observation spec without history
        dimension and its action spec.
      max_data_shards: how many record files to use; -1 for all.
      dataset_eval_fraction: share of the record files for validation, from the end.
      flatten_action: make actions one vector.
      for_rnn: windows for recurrent networks, see `WindowDataset`.
      make_command: the command that records such data, for the message when there is none.

    Raises:
      FileNotFoundError: there are no record files.
      ValueError: they are damaged, unlike each other, or do not fit the environments.
    """
    paths = shards_lib.find_shards(dataset_path, max_data_shards, make_command)
    training_paths, validation_paths = shards_lib.split_shards(paths, dataset_eval_fraction)
    if dataset_eval_fraction and not validation_paths:
        logging.warning(
            "dataset_eval_fraction %g of %d record files is less than one file: there is no "
            "validation data.",
            dataset_eval_fraction,
            len(paths),
        )
    shards = shards_lib.read_shards(paths)
    for task, (observation_spec, action_spec) in environment_specs.items():
        specs.check_matches(shards[0].spec, observation_spec, action_spec, task, dataset_path)

    def windows_of(part: list) -> dataset_lib.WindowDataset:
        return dataset_lib.WindowDataset(part, sequence_length, for_rnn, flatten_action)

    train = windows_of(shards[: len(training_paths)])
    normalizers = get_normalizers.get_normalizers(train)
    layers = normalizers.obs_norm_layer, normalizers.act_norm_layer
    validation = None
    if validation_paths:
        validation = windows_of(shards[len(training_paths) :]).normalized(*layers)
    return TrainingData(train.normalized(*layers), validation, normalizers)
