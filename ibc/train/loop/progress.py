"""What a training tells of itself while it goes on, to whoever asks."""

from collections.abc import Callable, Mapping
from typing import NamedTuple


class Progress(NamedTuple):
    """Where a training is."""

    step: int
    """Training steps made, those before an interruption too."""
    num_iterations: int
    """Training steps in all."""
    loss: float | None = None
    """Of the latest step; None before the first one and while something else is done."""
    measured: Mapping[str, float] = {}
    """What has just been measured, 'val_loss' or 'train_action_mse_error'."""
    averages: Mapping[str, Mapping[str, float]] = {}
    """Task → metric → average, of an evaluation that has just ended."""
    is_evaluating: bool = False
    """Whether an evaluation begins."""
    episodes_done: int = 0
    """Of an evaluation that goes on; 0 at other times."""
    episodes: int = 0
    """How many it has, in all tasks."""


Report = Callable[[Progress], object]
"""Is called after every few steps, in the training's thread; what it raises ends the training."""


def ignore(progress: Progress) -> None:
    """Reports nothing."""
