"""When a run gives up, as others were better by then: a file in its folder, which it looks at."""

import json
import pathlib
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ibc.utils import atomic_file

FILE = "bars.json"


class Bars(NamedTuple):
    """What a run has to have reached, by steps of interaction."""

    least: Mapping[int, float]
    """Step of an evaluation → least mean over the evaluations up to it of normalized returns."""
    at_most: float | None = None
    """What the run can be worth at most, whatever it reaches; None for no bound."""

    def write(self, folder: pathlib.Path) -> None:
        """Writes the file into a run's folder."""
        folder.mkdir(parents=True, exist_ok=True)
        atomic_file.write_text(folder / FILE, json.dumps(self._asdict()))

    def are_missed(self, step: int, returns: Sequence[float]) -> bool:
        """Whether a run is to give up.

        Args:
          step: Of its latest evaluation.
          returns: Normalized return of each evaluation so far.
        """
        worth = statistics.fmean(returns)
        if self.at_most is not None:
            worth = min(worth, self.at_most)
        return step in self.least and worth < self.least[step]


def read(folder: pathlib.Path) -> Bars:
    """Reads the file of a run's folder; no bars if there is none.

    Raises:
      ValueError: It is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return Bars({})
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return Bars({int(step): float(bar) for step, bar in kept["least"].items()}, kept["at_most"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged ({error!r}): remove it.") from error
