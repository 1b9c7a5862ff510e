"""Which recorded episodes a policy is compared with: those its training has not seen, if known."""

import contextlib
import dataclasses
import os
import pathlib
from typing import Any

import numpy as np

from ibc.data.formats import convert, record_files, selection
from ibc.data.windows import episode_split
from ibc.environments import tasks
from ibc.train.run import run_folder


@dataclasses.dataclass(frozen=True)
class Choice:
    """Episodes of a recording."""

    numbers: np.ndarray
    """int64, ascending."""
    held_out: bool | None
    """Whether training saw none of them; None if that is not known."""
    why: str
    """Says which they are."""


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run's folder tells of its data."""

    dataset_path: str | None = None
    """What was trained on, None if it does not tell."""
    max_data_shards: int = -1
    """See `RunConfig`, as all that follow."""
    dataset_eval_fraction: float = 0.0
    validation_ratio: float = 0.0
    max_train_episodes: int | None = None
    validate_on_others: bool = False


def read_run(folder: pathlib.Path) -> Run:
    """Reads what a folder tells of a run's data; nothing, if it is none.

    Raises:
      ValueError: What it tells is damaged.
    """
    bound = run_folder.bound_values(folder)
    names = [field.name for field in dataclasses.fields(Run)]
    given = {name: bound[f"train_eval.{name}"] for name in names if f"train_eval.{name}" in bound}
    task = bound.get("task") or []
    if not given.get("dataset_path") and task:
        images = bound.get("train_eval.image_obs", False)
        with contextlib.suppress(ValueError, ImportError):  # A user's own may not be here.
            given["dataset_path"] = tasks.get_task(task[0]).dataset_glob(images)
    return Run(**given)


def choose(
    source: convert.EpisodeSource, dataset_path: str, wanted: str | None, run: Run
) -> Choice:
    """Chooses among recorded episodes.

    Args:
      source: All of them.
      dataset_path: Where they are, as the user says.
      wanted: Numbers and ranges, see `selection.Selection`; None takes those that training held
        out, or all if it held out none of these.
      run: What the policy was trained on.

    Raises:
      ValueError: There are none.
    """
    count = len(source.lengths)
    if not count:
        raise ValueError(f"{source.path} has no episodes: give recordings with at least one.")
    if wanted is not None:
        numbers = selection.episode_numbers(source, wanted)
        return Choice(numbers, None, f"those of --episodes={wanted}")
    everything = np.arange(count)
    if run.dataset_path is None:
        return Choice(everything, None, "all; what the policy was trained on is not known")
    if not _is_same(dataset_path, run.dataset_path):
        return Choice(everything, None, f"all; the policy was trained on {run.dataset_path}")
    is_whole = run.max_data_shards == -1 and run.dataset_eval_fraction == 0
    numbers = _held_out(source, run) if is_whole else everything[:0]
    if len(numbers):
        ratio = f"train_eval.validation_ratio = {run.validation_ratio:g}"
        return Choice(numbers, True, f"those that training held out ({ratio})")
    saw = "all; training saw them" if is_whole else "all; training saw many of them"
    return Choice(everything, False, f"{saw}, so that errors on new ones are larger")


def _held_out(source: Any, run: Run) -> np.ndarray:
    """Returns the numbers of the episodes that a run validates on."""
    usable = np.arange(len(source.lengths))
    if not isinstance(source, record_files.RecordFiles):
        # Training's conversion leaves the others out.
        usable = np.flatnonzero(source.lengths > 1)
    split = episode_split.EpisodeSplit(
        run.validation_ratio, run.max_train_episodes, run.validate_on_others
    )
    _, held_out = split.divided(len(usable))
    return usable[held_out]


def _is_same(one: str, other: str) -> bool:
    """Whether two dataset paths mean the same files, from the working directory."""
    parts = (path.split(",") for path in (one, other))
    found = (
        [os.path.realpath(os.path.expanduser(part.strip())) for part in all_] for all_ in parts
    )
    return next(found) == next(found)
