"""What a benchmark consists of: a training for each task, config and seed."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence

from ibc.utils import atomic_file

_DONE = "benchmark.json"


@dataclasses.dataclass(frozen=True)
class Job:
    """A command, whose output goes to a log, and the folder that it fills."""

    name: str
    """Of the run: TASK/config/seed_N."""
    command: tuple[str, ...]
    folder: pathlib.Path
    """The run's folder."""
    log: pathlib.Path

    def is_done(self) -> bool:
        """Whether this very command has succeeded in this folder before."""
        try:
            stored = json.loads((self.folder / _DONE).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return False
        return stored == {"command": list(self.command[1:])}

    def set_done(self) -> None:
        """Records that the command has succeeded."""
        # Without the interpreter, which may move.
        text = json.dumps({"command": self.command[1:]}, indent=1)
        atomic_file.write_text(self.folder / _DONE, text + "\n")


def check_differ(flag: str, given: Sequence[object]) -> None:
    """Raises ValueError where a flag names something twice."""
    if len(set(given)) < len(given):
        listed = ",".join(map(str, given))
        raise ValueError(f"--{flag} names {listed}: each must differ, as runs are kept by them.")


def trainings(
    output: pathlib.Path,
    tasks: Sequence[str],
    gin_files: Sequence[str],
    seeds: Sequence[int],
    metric: str,
    bindings: Sequence[str] = (),
) -> list[Job]:
    """Lists the trainings, in an order that has every config early.

    Args:
      output: folder of the benchmark.
      tasks: names of tasks.
      gin_files: paths, or bare names of files that ship for the tasks.
      seeds: of the runs.
      metric: by which the best checkpoint is kept.
      bindings: for all runs.

    Raises:
      ValueError: Something is given twice.
    """
    configs = [pathlib.PurePath(file).stem for file in gin_files]
    for flag, given in (("task", tasks), ("gin_file", configs), ("seeds", seeds)):
        check_differ(flag, given)
    jobs = []
    for seed in seeds:
        for task in tasks:
            for file, config in zip(gin_files, configs, strict=True):
                tag = f"{task}/{config}/seed_{seed}"
                bound = [
                    f"train_eval.top_k_metric = {metric!r}",
                    "train_eval.top_k_checkpoints = 1",
                    *bindings,
                    f"train_eval.root_dir = {str(output / 'runs')!r}",
                    f"train_eval.seed = {seed}",
                ]
                flags = [f"--task={task}", f"--gin_file={file}", f"--tag={tag}"]
                flags += [f"--gin_bindings={binding}" for binding in bound]
                command = (sys.executable, "-m", "ibc.train_eval", *flags)
                log = output / "logs" / f"{tag.replace('/', '-')}.log"
                jobs.append(Job(tag, command, output / "runs" / tag, log))
    return jobs


def recordings(
    output: pathlib.Path, tasks: Sequence[str], gin_files: Sequence[str], bindings: Sequence[str]
) -> dict[str, Job]:
    """Returns for each task the command that records its demonstrations if there are none."""
    jobs = {}
    for task in tasks:
        flags = [f"--task={task}", *(f"--gin_file={file}" for file in gin_files)]
        flags += [f"--gin_bindings={binding}" for binding in bindings]
        command = (sys.executable, "-m", "ibc.benchmark.demonstrations", *flags)
        log = output / "logs" / f"{task}-demonstrations.log"
        jobs[task] = Job(f"{task}: demonstrations", command, output, log)
    return jobs
