"""Where the runs of a benchmark are made: this machine, a Ray cluster, or SLURM.

On several machines, the library and the benchmark's folder have to be at the same place of all.
"""

import argparse
import contextlib
import functools
import math
import pathlib
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence

from absl import logging

from ibc.benchmark import local
from ibc.benchmark.plan import Job

Run = Callable[[Sequence[Job] | deque[Job]], Iterator[tuple[Job, str | None]]]
"""Runs commands; yields each with None, or with what went wrong, as it ends, see `local.run`."""
_POLL_SECONDS = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds --executor and --slurm_options."""
    parser.add_argument(
        "--executor",
        default="local",
        choices=sorted(EXECUTORS),
        help="where runs are made: this machine, a Ray cluster, or SLURM (local)",
    )
    parser.add_argument(
        "--slurm_options",
        default="",
        metavar="A=1,B=2",
        help="for submitit, such as timeout_min=60,slurm_partition=gpu",
    )


def get(
    name: str, output: pathlib.Path, slurm_options: str = "", at_most: int | None = None
) -> Run:
    """Returns what runs commands.

    Args:
      name: a name in `EXECUTORS`.
      output: folder of the benchmark.
      slurm_options: `name=value` with commas, for submitit.
      at_most: how many run at once; all that there is place for if not given.

    Raises:
      ValueError: The options are for another executor, or are not of that form.
      ImportError: The library is not installed.
    """
    if slurm_options and name != "slurm":
        raise ValueError(f"--slurm_options is for --executor=slurm, not for {name}.")
    return EXECUTORS[name](output, slurm_options, at_most)


def finish(
    run: Run, jobs: Sequence[Job], outcome: Callable[[Job], str] = lambda job: "done"
) -> dict[str, str]:
    """Runs commands and logs how each has ended; returns name → what went wrong.

    Args:
      run: See `get`.
      jobs: What is run.
      outcome: Says what one that has not failed has brought.
    """
    failures = {}
    with contextlib.closing(run(jobs)) as ended:
        for number, (job, error) in enumerate(ended, start=1):
            logging.info("%d/%d %s: %s", number, len(jobs), job.name, error or outcome(job))
            if error:
                failures[job.name] = error
    return failures


def listed(failures: Mapping[str, str], missing: int, count: int) -> Iterator[str]:
    """Yields a line for each failure.

    Args:
      failures: Name → what went wrong.
      missing: Runs that are not done.
      count: Runs that were asked for.

    Raises:
      ValueError: There is one.
    """
    for name, error in failures.items():
        yield f"failed: {name}: {error}"
    if failures:
        raise ValueError(
            f"{missing} of {count} runs are missing; the same command tries them again. First: "
            f"{next(iter(failures.values()))}"
        )


def run_here(job: Job) -> str | None:
    """Runs a command on this machine; returns what went wrong."""
    ((_, error),) = local.run([job])
    return error


def _on_ray(output: pathlib.Path, _: str, at_most: int | None) -> Run:
    try:
        import ray
    except ImportError as error:
        raise ImportError("--executor=ray needs Ray: pip install ray") from error

    def run(jobs: Sequence[Job] | deque[Job]) -> Iterator[tuple[Job, str | None]]:
        if not ray.is_initialized():
            ray.init()  # The cluster that RAY_ADDRESS names, otherwise this machine.
        remote = ray.remote(num_cpus=1, max_retries=0)(local.run_one)
        queue, waiting = local.as_queue(jobs), {}
        while queue or waiting:
            while queue and len(waiting) < (at_most or math.inf):
                job = queue.popleft()
                waiting[remote.remote(job)] = job
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(done)
            try:
                yield job, ray.get(done)
            except ray.exceptions.RayError as error:
                yield job, str(error).strip().splitlines()[0]

    return run


def _on_slurm(output: pathlib.Path, options: str, at_most: int | None) -> Run:
    try:
        import submitit
    except ImportError as error:
        raise ImportError("--executor=slurm needs submitit: pip install submitit") from error
    given = dict(part.partition("=")[::2] for part in options.split(",") if part)
    if not all(given.values()):
        raise ValueError(f"--slurm_options must be NAME=VALUE with commas, got '{options}'.")
    values = {name: int(text) if text.isdigit() else text for name, text in given.items()}
    cluster = values.pop("cluster", None)

    def run(jobs: Sequence[Job] | deque[Job]) -> Iterator[tuple[Job, str | None]]:
        executor = submitit.AutoExecutor(output / "slurm", cluster=cluster)
        executor.update_parameters(name="ibc-benchmark", **values)
        queue, waiting = local.as_queue(jobs), []
        try:
            while queue or waiting:
                while queue and len(waiting) < (at_most or math.inf):
                    job = queue.popleft()
                    waiting.append((executor.submit(local.run_one, job), job))
                for submitted, job in [each for each in waiting if each[0].done()]:
                    waiting.remove((submitted, job))
                    try:
                        yield job, submitted.result()
                    except Exception as error:  # submitit's have no common class
                        yield job, str(error).strip().splitlines()[-1]
                time.sleep(_POLL_SECONDS)
        finally:
            for submitted, _ in waiting:
                submitted.cancel()

    return run


EXECUTORS: dict[str, Callable[[pathlib.Path, str, int | None], Run]] = {
    "local": lambda output, options, at_most: functools.partial(local.run, at_most=at_most),
    "ray": _on_ray,
    "slurm": _on_slurm,
}
"""Name → what makes such a runner."""
