"""What PPO, NEAR, AMP, CEM and DrQ-v2 keep of a run: a row for each evaluation."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

_RETURNS = ("test_returns", "episode_reward")
_OF_PPO = "goal_success_rate"
_SUCCESSES = (_OF_PPO, "success_rate")


class Evaluations(NamedTuple):
    """Evaluations of one run, E of them."""

    steps: np.ndarray
    """[E], steps of the environment that the agent had learned from; 0 for what only plans."""
    returns: np.ndarray
    """[E, episodes]; [E, 1] of averages, where a run has kept no more."""
    success: np.ndarray | None
    """[E], share of episodes at their goal, None where the task does not tell."""
    seconds: float
    """Of the run."""


def are_in(kept: Mapping[str, Any]) -> bool:
    """Whether results.json holds such rows."""
    return "evaluations" in kept


def read(kept: Mapping[str, Any]) -> Evaluations:
    """Reads the rows of results.json.

    Raises:
      KeyError, ValueError: They are not such.
    """
    rows = kept["evaluations"]
    steps = np.array([row.get("frames", 0) for row in rows], int)
    returns = _returns(rows, kept.get("episodes"))
    return Evaluations(steps, returns, _success(rows), float(kept["seconds"]))


def _returns(
    rows: Sequence[Mapping[str, Any]], episodes: Sequence[Mapping[str, float]] | None
) -> np.ndarray:
    """Returns what each episode brought; of the planner its only evaluation's, [1, episodes]."""
    if episodes:
        return np.array([[episode["test_returns"] for episode in episodes]], np.float64)
    lists = [row.get("returns") for row in rows]
    if lists and all(lists) and len(set(map(len, lists))) == 1:
        return np.array(lists, np.float64)
    means = [_told(row, _RETURNS) for row in rows]
    if None in means:
        raise KeyError(_RETURNS[0])
    return np.array(means, np.float64).reshape(-1, 1)


def _success(rows: Sequence[Mapping[str, Any]]) -> np.ndarray | None:
    found = [_told(row, _SUCCESSES) for row in rows]
    # PPO keeps a rate of 0 where the task knows no goal, too.
    unclear = any(_OF_PPO in row for row in rows) and not any(found)
    return None if None in found or unclear else np.array(found, np.float64)


def _told(row: Mapping[str, Any], names: Sequence[str]) -> float | None:
    return next((row[name] for name in names if name in row), None)
