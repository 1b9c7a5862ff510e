"""Records videos of episodes, one after the other or in several processes.

A video depends on the options and on its own index alone, not on which process makes it or when: so
the same files come of any number of processes, and of a recording that was interrupted.
"""

import contextlib
import multiprocessing
import pathlib
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection

import numpy as np

from ibc.data import video_files
from ibc.data.recording import video_options
from ibc.environments import tasks
from ibc.utils import (
    atomic_file,
    child_process,
    folder_lock,
    gin_config,
    startup,
    termination,
)

Done = Callable[[video_options.Job, float], None]
_LONGEST_WAIT_SECONDS = 1.0


def run(options: video_options.VideoOptions, advance: Callable[..., object]) -> int:
    """Records what is not there yet.

    Args:
      options: What to record; it has been checked.
      advance: Is told, in this process, how many more videos there are.

    Returns:
      How many videos were recorded now.

    Raises:
      ValueError: The folder holds other videos, or the task draws none.
      BlockingIOError: Another process records into the folder.
      WorkerError: A process has failed.
    """
    with folder_lock.held(options.folder(), "give another --video_dir"):
        return _run(options, advance)


def _run(options: video_options.VideoOptions, advance: Callable[..., object]) -> int:
    folder = options.folder()
    video_options.begin_or_continue(options)
    jobs = options.jobs()
    places = {job.path(folder).parent for job in jobs}
    known = {place: video_options.read_returns(place) for place in places}
    for place in places:
        _write_returns(place, known[place])  # without a line that was cut off

    def is_done(job: video_options.Job) -> bool:
        path = job.path(folder)
        return path.name in known[path.parent] and path.exists()

    missing = [job for job in jobs if not is_done(job)]
    advance(len(jobs) - len(missing))
    with _journals(folder, missing) as note, termination.polled():

        def done(job: video_options.Job, value: float) -> None:
            note(job, value)
            advance(1)

        if options.processes == 1:
            _record(options, missing, done)
        else:
            _record_side_by_side(options, missing, done)
    for place in places:
        _write_returns(place, video_options.read_returns(place))  # in their order
    return len(missing)


def _write_returns(place: pathlib.Path, returns: dict[str, float]) -> None:
    text = video_options.returns_text(returns)
    atomic_file.write_text(place / video_options.RETURNS, text)


@contextlib.contextmanager
def _journals(folder: pathlib.Path, jobs: Sequence[video_options.Job]) -> Iterator[Done]:
    """Yields what notes the returns of videos whose files are complete, one line each."""
    with contextlib.ExitStack() as stack:
        files = {}
        for place in {job.path(folder).parent for job in jobs}:
            path = place / video_options.RETURNS
            files[place] = stack.enter_context(open(path, "a", encoding="utf-8"))

        def note(job: video_options.Job, value: float) -> None:
            path = job.path(folder)
            files[path.parent].write(video_options.returns_text({path.name: value}))
            files[path.parent].flush()

        yield note


def _record(
    options: video_options.VideoOptions, jobs: Sequence[video_options.Job], done: Done
) -> None:
    if not jobs:
        return
    startup.import_tensorflow_quietly()
    from ibc.data.recording import video_player

    task = tasks.get_task(options.task)
    task.import_configurables()
    gin_config.parse(options.gin_file, options.gin_bindings, task.config_folders())
    players: dict[int, video_player.VideoPlayer] = {}
    for job in jobs:
        termination.check()
        if job.label not in players:
            players[job.label] = video_player.VideoPlayer(options, job.label)
        video, value = players[job.label].play(job)
        video_files.write(job.path(options.folder()), video[np.newaxis])
        done(job, value)


def _record_side_by_side(
    options: video_options.VideoOptions, jobs: Sequence[video_options.Job], done: Done
) -> None:
    """Deals the videos to processes that are forked from one with TensorFlow in it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ibc.data.recording.preload"])
    count = min(options.processes, len(jobs))
    with contextlib.ExitStack() as stack:
        waiting = {}
        for number in range(count):
            reader, process = stack.enter_context(_worker(context, options, jobs[number::count]))
            waiting[reader] = process
        for process in waiting.values():
            stack.callback(process.terminate)  # All are told before the first is waited for.
        while waiting:
            termination.check()
            for reader in connection.wait(list(waiting), timeout=_LONGEST_WAIT_SECONDS):
                if not _received(reader, waiting[reader], done):
                    del waiting[reader]


def _received(reader: connection.Connection, process, done: Done) -> bool:
    """Takes a message; returns whether more will come."""
    try:
        kind, content = reader.recv()
    except (EOFError, OSError):
        termination.check()  # It may have ended every process of the group.
        raise child_process.WorkerError(
            f"a process that records videos {child_process.cause_of_death(process)}."
        ) from None
    if kind == "failure":
        termination.check()
        summary, details = content
        where = child_process.WorkerTraceback(details)
        raise child_process.WorkerError(f"recording videos: {summary}") from where
    if kind == "video":
        done(*content)
    return kind == "video"


@contextlib.contextmanager
def _worker(context, options, jobs) -> Iterator[tuple]:
    reader, writer = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(options, jobs, writer), daemon=True)
    process.start()
    writer.close()  # With this end closed, the pipe is at its end as soon as the process is gone.
    try:
        yield reader, process
    finally:
        child_process.stop(process)
        reader.close()
        for place in {job.path(options.folder()).parent for job in jobs}:
            atomic_file.remove_leftovers_of(process.pid, place)


def _work(options, jobs, writer: connection.Connection) -> None:
    # Also while it is set up: what a signal raises in compiled code is printed there, and lost.
    with child_process.led_by_parent(), termination.polled():
        try:
            _record(options, jobs, lambda job, value: writer.send(("video", (job, value))))
            writer.send(("end", None))
        except BrokenPipeError:
            return  # The parent is gone.
        except Exception as error:
            writer.send(("failure", (child_process.summary(error), traceback.format_exc())))
