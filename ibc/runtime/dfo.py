"""Derivative-free optimization of actions in NumPy, by the numbers that TensorFlow would draw.

See `samplers/dfo.py` and `samplers/published_dfo.py`, whose seeds these functions split likewise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ibc.runtime import philox

ScoreFn = Callable[[np.ndarray], np.ndarray]
"""Maps normalized actions [B, N, A] to scores [B, N]."""


class Found(NamedTuple):
    """Actions, and which to take."""

    actions: np.ndarray
    """Normalized, float32 [B, N, A]."""
    logits: np.ndarray
    """float32 [B, N]."""
    chosen: np.ndarray | None = None
    """int [B], where the sampler itself chooses."""


class Bounds(NamedTuple):
    """Of normalized actions."""

    minimum: np.ndarray
    """float32 [A]."""
    maximum: np.ndarray
    """float32 [A]."""

    def clip(self, actions: np.ndarray) -> np.ndarray:
        """Clips actions [..., A]."""
        return np.clip(actions, self.minimum, self.maximum)


def improved(
    stages: Sequence[Mapping[str, Any] | None],
    score_fn: ScoreFn,
    starts: np.ndarray,
    bounds: Bounds,
    seed: np.ndarray,
) -> Found:
    """Improves samples by samplers in turn, see `samplers.sampler.InTurn`.

    Args:
      stages: Name and parameters of each; None is left out.
      score_fn: Scores actions.
      starts: float32 [B, N, A].
      bounds: Of actions.
      seed: int32 [2].
    """
    found = None
    for stage, own_seed in zip(stages, philox.split(seed, 1 + len(stages))[1:], strict=True):
        if stage is not None:
            options = {key: value for key, value in stage.items() if key != "name"}
            actions = starts if found is None else found.actions
            found = SAMPLERS[stage["name"]](score_fn, actions, bounds, own_seed, **options)
    return found or Found(starts, score_fn(starts))


def iterative(
    score_fn: ScoreFn,
    actions: np.ndarray,
    bounds: Bounds,
    seed: np.ndarray,
    temperature: float,
    num_iterations: int,
    iteration_std: float,
    faithful: bool,
    average: bool = False,
) -> Found:
    """Does as `samplers.dfo.IterativeDFO`."""
    seeds, std = philox.split(seed, 2 * num_iterations), iteration_std
    units = philox.uniform(actions.shape[:2], seeds[::2])
    noises = philox.normal(actions.shape, seeds[1::2])
    logits = score_fn(actions) / np.float32(temperature)
    for iteration in range(1, num_iterations):
        actions = _at(actions, indices(logits, units[iteration]))
        actions = bounds.clip(actions + np.float32(std) * noises[iteration])
        logits = score_fn(actions) / np.float32(temperature)
        std /= 2
    if faithful:
        actions = _at(actions, indices(logits, units[0]))
    if average:
        weights = _softmax(logits)[..., np.newaxis]
        actions = actions.copy()
        actions[np.arange(len(actions)), np.argmax(logits, axis=1)] = (weights * actions).sum(
            axis=1
        )
    return Found(actions, logits)


def andy(
    score_fn: ScoreFn,
    actions: np.ndarray,
    bounds: Bounds,
    seed: np.ndarray,
    num_iterations: int,
    iteration_std: float,
) -> Found:
    """Does as `samplers.published_dfo.AndyDFO`."""
    del bounds
    for_last, *seeds = philox.split(seed, num_iterations)
    logits = score_fn(actions)
    for own_seed in seeds:
        actions = _resampled(actions, logits, iteration_std, own_seed)
        logits = score_fn(actions)
    chosen = indices(logits, philox.uniform([len(logits), 1], for_last))[:, 0]
    return Found(actions, logits, chosen)


def kevin(
    score_fn: ScoreFn,
    actions: np.ndarray,
    bounds: Bounds,
    seed: np.ndarray,
    num_iterations: int,
    iteration_std: float,
) -> Found:
    """Does as `samplers.published_dfo.KevinDFO`."""
    logits = score_fn(actions)
    for own_seed in philox.split(seed, num_iterations):
        actions = bounds.clip(_resampled(actions, logits, iteration_std, own_seed))
        logits = score_fn(actions)
    return Found(actions, logits, np.argmax(logits, axis=1))


SAMPLERS = {"iterative_dfo": iterative, "andy_dfo": andy, "kevin_dfo": kevin}
"""Name of a sampler → the function that does it."""


def indices(logits: np.ndarray, units: np.ndarray) -> np.ndarray:
    """Draws indices from softmax(logits) [B, N] by uniform numbers [B, count]: int [B, count]."""
    cumulative = np.cumsum(_softmax(logits), axis=1)
    targets = units * cumulative[:, -1:]
    rows = [
        np.searchsorted(row, target, side="right")
        for row, target in zip(cumulative, targets, strict=True)
    ]
    return np.minimum(rows, logits.shape[1] - 1)


def _softmax(logits: np.ndarray) -> np.ndarray:
    """Returns the softmax of logits [B, N], row by row."""
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)


def _at(actions: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    return actions[np.arange(len(actions))[:, np.newaxis], chosen]


def _resampled(actions: np.ndarray, logits: np.ndarray, std: float, seed: np.ndarray) -> np.ndarray:
    for_choice, for_noise = philox.split(seed, 2)
    chosen = indices(logits, philox.uniform(logits.shape, for_choice))
    return _at(actions, chosen) + np.float32(std) * philox.normal(actions.shape, for_noise)
