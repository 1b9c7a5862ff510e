"""Where the runs of a benchmark are made: this machine, a Ray cluster, or SLURM.

On several machines, the library and the benchmark's folder have to be at the same place of all.
"""

import pathlib
import time
from collections.abc import Callable, Iterator, Sequence

from ibc.benchmark import local
from ibc.benchmark.plan import Job

Run = Callable[[Sequence[Job]], Iterator[tuple[Job, str | None]]]
"""Runs commands; yields each with None, or with what went wrong, as it ends."""
_POLL_SECONDS = 0.5


def get(name: str, output: pathlib.Path, slurm_options: str) -> Run:
    """Returns what runs commands.

    Args:
      name: a name in `EXECUTORS`.
      output: folder of the benchmark.
      slurm_options: `name=value` with commas, for submitit.

    Raises:
      ValueError: The options are for another executor, or are not of that form.
      ImportError: The library is not installed.
    """
    if slurm_options and name != "slurm":
        raise ValueError(f"--slurm_options is for --executor=slurm, not for {name}.")
    return EXECUTORS[name](output, slurm_options)


def run_here(job: Job) -> str | None:
    """Runs a command on this machine; returns what went wrong."""
    ((_, error),) = local.run([job])
    return error


def _on_ray(output: pathlib.Path, _: str) -> Run:
    try:
        import ray
    except ImportError as error:
        raise ImportError("--executor=ray needs Ray: pip install ray") from error

    def run(jobs: Sequence[Job]) -> Iterator[tuple[Job, str | None]]:
        if not ray.is_initialized():
            ray.init()  # The cluster that RAY_ADDRESS names, otherwise this machine.
        remote = ray.remote(num_cpus=1, max_retries=0)(local.run_one)
        waiting = {remote.remote(job): job for job in jobs}
        while waiting:
            (done,), _ = ray.wait(list(waiting), num_returns=1)
            job = waiting.pop(done)
            try:
                yield job, ray.get(done)
            except ray.exceptions.RayError as error:
                yield job, str(error).strip().splitlines()[0]

    return run


def _on_slurm(output: pathlib.Path, options: str) -> Run:
    try:
        import submitit
    except ImportError as error:
        raise ImportError("--executor=slurm needs submitit: pip install submitit") from error
    given = dict(part.partition("=")[::2] for part in options.split(",") if part)
    if not all(given.values()):
        raise ValueError(f"--slurm_options must be NAME=VALUE with commas, got '{options}'.")
    values = {name: int(text) if text.isdigit() else text for name, text in given.items()}

    def run(jobs: Sequence[Job]) -> Iterator[tuple[Job, str | None]]:
        executor = submitit.AutoExecutor(output / "slurm", cluster=values.pop("cluster", None))
        executor.update_parameters(name="ibc-benchmark", **values)
        waiting = [(executor.submit(local.run_one, job), job) for job in jobs]
        try:
            while waiting:
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


EXECUTORS: dict[str, Callable[[pathlib.Path, str], Run]] = {
    "local": lambda output, options: local.run,
    "ray": _on_ray,
    "slurm": _on_slurm,
}
"""Name → what makes such a runner."""
