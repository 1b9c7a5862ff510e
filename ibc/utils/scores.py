"""Scores of several runs together: normalised, their robust mean, and how sure it is.

After Agarwal et al., Deep Reinforcement Learning at the Edge of the Statistical Precipice,
arXiv 2108.13264.
"""

from collections.abc import Sequence

import numpy as np
from scipy import stats

_TRIMMED = 0.25


def normalized(
    episode_return: np.ndarray | float, random_return: float, expert_return: float
) -> np.ndarray | float:
    """Returns 0 for the return of random actions, 1 for the expert's, and so on linearly.

    Raises:
      ValueError: Both are the same, so that there is no such scale.
    """
    if random_return == expert_return:
        raise ValueError(
            f"Random actions and the expert have the same return {expert_return}: no return can "
            "be normalised."
        )
    return (episode_return - random_return) / (expert_return - random_return)


def interquartile_mean(scores: np.ndarray, axis: int | None = None) -> np.ndarray | float:
    """Returns the mean without the lowest and the highest quarter, each rounded down.

    Args:
      scores: Numbers.
      axis: Along which; None for all together.
    """
    return stats.trim_mean(scores, _TRIMMED, axis=axis)


def interval(
    scores_of_tasks: Sequence[np.ndarray],
    confidence: float = 0.95,
    draws: int = 50_000,
    seed: int = 0,
) -> tuple[float, float]:
    """Returns a confidence interval of the interquartile mean over runs and tasks.

    It is a percentile bootstrap, stratified: each task's runs are drawn among themselves.

    Args:
      scores_of_tasks: For each task the scores of its runs, whose numbers may differ.
      confidence: How probably the mean is inside.
      draws: Number of resamples.
      seed: Of what is drawn.

    Returns:
      Lower and upper end; NaN where a task has a single run, which tells of no spread.
    """
    if min(map(len, scores_of_tasks)) < 2:
        return float("nan"), float("nan")

    def mean(*tasks: np.ndarray, axis: int) -> np.ndarray:
        return interquartile_mean(np.concatenate(tasks, axis=axis), axis=axis)

    found = stats.bootstrap(
        tuple(map(np.asarray, scores_of_tasks)),
        mean,
        n_resamples=draws,
        batch=5000,
        vectorized=True,
        confidence_level=confidence,
        method="percentile",
        random_state=np.random.default_rng(seed),
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def probability_of_improvement(
    first_of_tasks: Sequence[np.ndarray],
    second_of_tasks: Sequence[np.ndarray],
    confidence: float = 0.95,
    draws: int = 10_000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Returns how probably a run of one method is above one of another, and its interval.

    The mean over tasks of the share of pairs in which the first is above; ties count half. The
    bootstrap draws each task's runs of each method among themselves.

    Args:
      first_of_tasks: For each task the scores of the first method's runs.
      second_of_tasks: The second's, of the same tasks.
      confidence: How probably the probability is inside.
      draws: Number of resamples.
      seed: Of what is drawn.

    Returns:
      Probability, lower and upper end; the ends are NaN where a method has one run of a task.
    """
    random = np.random.default_rng(seed)
    shares, resampled = [], np.zeros(draws)
    for first, second in zip(first_of_tasks, second_of_tasks, strict=True):
        above = (np.sign(np.subtract.outer(first, second)) + 1) / 2
        shares.append(above.mean())
        rows, columns = (random.integers(n, size=[draws, n]) for n in above.shape)
        drawn = above[rows[:, :, np.newaxis], columns[:, np.newaxis, :]]
        resampled += drawn.mean(axis=(1, 2)) / len(first_of_tasks)
    probability = float(np.mean(shares))
    if min(map(len, [*first_of_tasks, *second_of_tasks])) < 2:
        return probability, float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(resampled, [tail, 1 - tail])
    return probability, float(low), float(high)
