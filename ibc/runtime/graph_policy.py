"""A policy that `ibc-export` has written: graphs for the networks, NumPy for the rest."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ibc.runtime import description as description_lib
from ibc.runtime import graphs, observing, planners, policy

OF_KIND = {
    "energy": ("encode", "score"),
    "regression": ("regress",),
    "mixture": ("components",),
}
"""Kind of a policy → graphs that it consists of."""
OF_CHUNKS = ("code", "decode")
"""Further graphs of a policy of action sequences."""


def is_in(folder: str | os.PathLike) -> bool:
    """Tells whether a folder holds such a policy."""
    names = (graph[0] for graph in OF_KIND.values())
    return any(
        pathlib.Path(folder, f"{name}.{kind}").is_file() for name in names for kind in graphs.KINDS
    )


def load(folder: str | os.PathLike, seed: int | None = None) -> policy.Policy:
    """Loads such a policy; TensorFlow is not needed.

    Args:
      folder: What `ibc-export` has written.
      seed: See `policy.Policy`.

    Raises:
      FileNotFoundError: A file is missing.
      ValueError, TypeError: A file is damaged, or the seed is no seed.
      ImportError: onnxruntime or LiteRT is not installed.
    """
    return policy.Policy(GraphPolicy(folder), seed)


class GraphPolicy:
    """See `policy.Backend`."""

    def __init__(self, folder: str | os.PathLike):
        """Loads the graphs of a folder; errors as in `load`."""
        described = description_lib.read(folder)
        if described is None:
            raise FileNotFoundError(
                f"{folder} holds graphs but no {description_lib.FILE}; copy the whole folder that "
                "ibc-export has written."
            )
        self.description = described
        names = OF_KIND[described.kind] + (OF_CHUNKS if described.chunks else ())
        self._graphs = {name: _graph(pathlib.Path(folder), name) for name in names}
        runner = type(self._graphs[names[0]]).__name__
        self.where = f"run by NumPy and {_RUNNERS[runner]} from {folder}"
        kind = planners.EnergyPlanner if described.sampling else planners.ExplicitPlanner
        self._planner = kind(described, self._graphs)

    def initial_state(self, batch_size: int) -> Any:
        """See `policy.Backend`."""
        state, chunks = self._planner.initial_state(batch_size), self.description.chunks
        if chunks is None:
            return state
        planned = chunks.chunk_steps - chunks.latency_steps
        shape = [batch_size, planned, *self.description.action.shape]
        plan, weight = np.zeros(shape, np.float32), np.zeros(planned, np.float32)
        return _Plan(plan, weight, 0, state, ())

    def act(
        self, windows: observing.Windows, is_first: bool, state: Any, seed: np.ndarray
    ) -> tuple[np.ndarray, Any]:
        """See `policy.Backend`."""
        if self.description.chunks:
            actions, state = self._next_of_plan(windows, is_first, state, seed)
        else:
            actions, state = self._planner(windows, is_first, state, seed)
        spec = self.description.action
        actions = actions.reshape(-1, *spec.shape).astype(spec.dtype)
        if spec.clip and spec.minimum is not None:
            actions = np.clip(actions, spec.minimum, spec.maximum).astype(spec.dtype)
        return actions, state

    def encode(self, windows: observing.Windows) -> np.ndarray:
        """See `policy.Backend`."""
        return self._planner.encode(windows)

    def score(self, encoding: np.ndarray, actions: np.ndarray) -> np.ndarray:
        """See `policy.Backend`."""
        return self._planner.score(encoding, actions)

    def samples(self, windows: observing.Windows, seed: np.ndarray) -> np.ndarray:
        """See `policy.Backend`."""
        rows = len(planners.flat(windows)[0])
        return self._planner.found(windows, True, self._planner.initial_state(rows), seed).actions

    def components(self, windows: observing.Windows) -> Sequence[np.ndarray]:
        """See `policy.Backend`."""
        return self._graphs["components"](*planners.flat(windows))

    def code(self, windows: observing.Windows, chunks: np.ndarray) -> np.ndarray:
        """See `policy.Backend`."""
        return self._graphs["code"](*planners.flat(windows), np.float32(chunks))[0]

    def decode(self, windows: observing.Windows, actions: np.ndarray) -> np.ndarray:
        """See `policy.Backend`."""
        return self._graphs["decode"](*planners.flat(windows), np.float32(actions))[0]

    def _next_of_plan(
        self, windows: observing.Windows, is_first: bool, state: "_Plan", seed: np.ndarray
    ) -> tuple[np.ndarray, "_Plan"]:
        """Does as `agents.receding_horizon`, for rows whose episodes began together."""
        chunks = self.description.chunks
        late = chunks.latency_steps
        seen = ((windows,) * late if is_first else state.seen) + (windows,)
        plan, weight, executed, planner = state.plan, state.weight, state.executed, state.planner
        if is_first or executed >= chunks.action_steps:
            coded, planner = self._planner(seen[0], is_first, planner, seed)
            plan, weight = self._merged(self.decode(seen[0], coded)[:, late:], plan, weight)
            executed = 0
        plan_after = np.concatenate([plan[:, 1:], np.zeros_like(plan[:, :1])], axis=1)
        weight_after = np.append(weight[1:], np.float32(0))
        after = _Plan(plan_after, weight_after, executed + 1, planner, seen[1:])
        return plan[:, 0], after

    def _merged(
        self, chunk: np.ndarray, plan: np.ndarray, weight: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Averages a new chunk [B, P, ...] with earlier ones, whose weights [P] are relative."""
        decay = self.description.chunks.temporal_ensemble
        if decay is None:
            return chunk, np.ones_like(weight)
        share = (1 / (weight + 1)).reshape(1, -1, *[1] * (chunk.ndim - 2))
        return share * chunk + (1 - share) * plan, (weight + 1) * np.exp(np.float32(decay))


class _Plan(NamedTuple):
    """State of a policy of action sequences."""

    plan: np.ndarray
    """float32 [B, P, ...], the next action first."""
    weight: np.ndarray
    """float32 [P], of earlier plans for the same steps."""
    executed: int
    """Steps since the plan was made."""
    planner: Any
    """State of what plans."""
    seen: tuple[observing.Windows, ...]
    """Observations that plans are not made from yet, the oldest first."""


_RUNNERS = {"Onnx": "onnxruntime", "Lite": "LiteRT"}


def _graph(folder: pathlib.Path, name: str) -> graphs.Graph:
    for kind, load_graph in graphs.KINDS.items():
        if (folder / f"{name}.{kind}").is_file():
            return load_graph(folder / f"{name}.{kind}")
    raise FileNotFoundError(
        f"{folder} holds no graph {name!r}; copy the whole folder that ibc-export has written."
    )
