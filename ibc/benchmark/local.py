"""Runs commands on this machine, as many at once as there are cores."""

import contextlib
import os
import subprocess
import time
from collections import deque
from collections.abc import Iterator, Sequence

from ibc.benchmark.plan import Job
from ibc.utils import child_process, folder_lock

_POLL_SECONDS = 0.1
# Read by the libraries that would otherwise start a thread for every core of the machine.
_THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)


def run(
    jobs: Sequence[Job] | deque[Job], at_most: int | None = None
) -> Iterator[tuple[Job, str | None]]:
    """Runs commands; yields each with None, or with what went wrong, as it ends.

    The cores are shared out among those that run at once, so that none waits for another's. When
    the generator is closed, or fails, the commands are told to end, and save what they have.

    Args:
      jobs: The commands. A deque is emptied as they begin, and others may be added to it while what
        is yielded is looked at.
      at_most: How many run at once; as many as there are cores if not given.
    """
    waiting, running = as_queue(jobs), {}
    cores = _cores()
    num_slots = min(len(cores), len(jobs), at_most or len(cores))
    free = [cores[slot::num_slots] for slot in range(num_slots)]
    try:
        while waiting or running:
            for job in [each for each in waiting if not folder_lock.is_held(each.folder)]:
                if not free:
                    break
                waiting.remove(job)
                own = free.pop()
                running[job] = (start(job, own), own)
            for job, (process, own) in list(running.items()):
                if process.poll() is not None:
                    del running[job]
                    free.append(own)
                    yield job, result(job, process.returncode)
            time.sleep(_POLL_SECONDS)
    finally:
        for process, _ in running.values():
            process.terminate()
        for process, _ in running.values():
            process.wait()


def as_queue(jobs: Sequence[Job] | deque[Job]) -> deque[Job]:
    """Returns a deque as it is, and a copy of anything else."""
    return jobs if isinstance(jobs, deque) else deque(jobs)


def run_one(job: Job) -> str | None:
    """Runs a command on the cores that this process may use; returns what went wrong."""
    process = start(job, _cores())
    try:
        return result(job, process.wait())
    finally:
        process.terminate()
        process.wait()


def start(job: Job, cores: Sequence[int]) -> subprocess.Popen:
    """Starts a command that uses the given cores alone, and appends what it says to its log."""
    job.log.parent.mkdir(parents=True, exist_ok=True)
    threads = dict.fromkeys(_THREADS, str(len(cores)))
    with job.log.open("ab") as log:
        process = subprocess.Popen(
            job.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | threads
        )
    if hasattr(os, "sched_setaffinity"):  # Not on macOS, where the variables have to do.
        with contextlib.suppress(ProcessLookupError):  # It has ended.
            os.sched_setaffinity(process.pid, cores)
    return process


def result(job: Job, status: int) -> str | None:
    """Records a command's success; or returns its last line of error, and where to read more."""
    if status == 0:
        job.set_done()
        return None
    lines = job.log.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    reason = errors[-1].removeprefix("error: ") if errors else f"ended with status {status}"
    return f"{reason} (log: {job.log})"


def _cores() -> list[int]:
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(child_process.num_cores()))
