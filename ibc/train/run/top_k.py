"""The checkpoints with the best values of a metric, k of them, across stops of a run."""

import dataclasses
import json
import math
import pathlib
import shutil
from collections.abc import Callable, Mapping

from absl import logging

from ibc.utils import atomic_file

MODES = ("max", "min")
_FILE = "top_k.json"


@dataclasses.dataclass(frozen=True)
class TopK:
    """Which checkpoints are kept; a value, so that offering one gives another `TopK`."""

    metric: str
    """Name of what is compared."""
    k: int = 5
    """How many are kept."""
    mode: str = "max"
    """'max' where large values are good, 'min' where small ones are."""
    kept: tuple[tuple[str, float], ...] = ()
    """Names and values, in the order in which they came."""

    def offered(self, epoch: int, value: float) -> tuple["TopK", str | None]:
        """Returns what is kept after a checkpoint was offered, and its name if it is kept.

        Where there are k, it replaces one of the worst if it is strictly better: the first of them
        with 'max', the last with 'min', as published. One that is kept already under the same name
        is not kept again, so that what happens again after a stop changes nothing.

        Args:
          epoch: what the name begins with.
          value: of the metric; one that is not a number is never kept.
        """
        name = f"epoch={epoch:04d}-{self.metric}={value:.3f}.ckpt"
        if math.isnan(value) or any(name == other for other, _ in self.kept):
            return self, None
        kept = (*self.kept, (name, value))
        if len(self.kept) < self.k:
            return dataclasses.replace(self, kept=kept), name
        ranked = sorted(self.kept, key=lambda entry: entry[1])
        worst = ranked[0] if self.mode == "max" else ranked[-1]
        if not (value > worst[1] if self.mode == "max" else value < worst[1]):
            return self, None
        return dataclasses.replace(self, kept=tuple(e for e in kept if e != worst)), name


class TopKFolder:
    """Keeps the best checkpoints in a folder, with a list of them that a stopped run goes on from.

    A checkpoint is written before the list names it, and removed after the list has forgotten it.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        wanted: TopK,
        save: Callable[[pathlib.Path], None],
        epoch_of: Callable[[int], int],
    ):
        """Reads what is kept there.

        Args:
          folder: where checkpoints are kept, and nothing else.
          wanted: metric, mode and k; nothing kept yet. A list of another metric or mode is
            forgotten, and a new one begun.
          save: writes the present weights to a folder, whole or not at all.
          epoch_of: training step → epoch.

        Raises:
          ValueError: The list is damaged.
        """
        self._folder = folder
        self._save = save
        self._epoch_of = epoch_of
        self.state, self.last_step = self._read(wanted)

    @property
    def metric(self) -> str:
        """Name of what is compared."""
        return self.state.metric

    def offer(self, step: int, values: Mapping[str, float]) -> None:
        """Keeps the present weights if they are among the best.

        Args:
          step: training step.
          values: metric → value.

        Raises:
          ValueError: The metric is not among them.
        """
        if self.metric not in values:
            raise ValueError(
                f"top_k_metric is {self.metric!r}, but what is measured is "
                f"{', '.join(sorted(values))}: choose one of these."
            )
        value = values[self.metric]
        self.state, name = self.state.offered(self._epoch_of(step), value)
        self.last_step = step
        if name:
            self._save(self._folder / name)
            logging.info("Among the best %d by %s: %s", self.state.k, self.metric, name)
        self._write()

    def _read(self, wanted: TopK) -> tuple[TopK, int]:
        path = self._folder / _FILE
        if not path.exists():
            return wanted, -1
        try:
            stored = json.loads(path.read_text())
            kept = tuple((str(name), float(value)) for name, value in stored["kept"])
            same = (stored["metric"], stored["mode"]) == (wanted.metric, wanted.mode)
            last_step = int(stored["last_step"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged ({error}); it lists the best checkpoints beside it: remove it "
                "to begin a new list."
            ) from error
        if not same:
            return wanted, -1
        there = tuple(entry for entry in kept if (self._folder / entry[0]).is_dir())
        best_first = sorted(there, key=lambda entry: entry[1], reverse=wanted.mode == "max")
        best = best_first[: wanted.k]
        state = dataclasses.replace(wanted, kept=tuple(e for e in there if e in best))
        return state, last_step

    def _write(self) -> None:
        state = dataclasses.asdict(self.state) | {"last_step": self.last_step}
        atomic_file.write_text(self._folder / _FILE, json.dumps(state, indent=2) + "\n")
        names = {name for name, _ in self.state.kept}
        for path in self._folder.glob("epoch=*.ckpt"):
            if f"-{self.metric}=" in path.name and path.name not in names:
                shutil.rmtree(path, ignore_errors=True)
