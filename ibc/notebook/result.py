"""What comes of a training from Python."""

import dataclasses
import os
import pathlib
import typing
from collections.abc import Mapping
from typing import Any

from ibc.notebook import curves

if typing.TYPE_CHECKING:
    from ibc.runtime.policy import Policy

Averages = Mapping[str, Mapping[str, float]]
"""Task → metric → average over an evaluation's episodes."""


@dataclasses.dataclass(frozen=True, repr=False)
class TrainResult:
    """A run's folder, and what was measured in it, also before an interruption."""

    folder: pathlib.Path
    """Of the run: checkpoints, exported policies, event files, operative-gin-config.txt."""
    step: int
    """Training steps made."""
    loss: curves.Curve
    """Of training, every 100 steps and at the end."""
    validation_loss: curves.Curve
    """On the episodes that are held out; empty if there are none."""
    evaluations: Mapping[int, Averages]
    """Step → task → metric → average; empty without a task."""

    @property
    def averages(self) -> Averages:
        """Task → metric → average at the last evaluation; empty without one."""
        return self.evaluations[max(self.evaluations)] if self.evaluations else {}

    def policy(self, seed: int | None = None) -> "Policy":
        """Loads the trained policy, as `ibc.load_policy` does."""
        from ibc.deploy import load

        return load.load_policy(self.folder, seed)

    def open_loop(
        self, dataset_path: str | os.PathLike | None = None, episodes: str | None = None
    ) -> dict[str, Any]:
        """Compares the policy's actions with recorded ones, where there is no simulator to act in.

        Args:
          dataset_path: recordings in any format; what the run was trained on if not given.
          episodes: numbers and ranges without their end such as '0:5,12'; those that training
            held out if not given, or all if it held out none.

        Returns:
          What `ibc-open-loop` writes to open_loop.json (see docs/own_data.md): `errors` has, for
          the policy and two yardsticks, `mean_absolute` and `root_mean_square` for each number of
          the action, in its units, with 95 % intervals.
        """
        from ibc.open_loop import comparison

        path = None if dataset_path is None else os.fspath(dataset_path)
        return comparison.compare(self.folder, path, episodes).found

    def __repr__(self) -> str:
        """Says where the run is, how far it came, and what it reached."""
        parts = [f"{self.step} steps"]
        for name, curve in (("loss", self.loss), ("validation loss", self.validation_loss)):
            if len(curve.steps):
                parts.append(f"{name} {curve.values[0]:.4g} → {curve.values[-1]:.4g}")
        for task, averages in self.averages.items():
            metrics = ", ".join(f"{name} {value:.4g}" for name, value in averages.items())
            parts.append(f"{task}: {metrics}")
        return f"<TrainResult in {self.folder}: {'; '.join(parts)}>"


def read(folder: pathlib.Path, step: int, task_environments: Mapping[str, str]) -> TrainResult:
    """Reads what a run has measured.

    Args:
      folder: of the run.
      step: training steps made.
      task_environments: task → id of its environment, where evaluations are.
    """
    of_training = curves.read(folder / "train")
    totals = [
        curve
        for tag, curve in of_training.items()
        if tag.startswith("Eval_Losses/") and tag.endswith("_total_loss")
    ]
    evaluations: dict[int, dict[str, dict[str, float]]] = {}
    for task, environment in task_environments.items():
        for tag, curve in curves.read(folder / "eval" / environment).items():
            at_steps = zip(curve.steps.tolist(), curve.values.tolist(), strict=True)
            for at, value in at_steps if tag.startswith("Metrics/") else ():
                metrics = evaluations.setdefault(at, {}).setdefault(task, {})
                metrics[tag.removeprefix("Metrics/")] = value
    return TrainResult(
        folder,
        step,
        of_training.get("reduced_loss", curves.NONE),
        totals[0] if totals else curves.NONE,
        dict(sorted(evaluations.items())),
    )
