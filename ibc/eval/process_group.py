"""Environments spread over processes: physics on every core while the policy acts."""

import collections
import gc
import multiprocessing
import selectors
import sys
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection
from typing import Any

from tf_agents.environments import py_environment

from ibc.environments import tasks
from ibc.eval import environment_group, measured_environment
from ibc.utils import child_process, gin_config, termination


class ProcessGroup(environment_group.EnvironmentGroup):
    """A group whose environments live in worker processes.

    Environment i belongs to worker i mod num_workers and is row i mod width of wave i // width.
    There are two waves if every worker can have a share of both, so that it steps one while the
    policy acts for the other. The workers are forked from a server that has imported TensorFlow,
    see `ibc.data.recording.preload`; they end with this process.
    """

    def __init__(
        self,
        task_name: str,
        load: Callable[[], py_environment.PyEnvironment],
        num_envs: int,
        num_workers: int,
        gin_bindings: Sequence[str],
    ):
        """Starts the processes; they load their environments while this one goes on.

        Args:
          task_name: name of the task.
          load: loads one environment; must be picklable.
          num_envs: number of environments.
          num_workers: number of processes, at most `num_envs`.
          gin_bindings: bindings in force for the environment.
        """
        num_waves = 2 if num_envs >= 2 * num_workers else 1
        self.width = -(-num_envs // num_waves)
        self.sizes = [min(self.width, num_envs - first) for first in range(0, num_envs, self.width)]
        self._num_workers = num_workers
        self._waves = [environment_group.Wave(i, self.width) for i in range(len(self.sizes))]
        # Wave → workers that are yet to answer; the wave at work for longest comes first.
        self._at_work: dict[int, set[int]] = {}
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["ibc.data.recording.preload"])
        self.processes: list[multiprocessing.Process] = []
        self._pipes: list[connection.Connection] = []
        self._selector = selectors.DefaultSelector()
        self._closer = weakref.finalize(self, _stop, self._selector, self._pipes, self.processes)
        for worker in range(num_workers):
            count = len(range(worker, num_envs, num_workers))
            ours, theirs = context.Pipe()
            process = context.Process(
                target=_serve, args=(theirs, task_name, load, count, gin_bindings), daemon=True
            )
            process.start()
            self.processes.append(process)
            # With this end closed here, the pipe ends as soon as the worker is gone.
            theirs.close()
            self._pipes.append(ours)
            self._selector.register(ours, selectors.EVENT_READ, worker)

    def receive(self) -> environment_group.Reply:
        """See `EnvironmentGroup`."""
        wave, workers = next(iter(self._at_work.items()))
        while workers:
            # Of all workers, as each may die.
            for key, _ in self._selector.select():
                self._take_answer(key.data)
        del self._at_work[wave]
        return self._waves[wave].reply()

    def close(self) -> None:
        """Ends the processes."""
        self._closer()

    def _work(self, method: str, wave: int, arguments: Mapping[int, Any]) -> None:
        shares = collections.defaultdict(list)
        for row in arguments:
            shares[(wave * self.width + row) % self._num_workers].append(row)
        self._at_work[wave] = set(shares)
        for worker, rows in shares.items():
            of_worker = {
                (wave * self.width + row) // self._num_workers: arguments[row] for row in rows
            }
            try:
                self._pipes[worker].send(((wave, rows), method, of_worker))
            except (BrokenPipeError, ConnectionResetError):
                raise self._death(worker) from None

    def _take_answer(self, worker: int) -> None:
        """Receives the next answer of a worker."""
        try:
            (wave, rows), succeeded, content = self._pipes[worker].recv()
        except (EOFError, ConnectionResetError):
            raise self._death(worker) from None
        self._at_work[wave].discard(worker)
        if not succeeded:
            summary, details = content
            where = child_process.WorkerTraceback(details)
            raise child_process.WorkerError(f"evaluation process {worker}: {summary}") from where
        self._waves[wave].update(rows, *content)

    def _death(self, worker: int) -> child_process.WorkerError:
        cause = child_process.cause_of_death(self.processes[worker])
        return child_process.WorkerError(f"evaluation process {worker} {cause}.")


def _stop(
    selector: selectors.BaseSelector, pipes: list[connection.Connection], processes: list
) -> None:
    selector.close()
    for pipe in pipes:
        pipe.close()
    for process in processes:
        # At the end of its pipe it ends by itself, and releases its simulators.
        process.join(child_process.STOP_SECONDS)
        child_process.stop(process)


def _serve(
    pipe: connection.Connection,
    task_name: str,
    load: Callable[[], py_environment.PyEnvironment],
    count: int,
    gin_bindings: Sequence[str],
) -> None:
    """Answers calls until the other end of the pipe is closed, in a process of its own."""
    environments, failure = [], None
    with child_process.led_by_parent():
        # In compiled code the exception of a signal would come out as an error, or be lost.
        with termination.deferred():
            try:
                tasks.get_task(task_name).import_configurables()
                gin_config.parse((), gin_bindings)
                environments = [
                    measured_environment.MeasuredEnvironment(load()) for _ in range(count)
                ]
                # What has been imported stays: the garbage collector need not go through it again.
                gc.freeze()
            except Exception as error:
                failure = _described(error)
        while True:
            try:
                question, method, arguments = pipe.recv()
                with termination.deferred():
                    try:
                        called = failure or environment_group.call(environments, method, arguments)
                        answer = (not failure, called)
                    except Exception as error:
                        answer = (False, _described(error))
                    pipe.send((question, *answer))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                sys.exit(0)


def _described(error: Exception) -> tuple[str, str]:
    return child_process.summary(error), traceback.format_exc()
