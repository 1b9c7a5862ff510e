"""The replay of DrQ-v2: whole episodes, each frame held once, transitions over n steps."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np

from ibc.agents import drq_v2_agent


@dataclasses.dataclass(frozen=True)
class Episode:
    """L steps of an episode that has ended."""

    frames: np.ndarray
    """[L + 1, ...], one picture uint8 [H, W, C] or one state float32 [S] each; the first is the
    reset's."""
    actions: np.ndarray
    """float32 [L, A], what was done after frame t."""
    rewards: np.ndarray
    """float32 [L]."""
    discounts: np.ndarray
    """float32 [L]: 0 where the episode terminated, else 1."""

    def __post_init__(self):
        """Raises ValueError unless there are as many of each as belong together."""
        lengths = [len(self.frames) - 1, *map(len, (self.actions, self.rewards, self.discounts))]
        if lengths[0] < 1 or len(set(lengths)) > 1:
            raise ValueError(
                "An episode has one frame more than steps, and at least one step, but this has "
                f"{len(self.frames)} frames, {lengths[1]} actions, {lengths[2]} rewards and "
                f"{lengths[3]} discounts."
            )

    def __len__(self) -> int:
        return len(self.actions)


class FrameReplay:
    """The latest episodes; when they are too many steps, the oldest go."""

    def __init__(self, capacity: int, n_step: int = 3, discount: float = 0.99, stack: int = 3):
        """Creates an empty replay.

        Args:
          capacity: Steps that it holds; the newest episode is kept however long it is.
          n_step: n, steps over which rewards are summed.
          discount: γ.
          stack: Frames in an observation, the newest last; 1 leaves frames as they are.

        Raises:
          ValueError: A number is out of its range.
        """
        if min(capacity, n_step, stack) < 1 or not 0 <= discount <= 1:
            raise ValueError(
                "capacity, n_step and stack must be at least 1, and discount within 0 and 1, but "
                f"are {capacity}, {n_step}, {stack} and {discount}."
            )
        self._capacity, self._n_step = capacity, n_step
        self._discount, self._stack = discount, stack
        self.episodes: collections.deque[Episode] = collections.deque()
        """The oldest first."""
        self.total = 0
        """How many episodes were ever added."""
        self.baseline: np.ndarray | None = None
        """What is taken from the reward of each time index, [T]; nothing if None."""
        self.scale: np.float32 | None = None
        """What rewards are multiplied by then; nothing if None."""
        self._steps = 0

    def __len__(self) -> int:
        return self._steps

    def add(self, episode: Episode) -> None:
        """Adds an episode, and drops as many of the oldest as there is no room for."""
        self.episodes.append(episode)
        self.total += 1
        self._steps += len(episode)
        while self._steps > self._capacity and len(self.episodes) > 1:
            self._steps -= len(self.episodes.popleft())

    def sample(self, count: int, seed: int | Sequence[int]) -> drq_v2_agent.Batch:
        """Draws transitions: an episode, then a step of it, both uniformly.

        Args:
          count: B.
          seed: What the draw follows from.

        Returns:
          A batch of arrays.

        Raises:
          ValueError: There is no episode.
        """
        if not self.episodes:
            raise ValueError("Nothing can be drawn from a replay without episodes.")
        random = np.random.default_rng(seed)
        drawn = [self.episodes[i] for i in random.integers(len(self.episodes), size=count)]
        rooms = [len(episode) - self._span(episode) + 1 for episode in drawn]
        places = random.integers(rooms)
        return self._transitions(drawn, places)

    def transition(self, episode: Episode, step: int) -> tuple[np.ndarray, ...]:
        """Returns observation, action, R, D and next observation, see `drq_v2_agent.Batch`.

        Args:
          episode: Of the transition.
          step: t, at most L − n. Episodes of fewer than n steps are one transition over all of
            them.
        """
        return tuple(part[0] for part in self._transitions([episode], np.array([step])))

    def _transitions(self, drawn: Sequence[Episode], places: np.ndarray) -> drq_v2_agent.Batch:
        """Returns the transitions [B] that begin at a step of an episode each."""
        spans = np.array([self._span(episode) for episode in drawn])
        totals, factors = np.zeros(len(drawn), np.float32), np.ones(len(drawn), np.float32)
        for offset in range(spans.max()):
            inside = offset < spans
            times = np.where(inside, places + offset, places)
            pairs = list(zip(drawn, times.tolist(), strict=True))
            rewards = np.array([episode.rewards[t] for episode, t in pairs])
            discounts = np.array([episode.discounts[t] for episode, t in pairs])
            if self.baseline is not None:
                rewards = rewards - self.baseline[times]
            if self.scale is not None:
                rewards = rewards * self.scale
            totals = np.where(inside, totals + factors * rewards, totals)
            later = factors * (np.float32(self._discount) * discounts)
            factors = np.where(inside, later, factors)
        pairs = list(zip(drawn, places.tolist(), (places + spans).tolist(), strict=True))
        actions = [episode.actions[t] for episode, t, _ in pairs]
        seen = [stacked(episode.frames, t, self._stack) for episode, t, _ in pairs]
        following = [stacked(episode.frames, t, self._stack) for episode, _, t in pairs]
        return drq_v2_agent.Batch(
            np.array(seen), np.array(actions), totals, factors, np.array(following)
        )

    def _span(self, episode: Episode) -> int:
        return min(self._n_step, len(episode))


def stacked(frames: np.ndarray, index: int, stack: int) -> np.ndarray:
    """Returns the `stack` frames that end with one, in their last dimension; the first repeats.

    Args:
      frames: [T, ...].
      index: Of the last one.
      stack: How many there are.
    """
    if stack == 1:
        return frames[index]
    places = np.maximum(np.arange(index - stack + 1, index + 1), 0)
    return np.concatenate(frames[places], axis=-1)
