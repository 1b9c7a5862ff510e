"""When a noise-conditioned reward sharpens: the annealers of NEAR (arXiv 2501.14856).

Level 0 is the widest. An annealer looks at a rollout's mean energies and says which level the
reward is to be computed at, and how much is added to it.
"""

import collections
from collections.abc import Callable
from typing import Any

from ibc.utils import parameters

MeanEnergy = Callable[[int], float]
"""From a level to the mean energy of the rollout's pairs at it."""
_RECENT = 3


class Annealer:
    """A level that stays; what others begin from."""

    def __init__(self, num_levels: int, level: int = 0):
        """Begins at a level.

        Args:
          num_levels: L.
          level: Where to begin, from 0 to L − 1.

        Raises:
          ValueError: There is no such level.
        """
        parameters.check_whole("reward", L=num_levels)
        parameters.check_whole("reward", least=0, most=num_levels - 1, sigma_level=level)
        self.num_levels, self.level = num_levels, level
        self.offsets: list[float] = []

    @property
    def offset(self) -> float:
        """What is added to energies, so that they do not fall where the level changes."""
        return sum(self.offsets)

    def advance(self, energy: MeanEnergy, frame: int) -> None:
        """Takes a rollout into account.

        Args:
          energy: Its mean energies.
          frame: Steps of interaction before it.
        """

    def state(self) -> dict[str, Any]:
        """Returns all that changes, for JSON."""
        return {"level": self.level, "offsets": self.offsets}

    def restore(self, state: dict[str, Any]) -> None:
        """Takes what `state` has returned."""
        self.level, self.offsets = state["level"], list(state["offsets"])


class Linear(Annealer):
    """c = ⌊frame · L/max_frames⌋."""

    def __init__(self, num_levels: int, max_frames: int):
        """Begins at level 0.

        Args:
          num_levels: L.
          max_frames: Steps of interaction of the whole run.
        """
        super().__init__(num_levels)
        parameters.check_whole("reward", max_frames=max_frames)
        self._max_frames = max_frames

    def advance(self, energy: MeanEnergy, frame: int) -> None:
        """Goes on with time, see `Annealer`."""
        self.level = min(frame * self.num_levels // self._max_frames, self.num_levels - 1)


class Progress(Annealer):
    """Sharpens when the energy has grown by a share since the level began ('ncsnv2-adaptive')."""

    def __init__(
        self,
        num_levels: int,
        share: float = 0.02,
        decreasing: bool = False,
        progress: str = "relative_abs",
    ):
        """Begins at level 0.

        Args:
          num_levels: L.
          share: Of the first energy at the level.
          decreasing: Whether the level goes back when the energy has fallen by as much.
          progress: 'relative_abs' for e₀ + share·|e₀|; 'relative', as published, for
            e₀·(1 + share), which an energy below 0 has reached at once.

        Raises:
          ValueError: `progress` is unknown.
        """
        super().__init__(num_levels)
        if progress not in ("relative_abs", "relative"):
            raise ValueError(
                f"reward.progress must be 'relative_abs' or 'relative', but is {progress!r}."
            )
        self._share, self._decreasing = share, decreasing
        self._takes_size = progress == "relative_abs"
        self.initial: float | None = None
        self._recent: collections.deque[float] = collections.deque(maxlen=_RECENT)

    def advance(self, energy: MeanEnergy, frame: int) -> None:
        """Compares the last rollouts' mean with the first one's, see `Annealer`."""
        self._recent.append(energy(self.level))
        mean = sum(self._recent) / len(self._recent)
        if self.initial is None:
            self.initial = mean
        step = self._share * (abs(self.initial) if self._takes_size else self.initial)
        if mean >= self.initial + step and self._may_rise(mean):
            self._change(+1)
        elif self._decreasing and self.level > 0 and mean < self.initial - step:
            self._change(-1)

    def _may_rise(self, mean: float) -> bool:
        # An energy of exactly 0 has not grown by being what it was.
        grown = mean > self.initial or not self._takes_size
        return grown and self.level < self.num_levels - 1

    def _change(self, by: int) -> None:
        self.level += by
        self.initial = None
        self._recent.clear()

    def state(self) -> dict[str, Any]:
        """See `Annealer`."""
        return super().state() | {"initial": self.initial, "recent": list(self._recent)}

    def restore(self, state: dict[str, Any]) -> None:
        """See `Annealer`."""
        super().restore(state)
        self.initial = state["initial"]
        self._recent = collections.deque(state["recent"], maxlen=_RECENT)


class Thresholds(Annealer):
    """Sharpens when the next level's energy is above a threshold of the present level ('adaptive').

    θ_c = 20 − 2(c + 1). What the level brought is kept as an offset.
    """

    def __init__(self, num_levels: int, decreasing: bool = True):
        """Begins at level 0.

        Args:
          num_levels: L.
          decreasing: Whether the level goes back where the energy falls below the last threshold;
            'non-decreasing' does not.
        """
        super().__init__(num_levels)
        self._decreasing = decreasing
        self._here: collections.deque[float] = collections.deque(maxlen=_RECENT)
        self._next: collections.deque[float] = collections.deque(maxlen=_RECENT)

    def advance(self, energy: MeanEnergy, frame: int) -> None:
        """Compares with thresholds, see `Annealer`."""
        following = min(self.level + 1, self.num_levels - 1)
        self._here.append(energy(self.level))
        self._next.append(energy(following))
        here, ahead = (sum(each) / len(each) for each in (self._here, self._next))
        if ahead >= _threshold(self.level) and self.level < self.num_levels - 1:
            self.offsets.append(here)
            self._change(+1)
        elif self._decreasing and self.level > 0 and here < _threshold(self.level - 1):
            self.offsets.pop()
            self._change(-1)

    def _change(self, by: int) -> None:
        self.level += by
        self._here.clear()
        self._next.clear()

    def state(self) -> dict[str, Any]:
        """See `Annealer`."""
        return super().state() | {"here": list(self._here), "next": list(self._next)}

    def restore(self, state: dict[str, Any]) -> None:
        """See `Annealer`."""
        super().restore(state)
        self._here = collections.deque(state["here"], maxlen=_RECENT)
        self._next = collections.deque(state["next"], maxlen=_RECENT)


def _threshold(level: int) -> float:
    return 20 - 2 * (level + 1)


STRATEGIES = (
    "ncsnv2-adaptive",
    "ncsnv2-adaptive-decreasing",
    "adaptive",
    "non-decreasing",
    "linear",
)


def make(
    strategy: str,
    num_levels: int,
    sigma_level: int = -1,
    max_frames: int = 1,
    progress: str = "relative_abs",
) -> Annealer:
    """Returns the annealer of a strategy, or of a level that stays.

    Args:
      strategy: One of `STRATEGIES`.
      num_levels: L.
      sigma_level: −1 to anneal, otherwise the level.
      max_frames: Steps of interaction of the whole run, for 'linear'.
      progress: Of 'ncsnv2-adaptive', see `Progress`.

    Raises:
      ValueError: The strategy is unknown, or there is no such level.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"reward.annealing must be one of {STRATEGIES}, but is {strategy!r}.")
    if sigma_level != -1:
        return Annealer(num_levels, sigma_level)
    if strategy == "linear":
        return Linear(num_levels, max_frames)
    if strategy.startswith("ncsnv2"):
        return Progress(num_levels, decreasing="decreasing" in strategy, progress=progress)
    return Thresholds(num_levels, decreasing=strategy == "adaptive")
