"""Runs replicas of an evaluation in processes of their own, and none of them outlives it."""

import contextlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing import connection

from absl import logging

from ibc.data.recording import journal as journals
from ibc.data.recording import options as recording_options
from ibc.utils import atomic_file, child_process, termination

_LONGEST_WAIT_SECONDS = 1.0


class ReplicaError(child_process.WorkerError):
    """A replica failed or was killed; the message says which and why."""


def run(
    options: recording_options.EvaluationOptions,
    on_episode: Callable[[], None],
    note: Callable[[str], None] = logging.info,
) -> list[journals.Result]:
    """Runs `options.replicas` replicas side by side.

    The processes come from a server that has imported TensorFlow once and is forked for each
    of them, before TensorFlow has started any thread. They compute on the CPU.

    Args:
      options: What each replica does.
      on_episode: Called, in this process, whenever a replica has ended an episode.
      note: Called, in this process, with replicas' lines for the log.

    Returns:
      The replicas' results, in their order.

    Raises:
      ReplicaError: One has failed; the others have been stopped.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ibc.data.recording.preload"])
    with contextlib.ExitStack() as stack:
        readers = {}
        for replica in range(options.replicas):
            reader, process = stack.enter_context(_replica(context, options, replica))
            readers[reader] = (replica, process)
        for _, process in readers.values():
            # All are told before the first is waited for.
            stack.callback(process.terminate)
        results = _collect(readers, on_episode, note)
    # Until now they told replicas that are done, should others be interrupted, that they are.
    for replica in range(options.replicas):
        journals.forget(options.shard_path(replica))
    return results


@contextlib.contextmanager
def _replica(
    context, options: recording_options.EvaluationOptions, replica: int
) -> Iterator[tuple]:
    """Starts a replica; yields the pipe it reports to and its process, which ends with it."""
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(options, replica, writer), daemon=True)
    try:
        process.start()
    except EOFError as error:
        termination.check()  # It may have ended every process of the group.
        raise ReplicaError(
            f"replica {replica} could not be started, since the process that replicas are forked "
            "from was killed: is the memory full?"
        ) from error
    except OSError as error:
        raise ReplicaError(f"replica {replica} could not be started: {error}") from error
    # With this end closed here, the pipe is at its end as soon as the replica is gone.
    writer.close()
    try:
        yield reader, process
    finally:
        child_process.stop(process)
        reader.close()
        if process.exitcode != 0:
            # The encoder of a video outlives a replica that was killed, and may yet begin its file.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
        # It may have been killed before it could do so.
        shard = os.path.realpath(os.path.expanduser(options.shard_path(replica)))
        for folder in (os.path.dirname(shard), os.path.expanduser(options.output_path)):
            atomic_file.remove_leftovers_of(process.pid, folder or ".")


def _collect(
    readers: dict, on_episode: Callable[[], None], note: Callable[[str], None]
) -> list[journals.Result]:
    """Receives the replicas' messages until each has sent its result."""
    results = {}
    waiting = dict(readers)
    while waiting:
        termination.check()
        for reader in connection.wait(list(waiting), timeout=_LONGEST_WAIT_SECONDS):
            replica, process = waiting[reader]
            try:
                kind, content = reader.recv()
            except (EOFError, OSError):  # the latter in the middle of a message
                termination.check()  # It may have ended every process of the group.
                raise ReplicaError(
                    f"replica {replica} {child_process.cause_of_death(process)}."
                ) from None
            if kind == "episode":
                on_episode()
            elif kind == "note":
                note(content)
            elif kind == "result":
                results[replica] = content
                del waiting[reader]
            else:
                termination.check()  # It may have ended what the replica needed.
                summary, details = content
                where = child_process.WorkerTraceback(details)
                raise ReplicaError(f"replica {replica}: {summary}") from where
    return [results[replica] for replica in sorted(results)]


def _work(
    options: recording_options.EvaluationOptions, replica: int, writer: connection.Connection
) -> None:
    """Runs one replica, in its own process and group of processes."""
    os.setpgid(0, 0)
    # Also while it is set up: what a signal raises in compiled code is printed there, and lost.
    with child_process.led_by_parent(), termination.polled():
        try:
            from ibc.data.recording import recorder

            result = recorder.run(
                options,
                replica,
                lambda: writer.send(("episode", None)),
                lambda line: writer.send(("note", line)),
                keep_journal=True,
            )
            message = ("result", result)
        except Exception as error:
            message = ("failure", (child_process.summary(error), traceback.format_exc()))
        try:
            writer.send(message)
        except BrokenPipeError:
            sys.exit(1)  # The parent is gone.
