"""Statistics of action sequences: the scales, the mean and the components of a coding."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from ibc.agents import sequence_coding
from ibc.data.records import specs
from ibc.data.windows import affine, chunk_dataset, window_statistics
from ibc.train.build import sequence_options

# Scale and offset that map numbers from 0 to 255 to [−1, 1].
_OF_IMAGES = (2 / 255, -1.0)


@dataclasses.dataclass(frozen=True)
class FittedCoding:
    """A coding, and the bounds of what it makes of the data's chunks."""

    coding: sequence_coding.SequenceCoding
    minimum: np.ndarray
    """Smallest number of agents' actions, float32 [K]."""
    maximum: np.ndarray
    """Largest number, float32 [K]."""
    normal_std: float | None = None
    """Standard deviation of counter-examples, where they are drawn from a normal distribution."""


def fit(
    dataset: chunk_dataset.ChunkDataset, options: sequence_options.SequenceOptions
) -> FittedCoding:
    """Fits a coding to all windows of a data set.

    Args:
      dataset: windows of raw observations and chunks.
      options: what is wanted.

    Raises:
      ValueError: the reference is no place, a key is missing, or there are more components than
        numbers.
    """
    spec = dataset.spec.observation
    reference = options.reference
    if reference is not None:
        _check_reference(reference, spec, dataset.frames.action, dataset.name)
    relative_actions = reference is not None and options.relative_actions
    scales = _absolute_scales(dataset, options)
    totals = _Totals(reference, relative_actions)
    for observation, chunk in dataset.parts():
        totals.add(observation, chunk)
    for key, size in totals.mean_squares().items():
        owner = key.removesuffix(sequence_coding.RELATIVE)
        owner = owner.removesuffix(sequence_coding.DISPLACEMENT)
        if options.positions is None or owner in options.positions:
            scales[key] = (1 / np.sqrt(size) if size > 0 else 1.0, 0.0)
    if not scales:
        raise ValueError(
            "sequence_coding.absolute and .positions leave nothing to see: name a key in one of "
            "them, or leave them out."
        )
    mean, components, spread = _axes(dataset, options, totals, relative_actions)
    coding = sequence_coding.SequenceCoding(
        scales,
        mean,
        components,
        spread,
        dataset.action_size,
        reference,
        relative_actions,
    )
    if options.counter_examples == "normal":
        bound = np.full(coding.size, 3 * options.normal_std, np.float32)
        return FittedCoding(coding, -bound, bound, options.normal_std)
    encoded = [coding.encode(*part).numpy() for part in dataset.parts()]
    return FittedCoding(
        coding,
        np.min([part.min(axis=0) for part in encoded], axis=0),
        np.max([part.max(axis=0) for part in encoded], axis=0),
    )


class _Totals:
    """Sums over windows: of derived observations' squares, and of flat chunks."""

    def __init__(self, reference: str | None, relative_actions: bool):
        self._reference = reference
        self._relative_actions = relative_actions
        self._squares: dict[str, list[float]] = {}
        self.count, self.sum, self.products = 0, 0.0, 0.0
        self.minimum = self.maximum = None

    def add(self, observation: Any, chunk: np.ndarray) -> None:
        """Adds windows: observations [n, To, ...], chunks [n, P, A]."""
        if self._reference is not None:
            constants = tf.nest.map_structure(tf.constant, observation)
            raw = sequence_coding.raw_features(constants, self._reference)
            for key in sorted(raw.keys() - observation.keys()):
                values = raw[key].numpy().astype(np.float64)
                # The first frame has none before it.
                values = values[:, 1:] if key.endswith(sequence_coding.DISPLACEMENT) else values
                total = self._squares.setdefault(key, [0.0, 0])
                total[0] += np.sum(np.square(values))
                total[1] += values.size
        if self._relative_actions:
            chunk = sequence_coding.relative_chunk(observation, chunk, self._reference)
        flat = np.asarray(chunk).reshape(len(chunk), -1).astype(np.float64)
        least, most = flat.min(axis=0), flat.max(axis=0)
        self.minimum = least if self.minimum is None else np.minimum(self.minimum, least)
        self.maximum = most if self.maximum is None else np.maximum(self.maximum, most)
        self.count += len(flat)
        self.sum = self.sum + flat.sum(axis=0)
        self.products = self.products + flat.T @ flat

    def mean_squares(self) -> dict[str, float]:
        """Returns the mean square of every derived observation, over all of its numbers."""
        return {key: total / max(1, count) for key, (total, count) in self._squares.items()}

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns mean and covariance (of n − 1) of flat chunks, float64."""
        mean = self.sum / self.count
        scatter = self.products - self.count * np.outer(mean, mean)
        return mean, scatter / max(1, self.count - 1)


def _axes(
    dataset: chunk_dataset.ChunkDataset,
    options: sequence_options.SequenceOptions,
    totals: _Totals,
    relative_actions: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns mean [P·A], directions [P·A, K] and units [K] of an agent's actions."""
    mean, covariance = totals.moments()
    size, count = len(mean), options.components
    if count is None:
        normalize = affine.BY_NAME[options.action_normalizer]
        if relative_actions:
            # Every step of a chunk has its own range: later ones are further away.
            std = np.sqrt(np.diag(covariance) * (totals.count - 1) / totals.count)
            moments = window_statistics.Moments(mean, std, totals.minimum, totals.maximum)
            found, repeats = normalize(moments, totals.count), 1
        else:
            weights = dataset.weights_of(dataset.action_frames)
            moments = window_statistics.weighted_moments(dataset.frames.action, weights)
            found, repeats = normalize(moments, np.sum(weights)), size // dataset.action_size
        scale, offset = np.tile(found.scale, repeats), np.tile(found.offset, repeats)
        return -offset / scale, np.eye(size), 1 / scale
    if count > size:
        raise ValueError(
            f"sequence_coding.components is {count}, but a chunk has only {size} numbers."
        )
    variances, directions = np.linalg.eigh(covariance)
    variances, directions = np.maximum(variances[::-1], 0), directions[:, ::-1]
    kept = variances[:count]
    share = kept.sum() / max(variances.sum(), np.finfo(float).tiny)
    residual = np.sqrt(variances[count:].sum() / size)
    logging.info(
        "%d principal components of chunks with %d numbers keep %.2f %% of their variance; what "
        "they leave out is %.3g (root mean square, in the action's units).",
        count,
        size,
        100 * share,
        residual,
    )
    return mean, directions[:, :count], np.where(kept > affine.LEAST_RANGE**2, np.sqrt(kept), 1.0)


