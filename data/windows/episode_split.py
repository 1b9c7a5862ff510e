"""Which episodes are trained on, and which are kept for validation."""

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class EpisodeSplit:
    """How episodes are divided, drawn anew alike for the same number of them."""

    validation_ratio: float = 0.0
    """Share of the episodes kept for validation; see `validation_episodes`."""
    max_train_episodes: int | None = None
    """How many of the others to train on; see `at_most`."""
    validate_on_others: bool = False
    """Whether episodes that are left out because of that maximum are validated on too."""
    seed: int = 42
    """Decides which episodes these are."""

    def divided(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Draws the episodes to train on and those to validate on, bool [count] twice."""
        held_out = validation_episodes(count, self.validation_ratio, self.seed)
        training = at_most(~held_out, self.max_train_episodes, self.seed)
        return training, ~training if self.validate_on_others else held_out


def validation_episodes(count: int, ratio: float, seed: int = 42) -> np.ndarray:
    """Draws the episodes that are kept for validation.

    Args:
      count: number of episodes.
      ratio: share of them; 0 draws none, anything else at least one, and never all.
      seed: of NumPy's `default_rng`.

    Returns:
      bool [count].
    """
    chosen = np.zeros(count, bool)
    if ratio > 0:
        number = min(max(1, round(count * ratio)), count - 1)
        chosen[np.random.default_rng(seed).choice(count, number, replace=False)] = True
    return chosen


def at_most(episodes: np.ndarray, number: int | None, seed: int = 42) -> np.ndarray:
    """Draws among episodes when there are more than are wanted.

    Args:
      episodes: bool [E].
      number: how many to keep at most; None keeps all.
      seed: of NumPy's `default_rng`, another one than that of the validation episodes.

    Returns:
      bool [E], a part of `episodes`.
    """
    if number is None or np.sum(episodes) <= number:
        return episodes
    chosen = np.random.default_rng(seed).choice(np.sum(episodes), int(number), replace=False)
    kept = np.zeros_like(episodes)
    kept[np.flatnonzero(episodes)[chosen]] = True
    return kept
