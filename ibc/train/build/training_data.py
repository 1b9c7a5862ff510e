"""From a dataset path to normalized training data."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from absl import logging

from ibc.data.records import shards as shards_lib
from ibc.data.records import specs
from ibc.data.windows import dataset as dataset_lib
from ibc.data.windows import episode_split, streamed
from ibc.train.build import fit_coding, normalization
from ibc.train.build import sequences as sequences_lib

# Memory that holding a byte of record files takes at most, while they are read and normalized.
_MEMORY_PER_BYTE = 6


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """What training reads."""

    train: dataset_lib.WindowDataset
    """Normalized windows to train on."""
    validation: dataset_lib.WindowDataset | None
    """Windows for the validation loss, normalized by the training data's statistics."""
    normalizers: normalization.NormalizationInfo | None
    """Layers and bounds, from the training data alone unless `get_normalizers.modes` are set;
    action sequences have a coding instead."""
    record_files: int
    """How many record files there are."""
    record_bytes: int
    """Their size together."""
    fitted: fit_coding.FittedCoding | None = None
    """How action sequences are presented to the agent."""

    def described(self) -> str:
        """Says in a few words how much data there is, where, and how much memory it takes."""
        parts = [self.train] + ([self.validation] if self.validation else [])
        windows = " and ".join(str(part.num_windows) for part in parts)
        kinds = " for training and validation" if self.validation else ""
        place = "streamed from disk" if self.train.is_streamed else "held in memory"
        held = dataset_lib.held_bytes(*parts) / 1e6
        return (
            f"{windows} windows{kinds} of {self.record_files} record file(s), "
            f"{self.record_bytes / 1e6:.1f} MB, {place}, which takes {held:.1f} MB"
        )


def get_data(
    dataset_path: str,
    sequence_length: int,
    environment_specs: Mapping[str, tuple[Any, Any]],
    max_data_shards: int = -1,
    dataset_eval_fraction: float = 0.0,
    flatten_action: bool = True,
    make_command: str | None = None,
    memory_limit_mb: float | None = None,
    scratch_folder: str | os.PathLike = ".",
    sequences: sequences_lib.Sequences | None = None,
    split: episode_split.EpisodeSplit | None = None,
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
      make_command: the command that records such data, for the message when there is none.
      memory_limit_mb: memory for the data and its batches, in 10⁶ bytes; record files of which a
        sixth of it cannot hold all are streamed from disk, with the same samples.
      scratch_folder: where there is room for numbers that are streamed.
      sequences: for policies over action sequences, which have windows of their own, and a split.
      split: which episodes of all files to train and validate on, without `dataset_eval_fraction`;
        None trains on all.

    Raises:
      FileNotFoundError: there are no record files.
      ValueError: they are damaged, unlike each other, or do not fit the environments.
      OSError: there is no room for numbers that are streamed.
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
    record_bytes = sum(map(os.path.getsize, paths))
    is_streamed = (
        memory_limit_mb is not None and _MEMORY_PER_BYTE * record_bytes > 1e6 * memory_limit_mb
    )
    if is_streamed:
        # Reading takes long: what is wrong with the specs is said before.
        spec = shards_lib.load_specs(paths)
    else:
        shards = shards_lib.read_shards(paths)
        spec = shards[0].spec
    if sequences:
        source = streamed.stream_shards(paths, scratch_folder) if is_streamed else shards
        train, validation, fitted = sequences_lib.read(
            source, sequences, environment_specs, dataset_path, memory_limit_mb
        )
        return TrainingData(train, validation, None, len(paths), record_bytes, fitted)
    for task, (observation_spec, action_spec) in environment_specs.items():
        specs.check_matches(spec, observation_spec, action_spec, task, dataset_path)

    def windows_of(part: slice) -> dataset_lib.WindowDataset:
        source = (
            streamed.stream_shards(paths[part], scratch_folder) if is_streamed else shards[part]
        )
        return dataset_lib.WindowDataset(
            source, sequence_length, flatten_action=flatten_action, memory_limit_mb=memory_limit_mb
        )

    split = split or episode_split.EpisodeSplit()
    if validation_paths:
        train = windows_of(slice(len(training_paths)))
        validation = windows_of(slice(len(training_paths), None))
    else:
        whole = windows_of(slice(None))
        train, validation = _divided(whole, split)
    normalizers = normalization.get_normalizers(train, held_out=validation)
    layers = normalizers.obs_norm_layer, normalizers.act_norm_layer
    if validation_paths:
        train, validation = train.normalized(*layers), validation.normalized(*layers)
    else:
        # Once: both have the same frames.
        train, validation = _divided(whole.normalized(*layers), split)
    return TrainingData(train, validation, normalizers, len(paths), record_bytes)


def _divided(
    windows: dataset_lib.WindowDataset, split: episode_split.EpisodeSplit
) -> tuple[dataset_lib.WindowDataset, dataset_lib.WindowDataset | None]:
    """Returns the windows of the episodes to train on, and of those to validate on, if any."""
    if split == episode_split.EpisodeSplit():
        return windows, None
    training, held_out = split.divided(windows.num_episodes)
    validation = windows.of_episodes(held_out) if held_out.any() else None
    return windows.of_episodes(training), validation
