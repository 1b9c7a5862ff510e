"""Training windows as index arithmetic over the frames of record files.

A window is `sequence_length` adjacent frames of one shard, in which the frames before an episode's
start are replaced by its first frame, just as the history wrapper of the environments repeats
the first observation. Every frame of a shard starts one window; windows run on from the
shard's end to its beginning.
"""

from collections.abc import Sequence

import numpy as np
from tf_agents.trajectories import time_step as ts

# More would not fit into memory: each window has a row of frame numbers.
_LONGEST_SEQUENCE = 10_000


def window_frames(step_types: np.ndarray, sequence_length: int, repair: bool = True) -> np.ndarray:
    """Lists the frames of every window of one shard.

    A window with step types [F, M, L, F, M, M] has the frames [3, 3, 3, 3, 4, 5]: the last FIRST
    frame in it is repeated backwards. A window without a FIRST frame stays as it is.

    Args:
      step_types: [n] integers, the shard's step types.
      sequence_length: frames per window, from 1 to 10,000; may exceed n.
      repair: whether to replace the frames before the window's last FIRST frame. Recurrent
        networks see windows as they are, together with `first_episode_mask`.

    Returns:
      int32 [n, sequence_length] frame numbers in [0, n); row i is the window that starts at i.

    Raises:
      ValueError: `sequence_length` is out of range.
    """
    if not 1 <= sequence_length <= _LONGEST_SEQUENCE:
        raise ValueError(
            f"sequence_length is {sequence_length}, expected at least 1 and at most "
            f"{_LONGEST_SEQUENCE} frames."
        )
    n = len(step_types)
    starts = np.arange(n, dtype=np.int32)[:, None]
    slots = np.arange(sequence_length, dtype=np.int32)
    if repair:
        is_first = step_types[(starts + slots) % np.int32(n)] == ts.StepType.FIRST
        last_first = np.max(slots * is_first, axis=1, keepdims=True)
        slots = np.maximum(slots, last_first)
    return (starts + slots) % np.int32(n)


def first_episode_mask(window_step_types: np.ndarray) -> np.ndarray:
    """Marks the frames of each window up to and including its first LAST frame.

    Args:
      window_step_types: integers [..., T].

    Returns:
      bool [..., T]; what comes after belongs to another episode.
    """
    is_last = window_step_types == ts.StepType.LAST
    return np.cumsum(is_last, axis=-1) - is_last == 0


def interleaved_order(num_windows: Sequence[int]) -> np.ndarray:
    """The deterministic order: shards take turns, window by window.

    Args:
      num_windows: windows of each shard; windows are numbered shard after shard.

    Returns:
      int64 [sum(num_windows)] window numbers, each once; a shard that is through is passed over.
    """
    turns = np.concatenate([np.arange(count) for count in num_windows])
    shards = np.repeat(np.arange(len(num_windows)), num_windows)
    return np.lexsort((shards, turns))
