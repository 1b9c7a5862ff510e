"""What a sweep runs over: the product of tasks and of the values of options."""

import dataclasses
import itertools
import re
from collections.abc import Sequence

ALL_TASKS = ("ant", "halfcheetah", "hopper", "walker2d")
"""What --task=all means: the tasks of the published comparison."""
_FLAGS = ("algorithm", "optimised")


@dataclasses.dataclass(frozen=True)
class Point:
    """One run of a sweep."""

    task: str
    algorithm: str
    optimised: str | None
    """Name of a tuned set of options, if one is used."""
    settings: tuple[str, ...]
    """Values of what is swept, as after --set: 'seed=1'."""
    swept: tuple[str, ...]
    """What folders have to tell, `name=value`, besides task, algorithm and seed."""

    def tag(self, seed: int) -> str:
        """Returns the run's folder among those of all runs.

        Args:
          seed: Of the run.
        """
        parts = [f"{self.algorithm}_seed{seed}", *self.swept]
        return f"{plain(self.task.rpartition(':')[2])}/{plain('_'.join(parts))}"


def tasks(given: Sequence[str]) -> list[str]:
    """Returns the tasks that values of --task mean, each once."""
    meant = (ALL_TASKS if name == "all" else (name,) for name in given)
    return list(dict.fromkeys(itertools.chain.from_iterable(meant)))


def points(
    task_names: Sequence[str], algorithm: str, optimised: str | None, sweeps: Sequence[str]
) -> list[Point]:
    """Lists the runs: the values that are swept first vary most slowly, tasks before them.

    Args:
      task_names: Names of tasks.
      algorithm: For all, unless it is swept.
      optimised: Likewise.
      sweeps: Values of --sweep: an option, or 'algorithm' or 'optimised', and values with commas.

    Raises:
      ValueError: One has no values, or the same one twice; or an option is swept twice.
    """
    axes = [_axis(sweep) for sweep in sweeps]
    names = [name for name, _ in axes]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"--sweep={name} is given twice: give all values in one, with commas between them."
            )
    found = []
    for task in task_names:
        for values in itertools.product(*(values for _, values in axes)):
            chosen = dict(zip(names, values, strict=True))
            given = {"algorithm": algorithm, "optimised": optimised} | chosen
            settings = tuple(f"{n}={v}" for n, v in chosen.items() if n not in _FLAGS)
            told = tuple(f"{n}={v}" for n, v in chosen.items() if n not in ("algorithm", "seed"))
            found.append(Point(task, given["algorithm"], given["optimised"], settings, told))
    return found


def plain(text: str) -> str:
    """Returns a text as part of a file's name: what shells and file systems take otherwise as _."""
    return re.sub(r"[^\w.=+-]", "_", text)


def _axis(sweep: str) -> tuple[str, list[str]]:
    name, equals, text = sweep.partition("=")
    values = [value.strip() for value in text.split(",")]
    if not equals or not name.strip() or not all(values):
        raise ValueError(
            f"--sweep={sweep} must be an option and values with commas, such as seed=1,2,3."
        )
    if len(set(values)) < len(values):
        raise ValueError(f"--sweep={sweep}: each value must differ, as runs are kept by them.")
    return name.strip(), values
