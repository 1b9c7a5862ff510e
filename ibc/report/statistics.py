"""Means with intervals over seeds, and comparisons of two methods on the same episodes."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

_DRAWS = 10_000


class Interval(NamedTuple):
    """A number and the ends of its 95 % interval, NaN where one run tells of no spread."""

    value: float
    low: float
    high: float


class Comparison(NamedTuple):
    """How much better a method is than another on the same episodes."""

    difference: Interval
    """First less second."""
    p_values: tuple[float, ...]
    """For each seed, how probably at least as many episodes would tell the two apart by chance;
    empty where episodes have no success."""


def mean_interval(
    scores: np.ndarray, low: float = -math.inf, high: float = math.inf, confidence: float = 0.95
) -> Interval:
    """Returns the mean over runs with Student's t interval.

    Args:
      scores: One number per run, [n].
      low: No mean is less, such as 0 for a share; the interval is cut there.
      high: No mean is more.
      confidence: How probably the mean of all possible runs is inside, were they normal.
    """
    scores = np.asarray(scores, np.float64)
    if len(scores) < 2:
        return Interval(float(scores.mean()), math.nan, math.nan)
    half = stats.t.ppf((1 + confidence) / 2, len(scores) - 1) * stats.sem(scores)
    mean = float(scores.mean())
    return Interval(mean, max(low, mean - float(half)), min(high, mean + float(half)))


def seeds_and_episodes(
    scores: Sequence[np.ndarray], draws: int = _DRAWS, seed: int = 0
) -> Interval:
    """Returns the mean over runs and its bootstrap interval, which another study would redraw.

    Each draw takes as many runs as there are, with replacement, and of each of these as many
    episodes as it has: so both a training's luck and the starts' are in the interval. Of one run,
    the episodes' alone.

    Args:
      scores: A number per episode [episodes] of each run.
      draws: How many.
      seed: Of what is drawn.
    """
    rng = np.random.default_rng(seed)
    runs = [np.asarray(each, np.float64) for each in scores]
    drawn = np.zeros(draws)
    for draw in range(draws):
        for run in rng.integers(len(runs), size=len(runs)):
            episodes = runs[run]
            drawn[draw] += episodes[rng.integers(len(episodes), size=len(episodes))].mean()
    mean = float(np.mean([each.mean() for each in runs]))
    return Interval(mean, *(float(end) / len(runs) for end in np.quantile(drawn, [0.025, 0.975])))


def band(curves: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns mean, lowest and highest over seeds, each [steps], of curves [seeds, steps]."""
    return curves.mean(axis=0), curves.min(axis=0), curves.max(axis=0)


def mcnemar(first: np.ndarray, second: np.ndarray) -> float:
    """Returns the exact McNemar test's p-value, two-sided, of successes on the same episodes.

    Only episodes in which the two differ tell them apart: where both are the same, either is the
    one that succeeds with probability 1/2.

    Args:
      first: Whether each episode was a success, bool [n].
      second: The same of another method, bool [n].
    """
    only_first = int(np.sum(first & ~second))
    only_second = int(np.sum(second & ~first))
    if only_first + only_second == 0:
        return 1.0
    return float(stats.binomtest(only_first, only_first + only_second, 0.5).pvalue)


def paired_difference(first: np.ndarray, second: np.ndarray, seed: int = 0) -> Interval:
    """Returns the mean difference over the same episodes with its bootstrap interval.

    Args:
      first: A number per episode, [n].
      second: The same of another method, [n].
      seed: Of what is drawn.
    """
    differences = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    mean = float(differences.mean())
    if len(differences) < 2:
        return Interval(mean, math.nan, math.nan)
    found = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=_DRAWS,
        batch=1000,
        method="percentile",
        random_state=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high))


def compare(first: np.ndarray, second: np.ndarray, is_success: bool) -> Comparison:
    """Compares two methods on the same episodes, by runs of the same seeds.

    What is drawn are episodes, each with its mean over seeds: a run's chance in training is not
    part of the interval. McNemar's test compares one run with one run.

    Args:
      first: A number per seed and episode, [seeds, episodes].
      second: The same of another method.
      is_success: Whether these are successes, 1, and failures, 0, for McNemar's test.
    """
    difference = paired_difference(first.mean(axis=0), second.mean(axis=0))
    if not is_success or not np.isin([first, second], (0.0, 1.0)).all():
        return Comparison(difference, ())
    pairs = zip(first > 0, second > 0, strict=True)
    return Comparison(difference, tuple(mcnemar(*pair) for pair in pairs))
