"""Errors of actions with intervals by the bootstrap over episodes, in NumPy.

Steps of an episode are alike, so whole episodes are drawn anew: an interval over steps would be far
too narrow. (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13.)
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

_RESAMPLES = 2000
_PERCENTILES = (2.5, 97.5)


class Interval(NamedTuple):
    """A number, or one for each dimension, with its 95 % interval."""

    value: np.ndarray
    """Of all steps, [...]."""
    low: np.ndarray | None
    """Lower end; None of a single episode."""
    high: np.ndarray | None
    """Upper end."""


def mean(values: Sequence[np.ndarray]) -> Interval:
    """Averages over the steps of all episodes.

    Args:
      values: Of each episode [n, ...].
    """
    return _mean(values, lambda average: average)


def mean_absolute(differences: Sequence[np.ndarray]) -> Interval:
    """Returns mean absolute errors [A] of each episode's differences [n, A]."""
    return mean([np.abs(each) for each in differences])


def root_mean_square(differences: Sequence[np.ndarray]) -> Interval:
    """Returns root-mean-square errors [A] of each episode's differences [n, A]."""
    return _mean([np.square(each) for each in differences], np.sqrt)


def of_mean_action(recorded: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Returns the errors [n, A] of always doing what was done on average, in all these episodes."""
    average = np.concatenate(recorded).mean(axis=0)
    return [average - each for each in recorded]


def of_last_action(recorded: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Returns the errors [n, A] of repeating what was done a step ago; first, the mean action."""
    average = np.concatenate(recorded).mean(axis=0)
    return [np.concatenate([[average], each[:-1]]) - each for each in recorded]


def scaled(differences: Sequence[np.ndarray], recorded: Sequence[np.ndarray]) -> np.ndarray:
    """Returns an error without unit for each episode, [E], by which they can be compared.

    It is the root of the mean over steps and dimensions of (error / standard deviation)², where
    deviations are those of the recorded actions; 1 where there is none.
    """
    deviation = np.concatenate(recorded).std(axis=0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return np.array([np.sqrt(np.mean(np.square(each / deviation))) for each in differences])


def _mean(values: Sequence[np.ndarray], function: np.ufunc) -> Interval:
    """Returns a function of the average over all steps, and its interval."""
    lengths = np.array([len(each) for each in values])
    sums = np.stack([each.sum(axis=0) for each in values])
    value = function(sums.sum(axis=0) / lengths.sum())
    count = len(values)
    if count == 1:
        return Interval(value, None, None)
    # How often each episode is drawn; always the same draws, so that errors can be compared.
    times = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), _RESAMPLES)
    averages = np.tensordot(times, sums, axes=1)
    drawn = function(averages / (times @ lengths).reshape(-1, *[1] * (sums.ndim - 1)))
    low, high = np.percentile(drawn, _PERCENTILES, axis=0)
    return Interval(value, low, high)
