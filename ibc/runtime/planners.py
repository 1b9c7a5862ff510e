"""What a network's graphs give in one step: an action, or the numbers that stand for a chunk."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from ibc.runtime import description as description_lib
from ibc.runtime import dfo, graphs, observing, philox


class EnergyPlanner:
    """Looks for actions of low energy, see `agents.ibc_policy`."""

    def __init__(self, description: description_lib.Description, found: Mapping[str, graphs.Graph]):
        """Takes the policy and its graphs `encode` and `score`."""
        self._greedy = description.greedy
        self._graphs = found
        sampling = self._sampling = description.sampling
        self._bounds = dfo.Bounds(np.float32(sampling.minimum), np.float32(sampling.maximum))
        self._scale, self._offset = np.float32(sampling.scale), np.float32(sampling.offset)

    def initial_state(self, batch_size: int) -> np.ndarray:
        """Returns what a warm start begins with, [B, A]; an episode's first step ignores it."""
        return np.zeros([batch_size, len(self._scale)], np.float32)

    def __call__(
        self, windows: observing.Windows, is_first: bool, state: np.ndarray, seed: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns actions [B, A] and the state after them."""
        if self._greedy:
            for_samples, for_choice = seed, None
        else:
            for_samples, for_choice = philox.split(seed, 2)
        found = self.found(windows, is_first, state, for_samples)
        chosen = found.chosen
        if chosen is None and self._greedy:
            chosen = np.argmax(found.logits, axis=1)
        elif chosen is None:
            units = philox.uniform([len(found.logits), 1], for_choice)
            chosen = dfo.indices(found.logits, units)[:, 0]
        normalized = found.actions[np.arange(len(chosen)), chosen]
        return normalized * self._scale + self._offset, normalized

    def found(
        self, windows: observing.Windows, is_first: bool, state: np.ndarray, seed: np.ndarray
    ) -> dfo.Found:
        """Returns the samples that are chosen among."""
        encoding = self.encode(windows)
        starts = self._starts(len(encoding), is_first, state, philox.split(seed, 1)[0])

        def score(actions):
            return self.score(encoding, actions)

        return dfo.improved(self._sampling.stages, score, starts, self._bounds, seed)

    def encode(self, windows: observing.Windows) -> np.ndarray:
        """Returns the encoding of observations."""
        return self._graphs["encode"](*flat(windows))[0]

    def score(self, encoding: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """Returns scores [B, N] of normalized actions [B, N, A]."""
        return self._graphs["score"](encoding, np.ascontiguousarray(actions, np.float32))[0]

    def _starts(
        self, batch: int, is_first: bool, previous: np.ndarray, seed: np.ndarray
    ) -> np.ndarray:
        sampling, bounds = self._sampling, self._bounds
        drawn = starts(sampling, bounds, batch, seed)
        if is_first or not sampling.warm_start_fraction:
            return drawn
        count = max(1, round(sampling.warm_start_fraction * drawn.shape[1]))
        noise = philox.normal([batch, count, drawn.shape[2]], philox.split(seed, 1)[0])
        near = previous[:, np.newaxis] + np.float32(sampling.warm_start_std) * noise
        return np.concatenate([bounds.clip(near), drawn[:, count:]], axis=1)


def starts(
    sampling: description_lib.Sampling, bounds: dfo.Bounds, batch: int, seed: np.ndarray
) -> np.ndarray:
    """Draws where samples start without a warm start: normalized actions float32 [B, N, A].

    Args:
      sampling: How, and how many.
      bounds: Of normalized actions.
      batch: B.
      seed: int32 [2].
    """
    shape = [batch, sampling.num_action_samples, len(bounds.minimum)]
    if sampling.normal_std is None:
        unit = philox.uniform(shape, seed)
        return bounds.minimum + unit * (bounds.maximum - bounds.minimum)
    return np.float32(sampling.normal_std) * philox.normal(shape, seed)


class ExplicitPlanner:
    """Takes what a graph gives, see `agents.mse_agent` and `agents.mdn_agent`."""

    def __init__(self, description: description_lib.Description, found: Mapping[str, graphs.Graph]):
        """Takes the policy and its graph `regress`, or `components`."""
        self._draws = not description.greedy or description.greedy_samples
        self._graphs = found

    def initial_state(self, batch_size: int) -> Any:
        """Returns nothing."""
        del batch_size

    def __call__(
        self, windows: observing.Windows, is_first: bool, state: Any, seed: np.ndarray
    ) -> tuple[np.ndarray, Any]:
        """Returns actions [B, A] and the state after them."""
        del is_first
        if "regress" in self._graphs:
            return self._graphs["regress"](*flat(windows))[0], state
        logits, means, scales = self._graphs["components"](*flat(windows))
        rows = np.arange(len(logits))
        if not self._draws:
            return means[rows, np.argmax(logits, axis=1)], state
        for_component, for_noise = philox.split(seed, 2)
        units = philox.uniform([len(logits), 1], for_component)
        chosen = dfo.indices(logits, units)[:, 0]
        noise = philox.normal([len(logits), means.shape[2]], for_noise)
        return means[rows, chosen] + scales[rows, chosen] * noise, state


def flat(windows: observing.Windows) -> list[np.ndarray]:
    """Returns the arrays of observations in the order of graphs' inputs, that of their keys."""
    if isinstance(windows, dict):
        return [windows[key] for key in sorted(windows)]
    return [windows]
