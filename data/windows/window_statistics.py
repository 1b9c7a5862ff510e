"""Exact statistics of what training samples contain, over every window.

A frame counts as often as windows contain it, so the statistics are weighted sums over frames.
Sums are in float64 and variances are taken around the mean, so nothing cancels. They are taken part
by part, so that the data may be larger than memory.
"""

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ibc.data.records import specs
from ibc.data.windows import batches, columns
from ibc.data.windows import dataset as dataset_lib
from ibc.utils import bars

_IMAGES_AT_ONCE = 64


@dataclasses.dataclass(frozen=True)
class Moments:
    """Statistics of one quantity, each of its shape (images: per channel, [channels])."""

    mean: np.ndarray
    """float64, the mean."""
    std: np.ndarray
    """float64, the population standard deviation (divided by n)."""
    minimum: np.ndarray
    """The smallest value, in the type of the values."""
    maximum: np.ndarray
    """The largest value, in the type of the values."""


def weighted_moments(values: columns.Column | np.ndarray, weights: np.ndarray) -> Moments:
    """Moments over the first axis.

    Args:
      values: numbers [n, ...], in memory or on disk.
      weights: integers [n] at least 0, how often each row counts; not all 0.

    Returns:
      Moments of shape [...]; rows of weight 0 take no part.

    Raises:
      ValueError: no row counts.
    """
    total = np.sum(weights)
    if not total:
        raise ValueError("statistics need at least one value, but there is none.")

    def used_parts(advance: bars.Advance) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        for rows, part in columns.parts(values):
            advance(len(part))
            used = np.flatnonzero(weights[rows])
            if used.size:
                flat = part[used].reshape(len(used), -1).astype(np.float64)
                yield part[used], flat, weights[rows][used] / total

    # Shifting by one row first makes the mean of equal values that value, exactly.
    shift = minimum = maximum = None
    offset = np.float64(0)
    with bars.bar(2 * len(weights), "frame", "statistics", passing=True) as advance:
        for part, flat, shares in used_parts(advance):
            if shift is None:
                shift, minimum, maximum = flat[0], part[0], part[0]
            offset = offset + shares @ (flat - shift)
            minimum = np.minimum(minimum, part.min(axis=0))
            maximum = np.maximum(maximum, part.max(axis=0))
        mean = shift + offset
        variance = np.float64(0)
        for _, flat, shares in used_parts(advance):
            variance = variance + shares @ np.square(flat - mean)
    shape = np.shape(minimum)
    return Moments(mean.reshape(shape), np.sqrt(variance).reshape(shape), minimum, maximum)


def image_moments(
    encoded: tf.Tensor | columns.Images, weights: np.ndarray, spec: tf.TensorSpec
) -> Moments:
    """Moments of the pixels of encoded images, as numbers in [0, 1].

    Args:
      encoded: strings [n], the image files, or where they are.
      weights: integers [n] at least 0, how often each image counts; not all 0.
      spec: uint8 [height, width, channels].

    Returns:
      Moments of shape [channels], over the pixels of all images.
    """
    used = np.flatnonzero(weights)

    def histogram(frame: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
        image = batches.decode_image(columns.gather(encoded, frame), spec)
        pixels = tf.reshape(tf.cast(image, tf.int32), [-1, image.shape[-1]])
        counts = tf.math.bincount(tf.transpose(pixels), minlength=256, maxlength=256, axis=-1)
        return weight * tf.cast(counts, tf.int64)

    histograms = tf.data.Dataset.from_tensor_slices((used, weights[used])).map(
        histogram, num_parallel_calls=tf.data.AUTOTUNE
    )
    counts = np.zeros([spec.shape[-1], 256], np.int64)
    with bars.bar(len(used), "image", "statistics", passing=True) as advance:
        for some in histograms.batch(_IMAGES_AT_ONCE):
            counts += np.sum(some, axis=0)
            advance(len(some))
    levels = np.arange(256) / 255
    channels = [dataclasses.astuple(weighted_moments(levels, count)) for count in counts]
    return Moments(*map(np.stack, zip(*channels, strict=True)))


def observation_moments(dataset: dataset_lib.WindowDataset, but: Collection[str] = ()) -> Any:
    """Moments of every observation over all frames of all windows.

    Args:
      dataset: the windows.
      but: keys, of observations that are a dict, to leave out.

    Returns:
      Nest like the observation, with a `Moments` for every leaf.
    """
    weights = _counts(dataset, dataset.window_frames)
    values, spec = dataset.frames.observation, dataset.spec.observation
    if but:
        kept = [key for key in values if key not in but]
        values, spec = ({key: each[key] for key in kept} for each in (values, spec))
    return tf.nest.map_structure(
        lambda values, spec: (
            image_moments(values, weights, spec)
            if specs.is_image(spec)
            else weighted_moments(values, weights)
        ),
        values,
        spec,
    )


def action_moments(dataset: dataset_lib.WindowDataset) -> Any:
    """Moments of the actions of samples, those of the last frame of every window.

    Returns:
      Nest like the action of `dataset.frames`, with a `Moments` for every leaf.
    """
    weights = _counts(dataset, dataset.window_frames[:, -1])
    return tf.nest.map_structure(
        lambda values: weighted_moments(values, weights), dataset.frames.action
    )


def frame_moments(values: columns.Column, frames: np.ndarray) -> tuple[Moments, int]:
    """Moments over some frames, each of which counts once however often it is named.

    Args:
      values: numbers [n, ...], in memory or on disk.
      frames: integers of any shape, below n.

    Returns:
      Moments of shape [...], and how many frames they are of.
    """
    named = np.bincount(np.ravel(frames), minlength=len(values)) > 0
    return weighted_moments(values, named.astype(np.int64)), int(np.sum(named))


def merged(parts: Sequence[tuple[Moments, int]]) -> tuple[Moments, int]:
    """Moments over several data sets together, from those of each.

    Args:
      parts: moments, all of one shape, and how many numbers they are of.
    """
    moments, counts = [part[0] for part in parts], [part[1] for part in parts]
    if len(parts) == 1:
        return parts[0]
    total = sum(counts)
    shares = [count / total for count in counts]
    mean = sum(share * part.mean for share, part in zip(shares, moments, strict=True))
    variance = sum(
        share * (np.square(part.std) + np.square(part.mean - mean))
        for share, part in zip(shares, moments, strict=True)
    )
    minimum = np.min([part.minimum for part in moments], axis=0)
    maximum = np.max([part.maximum for part in moments], axis=0)
    return Moments(mean, np.sqrt(variance), minimum, maximum), total


def _counts(dataset: dataset_lib.WindowDataset, frames: np.ndarray) -> np.ndarray:
    """Returns how often each frame of the data occurs, int64 [n]."""
    return np.bincount(np.ravel(frames), minlength=len(dataset.frames.step_type))
