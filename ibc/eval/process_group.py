"""Environments spread over processes: physics on every core, in lock-step."""

import multiprocessing
import sys
import traceback
import weakref
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection
from typing import Any

from tf_agents.environments import py_environment
from tf_agents.trajectories import time_step

from ibc.environments import tasks
from ibc.environments.utils import child_process, gin_config
from ibc.eval import environment_group


class ProcessGroup:
    """An `EnvironmentGroup` whose environments live in worker processes.

    Environment i belongs to worker i mod num_workers. The workers are forked from a server that
    has imported TensorFlow, see `ibc.data.policy_eval_preload`; they end with this process.
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
        self.num_envs = num_envs
        self._num_workers = num_workers
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["ibc.data.policy_eval_preload"])
        self.processes: list[multiprocessing.Process] = []
        self._pipes: list[connection.Connection] = []
        self._closer = weakref.finalize(self, _stop, self._pipes, self.processes)
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

    def start(
        self, assignments: Mapping[int, environment_group.Assignment]
    ) -> dict[int, time_step.TimeStep]:
        """See `EnvironmentGroup`."""
        return self._call("start", assignments)

    def step(
        self, actions: Mapping[int, Any]
    ) -> dict[int, tuple[time_step.TimeStep, environment_group.Outcome | None]]:
        """See `EnvironmentGroup`."""
        return self._call("step", actions)

    def close(self) -> None:
        """Ends the processes."""
        self._closer()

    def _call(self, method: str, arguments: Mapping[int, Any]) -> dict[int, Any]:
        """Calls a method of the workers' groups, each with its own environments' arguments."""
        shares: dict[int, dict[int, Any]] = {}
        for index, value in arguments.items():
            shares.setdefault(index % self._num_workers, {})[index // self._num_workers] = value
        for worker, share in shares.items():
            try:
                self._pipes[worker].send((method, share))
            except (BrokenPipeError, ConnectionResetError):
                raise self._death(worker) from None
        results = {}
        for worker in shares:
            for local, value in self._receive(worker).items():
                results[local * self._num_workers + worker] = value
        return results

    def _receive(self, worker: int) -> dict[int, Any]:
        try:
            succeeded, content = self._pipes[worker].recv()
        except (EOFError, ConnectionResetError):
            raise self._death(worker) from None
        if succeeded:
            return content
        summary, details = content
        where = child_process.WorkerTraceback(details)
        raise child_process.WorkerError(f"evaluation process {worker}: {summary}") from where

    def _death(self, worker: int) -> child_process.WorkerError:
        cause = child_process.cause_of_death(self.processes[worker])
        return child_process.WorkerError(f"evaluation process {worker} {cause}.")


def _stop(pipes: list[connection.Connection], processes: list) -> None:
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
    group, failure = None, None
    with child_process.led_by_parent():
        try:
            tasks.get_task(task_name).import_configurables()
            gin_config.parse((), gin_bindings)
            group = environment_group.LocalGroup([load() for _ in range(count)])
        except Exception as error:
            failure = _described(error)
        while True:
            try:
                method, arguments = pipe.recv()
                answer = (False, failure) if failure else _answer(group, method, arguments)
                pipe.send(answer)
            except (EOFError, BrokenPipeError, ConnectionResetError):
                sys.exit(0)


def _answer(group: environment_group.LocalGroup, method: str, arguments: dict) -> tuple[bool, Any]:
    try:
        return True, getattr(group, method)(arguments)
    except Exception as error:
        return False, _described(error)


def _described(error: Exception) -> tuple[str, str]:
    return child_process.summary(error), traceback.format_exc()
