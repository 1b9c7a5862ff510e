"""Pairs of neighbouring states, from recordings of any format: what energies of motions learn from.

Diwan et al., Noise-conditioned Energy-based Annealed Rewards (NEAR), 2025. By default pairs stay
inside episodes, whole episodes are kept for testing, and frames in which nothing moved are left out
first; the published pairing is there by a switch, with its jumps from one episode to the next.
"""

import dataclasses
import os
from collections.abc import Sequence

import gin
import numpy as np
import tensorflow as tf

from ibc.data.formats import convert
from ibc.data.records import specs
from ibc.data.windows import episode_split
from ibc.utils import parameters

_POSITION_JUMP, _ANGLE_JUMP = 50.0, np.pi
_SPLIT_SEED = 42


@dataclasses.dataclass(frozen=True)
class Recording:
    """The states of several episodes, one after another."""

    states: np.ndarray
    """float [N, S]."""
    ends: np.ndarray
    """The row after each episode's last one, int [E]; the last is N."""
    returns: np.ndarray | None = None
    """What each episode brought [E]; None where no step has a reward, as where none is recorded."""

    def episodes(self) -> list[np.ndarray]:
        """Returns the states of each episode, [T, S] each."""
        return np.split(self.states, self.ends[:-1])


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs [s, s'] to learn from and to test with."""

    train: np.ndarray
    """float32 [P, 2·S]."""
    test: np.ndarray
    """float32 [Q, 2·S]."""
    test_episodes: tuple[np.ndarray, ...]
    """States of the episodes kept for testing, as they were paired: float32 [T, S] each."""

    @property
    def state_size(self) -> int:
        """S."""
        return self.train.shape[1] // 2


@gin.configurable
@dataclasses.dataclass(frozen=True)
class PairOptions:
    """How pairs are made of a recording."""

    keys: tuple[str, ...] | None = None
    """Observations that are the state, in this order; None for all, in the recording's order."""
    drop_repeated: bool = True
    """Whether frames equal to the one before are left out before pairing."""
    pair_stride: int = 1
    """s' is so many frames after s, to match how far an agent gets in a step."""
    auto_ends: bool = False
    """Whether episodes are cut where Push-T's state jumps, too, see `auto_ends`."""
    test_share: float = 0.2
    """Share of the episodes, or with `published_pairing` of the pairs, that are tested with."""
    published_pairing: bool = False
    """Whether pairs are made and divided as published: over all rows, the last ones for testing."""

    def __post_init__(self):
        """Raises ValueError where an option is out of range."""
        parameters.check_whole("PairOptions", pair_stride=self.pair_stride)
        if not 0 <= self.test_share < 1:
            raise ValueError(
                f"PairOptions.test_share must be from 0 to below 1, got {self.test_share!r}."
            )
        if self.published_pairing and (self.drop_repeated or self.pair_stride != 1):
            raise ValueError(
                "PairOptions.published_pairing pairs all neighbouring frames: set drop_repeated = "
                "False and pair_stride = 1."
            )


def load(path: str | os.PathLike, options: PairOptions | None = None) -> Pairs:
    """Makes pairs of recorded episodes.

    Args:
      path: Record files (a glob, or several with commas), an npz or a zarr with `state` and
        `episode_ends`, or any other format that `ibc-data` reads.
      options: How they are made.

    Raises:
      FileNotFoundError: There is nothing.
      ValueError: It cannot be read, has no pairs, or its states are no numbers.
    """
    options = options or PairOptions()
    return make(read(path, options.keys), options, where=os.fspath(path))


def read(path: str | os.PathLike, keys: Sequence[str] | None = None) -> Recording:
    """Reads the states of recorded episodes, observations side by side.

    Args:
      path: See `load`.
      keys: Observations to take, in this order; None for all.

    Raises:
      FileNotFoundError: There is nothing.
      ValueError: It cannot be read, has no such observation, or one is an image.
    """
    source = convert.open_source(path, keys=None if keys is None else list(keys))
    leaves = specs.leaves(source.spec().observation)
    images = [name for name, leaf in leaves.items() if specs.is_image(leaf)]
    if images:
        raise ValueError(
            f"{source.path}: {images[0]} is an image, but pairs are of numbers: name the "
            "observations to take (PairOptions.keys)."
        )
    episodes, has_rewards = [], False
    for number in range(len(source.lengths)):
        frames = source.frames(number)
        convert.check_finite(source, number, frames)
        has_rewards |= bool(np.any(frames.reward))
        observation = frames.observation
        parts = (
            [observation[key] for key in keys]
            if keys is not None and isinstance(observation, dict)
            else tf.nest.flatten(observation)
        )
        rows = [np.reshape(part, (len(part), -1)) for part in parts]
        episodes.append(np.concatenate(rows, axis=1).astype(np.float32))
    ends = np.cumsum([len(each) for each in episodes])
    returns = np.asarray(source.returns) if has_rewards else None
    return Recording(np.concatenate(episodes), ends, returns)


def make(recording: Recording, options: PairOptions, where: str = "the recording") -> Pairs:
    """Makes pairs of states.

    Args:
      recording: The states.
      options: How pairs are made of them.
      where: What they are, for messages.

    Raises:
      ValueError: There are no pairs to learn from: episodes of one frame, or of repeats alone.
    """
    if options.auto_ends:
        cuts = auto_ends(recording.states)
        recording = dataclasses.replace(recording, ends=np.union1d(recording.ends, cuts))
    if options.published_pairing:
        pairs = published_windows(recording.states, recording.ends).astype(np.float32)
        split = round((1 - options.test_share) * len(pairs))
        rows = _checked(where, pairs[:split]), pairs[split:]
        return Pairs(*rows, tuple(np.asarray(each, np.float32) for each in recording.episodes()))
    episodes = [np.asarray(each, np.float32) for each in recording.episodes()]
    if options.drop_repeated:
        episodes = [without_repeats(each) for each in episodes]
    episodes = [each for each in episodes if len(each) > options.pair_stride]
    if not episodes:
        _checked(where, np.zeros((0, 2)))
    held_out = episode_split.validation_episodes(len(episodes), options.test_share, _SPLIT_SEED)
    paired = [windows(each, options.pair_stride) for each in episodes]
    train, test = (
        [pairs for pairs, is_test in zip(paired, held_out, strict=True) if is_test == wanted]
        for wanted in (False, True)
    )
    empty = np.zeros((0, paired[0].shape[1]), np.float32)
    return Pairs(
        _checked(where, np.concatenate([empty, *train])),
        np.concatenate([empty, *test]),
        tuple(each for each, is_test in zip(episodes, held_out, strict=True) if is_test),
    )


def windows(states: np.ndarray, stride: int = 1) -> np.ndarray:
    """Returns the pairs [s_t, s_(t + stride)] of an episode's states [T, S]: [T − stride, 2·S]."""
    return np.concatenate([states[:-stride], states[stride:]], axis=1)


def without_repeats(states: np.ndarray) -> np.ndarray:
    """Returns the states [T, S] that differ from the one before; the first stays."""
    moved = np.any(np.diff(states, axis=0) != 0, axis=1)
    return states[np.append(True, moved)]


def published_windows(states: np.ndarray, ends: np.ndarray, length: int = 2) -> np.ndarray:
    """Returns windows of neighbouring states as published, which loses and invents some.

    All rows are windowed, then the windows that *begin* at an episode's end, the first row of the
    next, are left out, and those up to `length` − 2 before it. So the first window of each
    episode but the first is lost, and one that jumps from its last row to the next one stays.

    Args:
      states: [N, S].
      ends: The row after each episode's last one.
      length: States in a window.

    Returns:
      [M, length·S].
    """
    count = len(states) - length + 1
    stacked = np.concatenate([states[first : first + count] for first in range(length)], axis=1)
    lost = np.subtract.outer(np.asarray(ends), np.arange(length - 1)).ravel()
    return np.delete(stacked, lost[(lost >= 0) & (lost < count)], axis=0)


def published_episode_windows(windows_: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Divides published windows [M, …] into episodes as published: by the rows' ends."""
    return np.split(windows_, np.minimum(np.asarray(ends)[:-1], len(windows_)))


def auto_ends(states: np.ndarray) -> np.ndarray:
    """Finds where episodes of Push-T end: where its state jumps.

    That is where the disc or the block moves by at least 50 pixels, or the angle by at least π.

    Args:
      states: Disc, position and angle of the block [N, 5], pixels and radians.

    Returns:
      The row after each episode's last one, int [E]; the last is N.

    Raises:
      ValueError: The states have another size.
    """
    states = np.asarray(states)
    if states.ndim != 2 or states.shape[1] != 5:
        raise ValueError(
            f"PairOptions.auto_ends is for Push-T's states [N, 5], got {list(states.shape)}."
        )
    steps = np.diff(states, axis=0)
    moved = [np.linalg.norm(steps[:, at], axis=1) for at in (slice(0, 2), slice(2, 4))]
    jumps = (np.maximum(*moved) >= _POSITION_JUMP) | (np.abs(steps[:, 4]) >= _ANGLE_JUMP)
    return np.append(np.flatnonzero(jumps) + 1, len(states))


def pair_mask(state_size: int, kept: Sequence[int]) -> tuple[bool, ...]:
    """Returns which of a pair's 2·S features are seen, given the numbers of the state that are.

    Args:
      state_size: S.
      kept: Indices of numbers of the state.

    Returns:
      2·S flags, the same for both halves of a pair.

    Raises:
      ValueError: There is no such number, or none is kept.
    """
    wrong = [index for index in kept if not 0 <= index < state_size]
    if wrong or not len(kept):
        raise ValueError(
            f"a feature mask keeps some of the numbers 0 to {state_size - 1} of a state, got "
            f"{wrong or 'none'}."
        )
    return tuple(index in set(kept) for index in range(state_size)) * 2


def _checked(where: str, pairs: np.ndarray) -> np.ndarray:
    """Returns pairs to learn from, if there are any."""
    if not len(pairs):
        raise ValueError(
            f"{where} has no pairs to learn from: every episode has one frame, or only repeats of "
            "it, or there is a single episode, which is tested with (PairOptions.test_share)."
        )
    return pairs
