"""The replay: the latest transitions of interaction, from which batches are drawn."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ibc.utils import transitions


@dataclasses.dataclass(frozen=True)
class Layout:
    """How a transition lies in one row of numbers, so that a batch is a single array."""

    observation_size: int
    """O, the absorbing bit included."""
    action_size: int
    """A."""

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return sum(self._sizes())

    def pack(self, rows: transitions.Transitions) -> np.ndarray:
        """Returns transitions as float32 [B, width]."""
        columns = [np.reshape(field, [len(field), -1]) for field in rows]
        return np.concatenate(columns, axis=1, dtype=np.float32)

    def unpack(self, packed: np.ndarray | tf.Tensor) -> transitions.Transitions:
        """Returns packed rows [B, width] as transitions of what they are: arrays or tensors."""
        fields, start = {}, 0
        for name, size in zip(transitions.Transitions._fields, self._sizes(), strict=True):
            is_vector = name in self._vectors()
            fields[name] = packed[:, start : start + size] if is_vector else packed[:, start]
            start += size
        return transitions.Transitions(**fields)

    def _sizes(self) -> list[int]:
        return [self._vectors().get(name, 1) for name in transitions.Transitions._fields]

    def _vectors(self) -> dict[str, int]:
        seen = {name: self.observation_size for name in ("observation", "next_observation")}
        return seen | {"action": self.action_size}


class Replay:
    """A ring of transitions; when it is full, the oldest go.

    The row that was appended as the n-th, from 0, lies at n modulo its capacity.
    """

    def __init__(self, layout: Layout, capacity: int):
        """Creates an empty ring.

        Args:
          layout: Of its rows.
          capacity: How many it holds; more than the run takes steps are never needed.

        Raises:
          ValueError: It would hold none.
        """
        if capacity < 1:
            raise ValueError(f"A replay must hold at least one transition, not {capacity!r}.")
        self.layout, self.capacity = layout, capacity
        # Memory is taken as rows are written.
        self.rows = np.zeros([capacity, layout.width], np.float32)
        """float32 [capacity, width], packed."""
        self.total = 0
        """How many rows were ever appended."""
        self.num_trajectories = 0
        """How many episodes of the agent have ended."""

    def __len__(self) -> int:
        return min(self.total, self.capacity)

    def append(self, rows: transitions.Transitions) -> None:
        """Appends transitions of NumPy arrays [B, ...]."""
        self.append_packed(self.layout.pack(rows))

    def append_packed(self, packed: np.ndarray) -> None:
        """Appends packed transitions [B, width]."""
        latest = packed[-self.capacity :]
        self.total += len(packed)
        self.rows[self._places(len(latest))] = latest

    def end_trajectory(self) -> None:
        """Counts an episode that has ended."""
        self.num_trajectories += 1

    def latest(self, count: int) -> np.ndarray:
        """Returns the latest rows [≤ count, width] in the order in which they were appended."""
        return self.rows[self._places(min(count, len(self)))]

    def sample(self, count: int, seed: int | Sequence[int]) -> np.ndarray:
        """Draws rows uniformly with replacement, the newest too.

        The published sampler leaves out the newest one, and fails where there is one alone.

        Args:
          count: How many.
          seed: What the draw follows from.

        Returns:
          float32 [count, width], packed.

        Raises:
          ValueError: There are none.
        """
        return draw(self.rows[: len(self)], count, seed)

    def _places(self, count: int) -> np.ndarray:
        return np.arange(self.total - count, self.total) % self.capacity


def draw(rows: np.ndarray, count: int, seed: int | Sequence[int]) -> np.ndarray:
    """Draws some of the rows [N, width] uniformly with replacement: [count, width].

    Raises:
      ValueError: There are none.
    """
    if not len(rows):
        raise ValueError("Nothing can be drawn from a replay without transitions.")
    return rows[np.random.default_rng(seed).integers(len(rows), size=count)]
