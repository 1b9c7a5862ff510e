"""What comes of playing recorded episodes: numbers for a file, and lines to read."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from ibc.open_loop import errors
from ibc.open_loop.playing import Played
from ibc.utils import atomic_file

POLICY, MEAN_ACTION, LAST_ACTION = "policy", "mean action", "last action"
"""What is compared with the recorded actions."""
_KINDS = {"mean_absolute": errors.mean_absolute, "root_mean_square": errors.root_mean_square}
_QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS = 10
_ENDS = ("low", "high")


def measure(played: Sequence[Played], names: Sequence[str]) -> dict[str, Any]:
    """Computes all numbers.

    Args:
      played: At least one episode.
      names: Of the numbers of an action, [A].

    Returns:
      What JSON has: errors by what acts and by kind, each with value, low and high [A] in the
      actions' units; the same of each episode, in the order of `played`; and of an implicit policy
      the ranks of recorded actions, and of action sequences the errors by steps ahead.
    """
    recorded = [episode.recorded for episode in played]
    differences = {
        POLICY: [episode.predicted - episode.recorded for episode in played],
        MEAN_ACTION: errors.of_mean_action(recorded),
        LAST_ACTION: errors.of_last_action(recorded),
    }
    scaled = errors.scaled(differences[POLICY], recorded)
    found = {
        "steps": sum(map(len, recorded)),
        "actions": list(names),
        "errors": {
            who: {kind: _plain(function(each)) for kind, function in _KINDS.items()}
            for who, each in differences.items()
        },
        "episodes": [
            {
                "number": episode.number,
                "steps": len(episode.recorded),
                "mean_absolute": np.abs(each).mean(axis=0).tolist(),
                "scaled_error": float(error),
            }
            for episode, each, error in zip(played, differences[POLICY], scaled, strict=True)
        ],
    }
    if played[0].ranks is not None:
        found["rank"] = _ranks([episode.ranks for episode in played])
    if played[0].plan_errors is not None:
        plans = np.abs(np.concatenate([episode.plan_errors for episode in played]))
        # Steps ahead that no episode is long enough for have no error.
        reached = ~np.isnan(plans).all(axis=(0, 2))
        found["mean_absolute_by_step_ahead"] = np.nanmean(plans[:, reached], axis=0).tolist()
    return found


def worst_first(found: dict[str, Any]) -> np.ndarray:
    """Returns the places of episodes in `found["episodes"]`, those with large errors first."""
    return np.argsort([-each["scaled_error"] for each in found["episodes"]], kind="stable")


def write(found: dict[str, Any], path: str | os.PathLike) -> None:
    """Writes the numbers as JSON, whole or not at all."""
    atomic_file.write_text(path, json.dumps(found, indent=1, allow_nan=False) + "\n")


def lines(found: dict[str, Any]) -> Iterator[str]:
    """Yields tables of the errors, and what is known of ranks and plans."""
    width = max(map(len, found["actions"]))
    for kind in _KINDS:
        yield f"{kind.replace('_', ' ')} error, with 95 % intervals:"
        cells = {who: _cells(of[kind]) for who, of in found["errors"].items()}
        widths = {who: max(len(who), *map(len, column)) for who, column in cells.items()}
        yield "  ".join(["  " + " " * width, *(f"{who:{w}}" for who, w in widths.items())]).rstrip()
        for row, name in enumerate(found["actions"]):
            texts = [f"{cells[who][row]:{w}}" for who, w in widths.items()]
            yield "  ".join([f"  {name:{width}}", *texts]).rstrip()
    if rank := found.get("rank"):
        quantiles = ", ".join(f"{q} {value:.2f}" for q, value in rank["quantiles"].items())
        yield (
            "rank of what was recorded among the policy's samples (0: none has less energy): mean "
            f"{_cells(rank['mean'])[0]}; quantiles {quantiles}"
        )
    if ahead := found.get("mean_absolute_by_step_ahead"):
        averages = ", ".join(f"{np.mean(each):.3g}" for each in ahead)
        yield f"mean absolute error of the best plan by step ahead, all dimensions: {averages}"


def _ranks(ranks: Sequence[np.ndarray]) -> dict[str, Any]:
    together = np.concatenate(ranks)
    return {
        "mean": _plain(errors.mean(ranks)),
        "quantiles": {f"{q:g}": float(np.quantile(together, q)) for q in _QUANTILES},
        "histogram": np.histogram(together, _BINS, (0, 1))[0].tolist(),
    }


def _plain(interval: errors.Interval) -> dict[str, Any]:
    """Returns an interval as JSON has it."""
    return {
        name: None if value is None else np.asarray(value).tolist()
        for name, value in interval._asdict().items()
    }


def _cells(interval: dict[str, Any]) -> list[str]:
    """Returns each number of an interval, with its ends where they are known."""
    ends = [None if interval[end] is None else np.atleast_1d(interval[end]) for end in _ENDS]
    return [
        f"{value:.4g}" + ("" if ends[0] is None else f" [{ends[0][i]:.4g}, {ends[1][i]:.4g}]")
        for i, value in enumerate(np.atleast_1d(interval["value"]))
    ]
