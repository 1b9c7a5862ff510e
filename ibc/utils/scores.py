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