def _absolute_scales(
    dataset: chunk_dataset.ChunkDataset, options: sequence_options.SequenceOptions
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns scale and offset of every key that is seen as it is."""
    spec, values = dataset.spec.observation, dataset.frames.observation
    if not isinstance(spec, Mapping):
        spec, values = {"": spec}, {"": values}
    kept = spec if options.absolute is None else options.absolute
    named = {"sequence_coding.absolute": options.absolute, "sequence_coding.normalizers": None}
    named["sequence_coding.normalizers"] = list(options.normalizers)
    named["sequence_coding.positions"] = options.positions
    for option, keys in named.items():
        missing = [key for key in keys or () if key not in spec]
        if missing:
            raise ValueError(
                f"{option} names {', '.join(missing)}, but the observations of {dataset.name} are "
                f"{', '.join(spec)}."
            )
    for key in options.normalizers:
        if key not in kept or specs.is_image(spec[key]):
            why = "is left out by sequence_coding.absolute"
            if key in kept:
                why = "is an image, and always mapped to [−1, 1]"
            raise ValueError(
                f"sequence_coding.normalizers names {key}, which {why}: leave it out there."
            )
    weights = dataset.weights_of(dataset.action_frames)
    moments = {
        key: window_statistics.weighted_moments(values[key], weights)
        for key in spec
        if key in kept and not specs.is_image(spec[key])
    }
    modes = {key: options.normalizers.get(key, options.normalizer) for key in moments}
    alike = [key for key, mode in modes.items() if mode == sequence_options.COMMON_SCALE]
    of_all = affine.common_scale([moments[key] for key in alike]) if alike else []
    found = dict(zip(alike, of_all, strict=True))
    for key, mode in modes.items():
        if mode == sequence_options.ROBOMIMIC:
            found[key] = affine.of_robomimic(key, moments[key])
        elif mode != sequence_options.COMMON_SCALE:
            found[key] = affine.BY_NAME[mode](moments[key], np.sum(weights))
    scales = {key: (each.scale, each.offset) for key, each in found.items()}
    return {key: scales.get(key, _OF_IMAGES) for key in spec if key in kept}


def _check_reference(reference: str, spec: Any, action: Any, name: str) -> None:
    keys = spec if isinstance(spec, Mapping) else {}
    size = action.shape[-1]
    if reference not in keys:
        raise ValueError(
            f"sequence_coding.reference is {reference!r}, but the observations of {name} "
            + (f"are {', '.join(keys)}." if keys else "have no keys, being one tensor.")
        )
    shape = tuple(keys[reference].shape)
    if shape != (size,) or specs.is_image(keys[reference]):
        raise ValueError(
            f"sequence_coding.reference is {reference!r}, whose values in {name} are "
            f"{specs.describe(keys[reference])}, but what an action of {size} numbers is relative "
            f"to must be float32[{size}]."
        )
