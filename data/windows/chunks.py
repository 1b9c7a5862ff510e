"""Windows for action sequences as index arithmetic over the episodes of record files.

A window is T adjacent rows of one episode; what would lie before its start repeats the episode's
first row, what would lie after its end the last one, observations and actions alike. The policy
sees the window's first `observation_steps` rows (To) and learns the actions from the last of them
on: the chunk. (Diffusion Policy, arXiv 2303.04137, section 4 and its published code.)
"""

import dataclasses

import numpy as np
from tf_agents.trajectories import time_step as ts


@dataclasses.dataclass(frozen=True)
class ChunkShape:
    """How many rows of an episode a window has, and which of them are seen and done.

    Raises:
      ValueError: the rows do not suffice, or a number is out of its range.
    """

    observation_steps: int = 2
    """To, observations that the policy sees; the last one is of the current step."""
    action_horizon: int = 1
    """Ta, actions from the current step on that can be executed."""
    latency_steps: int = 0
    """Steps that pass before a chunk's first action can be executed. So many more are learned."""
    horizon: int | None = None
    """T, rows of a window. The shortest, To − 1 + Ta + latency, makes every step of an episode a
    current step; each row more loses one at its end."""

    def __post_init__(self):
        for name, least in (("observation_steps", 1), ("action_horizon", 1), ("latency_steps", 0)):
            if getattr(self, name) < least:
                raise ValueError(
                    f"{_flag(name)} is {getattr(self, name)}, expected at least {least}."
                )
        if self.latency_steps and self.latency_steps >= self.action_horizon:
            raise ValueError(
                f"train_eval.latency_steps is {self.latency_steps}, but a chunk has "
                f"train_eval.action_horizon = {self.action_horizon} actions: give fewer steps of "
                "latency than actions."
            )
        if self.horizon is not None and self.horizon < self.least_horizon:
            raise ValueError(
                f"train_eval.horizon is {self.horizon}, but train_eval.sequence_length = "
                f"{self.observation_steps} observations and {self.chunk_steps} actions from the "
                f"last of them on need {self.least_horizon} rows: raise it, or leave it out."
            )

    @property
    def chunk_steps(self) -> int:
        """P, actions that are learned: Ta + latency."""
        return self.action_horizon + self.latency_steps

    @property
    def least_horizon(self) -> int:
        """To − 1 + Ta + latency."""
        return self.observation_steps - 1 + self.chunk_steps

    @property
    def rows(self) -> int:
        """T."""
        return self.horizon or self.least_horizon

    @property
    def pad_before(self) -> int:
        """Rows before an episode in which a window may start, To − 1 + latency."""
        return self.observation_steps - 1 + self.latency_steps

    @property
    def pad_after(self) -> int:
        """Rows after an episode in which a window may end, Ta − 1."""
        return self.action_horizon - 1


def _flag(name: str) -> str:
    return "train_eval." + {"observation_steps": "sequence_length"}.get(name, name)


def create_indices(
    episode_ends: np.ndarray,
    horizon: int,
    used: np.ndarray | None = None,
    pad_before: int = 0,
    pad_after: int = 0,
) -> np.ndarray:
    """Lists the windows of episodes, by the rows that they are filled from.

    Args:
      episode_ends: integers [E], the row after each episode's last one.
      horizon: T, rows of a window.
      used: bool [E], episodes to take; None takes all.
      pad_before: rows before an episode in which a window may start; at most T − 1 count.
      pad_after: rows after it in which one may end; at most T − 1 count.

    Returns:
      int64 [n, 4]: first row and the one after the last, in the data; the same within the window.
      An episode for which T is too long has none.
    """
    pad_before, pad_after = np.clip([pad_before, pad_after], 0, horizon - 1)
    used = np.ones(len(episode_ends), bool) if used is None else used
    starts_and_ends = np.stack([np.concatenate([[0], episode_ends[:-1]]), episode_ends], axis=1)
    parts = [np.zeros([0, 4], np.int64)]
    for start, end in starts_and_ends[np.asarray(used, bool)]:
        first = np.arange(-pad_before, end - start - horizon + pad_after + 1)
        filled = np.maximum(first, 0), np.minimum(first + horizon, end - start)
        rows = (filled[0] + start, filled[1] + start, filled[0] - first, filled[1] - first)
        parts.append(np.stack(rows, axis=1).astype(np.int64))
    return np.concatenate(parts)


def window_rows(indices: np.ndarray, horizon: int) -> np.ndarray:
    """Returns the rows of windows, with the first and the last filled one repeated.

    Args:
      indices: int64 [n, 4], see `create_indices`.
      horizon: T.

    Returns:
      int64 [n, T].
    """
    start, end, offset, _ = indices.T[..., np.newaxis]
    return np.clip(np.arange(horizon) - offset + start, start, end - 1)


def episodes_of(
    step_types: np.ndarray, are_steps: np.ndarray, shard_lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Finds the episodes of joined shards, without the frames that join one to the next.

    Args:
      step_types: integers [n] of all shards, one after the other.
      are_steps: bool [n], frames whose action was done, see `episodes.are_steps`.
      shard_lengths: frames of each shard; no episode goes on in the next one.

    Returns:
      The frames that have an action, int64 [m], and where among these each episode ends, [E].
    """
    starts = np.asarray(step_types) == ts.StepType.FIRST
    # An episode of one step without a joining frame has no FIRST.
    starts[1:] |= np.asarray(step_types)[:-1] == ts.StepType.LAST
    starts[np.cumsum([0, *shard_lengths[:-1]])] = True
    kept = np.flatnonzero(are_steps)
    episode = np.cumsum(starts)[kept]
    return kept, np.flatnonzero(np.diff(episode, append=-1)) + 1
