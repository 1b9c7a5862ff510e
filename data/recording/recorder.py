"""Runs a policy's episodes one after another: measures them, and records those that are wanted.

Episode j of record file i is the same whenever and by whomever it is run, so that a recording goes
on after its last whole episode as if it had never been interrupted.
"""

import contextlib
import dataclasses
import functools
import itertools
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np
from absl import logging
from tf_agents.drivers import py_driver
from tf_agents.environments import py_environment
from tf_agents.metrics import py_metric
from tf_agents.policies import py_policy
from tf_agents.trajectories import time_step, trajectory

from ibc.data.recording import journal as journals
from ibc.data.recording import options as recording_options
from ibc.data.recording import policies
from ibc.data.records import manifest, shard_writer
from ibc.environments import contract, tasks, video
from ibc.utils import gin_config, termination

Observer = Callable[[trajectory.Trajectory], None]
Note = Callable[[str], None]

# After so many failures in a row the next episodes will not be successes either.
MAX_FAILURES = 100
# After so many, and then every so many seconds, the log says how it stands.
_WORTH_A_NOTE = 5
_NOTE_SECONDS = 10.0


class EpisodeFiles(Protocol):
    """What is written beside a record file."""

    def observers(self, number: int) -> contextlib.AbstractContextManager[Sequence[Observer]]:
        """Yields observers of an episode that is about to begin, and will have this number."""

    def keep(self, number: int, actions: Sequence[np.ndarray]) -> None:
        """Is told that the episode is kept, and its actions."""

    def publish(self) -> None:
        """Completes the files, shortly before the record file appears."""

    def remove(self) -> None:
        """Removes what is unfinished: the recording is given up."""


def derived_seed(seed: int, replica: int, *episode: int) -> int:
    """Returns the seed of a replica's policy or, given an episode, of the environment in it.

    A 32-bit number that depends on nothing but these, so neither the scheduling of processes nor
    their count changes an episode: `SeedSequence(seed, spawn_key=(replica, episode))`.
    """
    return int(np.random.SeedSequence(seed, spawn_key=(replica, *episode)).generate_state(1)[0])


def film(add_frame: Callable[[], None], frame: trajectory.Trajectory) -> None:
    """Adds the picture before a step to a video."""
    if int(frame.step_type) != time_step.StepType.LAST:
        add_frame()


@dataclasses.dataclass
class Recorder:
    """Runs the episodes of one record file."""

    options: recording_options.Options
    """What to run."""
    shard: int
    """Index of the record file, or of the replica."""
    env: py_environment.PyEnvironment
    """Their environment."""
    policy: py_policy.PyPolicy
    """The policy, just made."""
    metrics: Sequence[py_metric.PyStepMetric] = ()
    """The environment's own figures, each of one episode."""
    on_episode: Callable[[], None] = lambda: None
    """Called whenever an episode has been kept."""
    note: Note = logging.info
    """Called with lines for the log."""
    _noted: float = float("-inf")
    """When failures were last noted."""

    def measure(self, files: EpisodeFiles) -> list[journals.Episode]:
        """Runs the episodes and records none."""
        episodes: list[journals.Episode] = []
        with termination.polled():
            self._run(episodes, files, None, episodes.append)
        return episodes

    def record(self, path: str, files: EpisodeFiles) -> list[journals.Episode]:
        """Records the episodes in a file that appears when it is complete.

        An interruption leaves the whole episodes so far; whoever records the file next with the
        same settings goes on from them. The journal stays until `journal.forget`.

        Raises:
          ValueError: The settings make what cannot be recorded, or the file is being recorded.
        """
        path = os.path.expanduser(path)
        with termination.polled():
            journal = journals.Journal(path, journals.settings(self.options), self.note)
            try:
                if not _is_complete(path, journal):
                    self._record(path, files, journal)
            except BaseException as error:
                # The same command would end in the same error.
                if isinstance(error, ValueError) or not journal.episodes:
                    journal.remove()
                    files.remove()
                raise
            finally:
                journal.close()
        return journal.episodes

    def _record(self, path: str, files: EpisodeFiles, journal: journals.Journal) -> None:
        def append(episode: journals.Episode) -> None:
            writer.flush()
            journal.append(episode)

        # What becomes infinite is refused by the writer.
        with (
            np.errstate(over="ignore", invalid="ignore"),
            shard_writer.ShardWriter(path, self.policy.trajectory_spec) as writer,
        ):
            known, found = len(journal.episodes), journals.copy_episodes(journal, writer)
            if found < known:
                whole = f"only {found} of {known} episodes of the interrupted one are whole."
                self.note(f"{path}: {whole}")
            journal.keep(found)
            if found:
                self._go_on(path, journal)
            else:
                files.remove()
            writer.keep_as(os.path.basename(journal.records))
            self._run(journal.episodes, files, writer, append)
            files.publish()

    def _go_on(self, path: str, journal: journals.Journal) -> None:
        """Brings the policy to where an interrupted recording has left it."""
        kept = sum(episode.frames > 0 for episode in journal.episodes)
        self.note(f"{path}: going on after episode {kept} of {self.options.num_episodes}.")
        policies.set_draws(self.policy, journal.draws())
        if getattr(self.options, "saved_model_path", None):
            self.note(
                f"{path}: an exported policy's own random draws begin anew: if it makes any, "
                "the other episodes are not those of a recording without interruption."
            )

    def _run(
        self,
        episodes: Sequence[journals.Episode],
        files: EpisodeFiles,
        writer: shard_writer.ShardWriter | None,
        append: Callable[[journals.Episode], None],
    ) -> None:
        """Runs episodes until enough are kept; `append` makes `episodes` longer."""
        kept = sum(episode.frames > 0 for episode in episodes)
        for _ in range(kept):
            self.on_episode()
        successes_only = getattr(self.options, "successes_only", False)
        self._seed_next(len(episodes))
        step = self.env.reset() if kept < self.options.num_episodes else None
        draws = policies.draws(self.policy)
        while kept < self.options.num_episodes:
            # The driver's last step resets the environment to the episode after this one.
            self._seed_next(len(episodes) + 1)
            observed = _Observed(self.env)
            frames: list[trajectory.Trajectory] = []
            sinks = () if writer is None else (frames.append if successes_only else writer,)
            with files.observers(kept) as more:
                observers = [*self.metrics, *sinks, *more, observed]
                driver = py_driver.PyDriver(self.env, self.policy, observers, max_episodes=1)
                step, _ = driver.run(step, self.policy.get_initial_state(1))
            before, draws = draws, policies.draws(self.policy)
            is_kept = observed.succeeded or not successes_only
            if is_kept:
                for frame in frames:
                    writer(frame)
                files.keep(kept, observed.actions[:-1])
                kept += 1
            append(
                journals.Episode(
                    frames=len(observed.actions) * is_kept,
                    steps=len(observed.actions) - 1,
                    reward=observed.reward,
                    succeeded=observed.succeeded,
                    metrics=contract.results(self.metrics),
                    draws=None if draws == before else draws,
                )
            )
            if is_kept:
                self.on_episode()
            else:
                self._note_failures(episodes)

    def _seed_next(self, episode: int) -> None:
        counted = self.options.episode_number(self.shard, episode)
        derived = derived_seed(self.options.seed, self.shard, episode)
        self.env.seed(derived if counted is None else counted)

    def _note_failures(self, episodes: Sequence[journals.Episode]) -> None:
        """Says now and then that the oracle fails, and gives up when there is no hope."""
        row = sum(1 for _ in itertools.takewhile(lambda e: not e.succeeded, reversed(episodes)))
        if row >= MAX_FAILURES:
            raise ValueError(
                f"the oracle of task {self.options.task} has failed {MAX_FAILURES} times in a row, "
                "so --successes_only would never end; leave it out, or check --gin_bindings."
            )
        if row >= _WORTH_A_NOTE and time.monotonic() - self._noted >= _NOTE_SECONDS:
            self._noted = time.monotonic()
            succeeded = sum(episode.succeeded for episode in episodes)
            self.note(
                f"The oracle has failed {row} times in a row (it succeeded in {succeeded} of "
                f"{len(episodes)} episodes); after {MAX_FAILURES} failures this ends."
            )


def run(
    options: recording_options.EvaluationOptions,
    replica: int = 0,
    on_episode: Callable[[], None] = lambda: None,
    note: Note = logging.info,
    keep_journal: bool = False,
) -> journals.Result:
    """Runs `num_episodes` episodes of one replica, alone.

    Args:
      options: What to do; it has been checked.
      replica: Index of the replica.
      on_episode: Called at the end of each episode.
      note: Called with lines for the log.
      keep_journal: Whether the journal stays, which tells others that this replica is done.

    Returns:
      Metrics and the names of the files written.

    Raises:
      ValueError: The policy does not fit the environment, or gin names are wrong.
    """
    task = tasks.get_task(options.task)
    task.import_configurables()
    bindings = (*policies.picture_bindings(options), *options.bindings())
    gin_config.parse(options.gin_file, bindings, task.config_folders())
    env = policies.load_environment(options)
    recorder = Recorder(
        options,
        replica,
        env,
        policies.make(options, env, derived_seed(options.seed, replica)),
        metrics=contract.make_metrics(env, 1),
        on_episode=on_episode,
        note=note,
    )
    path = options.shard_path(replica)
    with contextlib.ExitStack() as stack:
        files = _EvaluationFiles(options, replica, env, stack)
        episodes = recorder.measure(files) if path is None else recorder.record(path, files)
    if path is not None and not keep_journal:
        journals.forget(path)
    return journals.result(episodes, files.names if path is None else [path, *files.names])


class _EvaluationFiles:
    """One video of all episodes, and a picture of each one."""

    def __init__(
        self,
        options: recording_options.EvaluationOptions,
        replica: int,
        env: py_environment.PyEnvironment,
        stack: contextlib.ExitStack,
    ):
        """Looks whether the task has what is asked for; `stack` completes the video."""
        self._options, self._replica, self._env, self._stack = options, replica, env, stack
        self._video = options.output_file("video", replica, ".mp4") if options.video else None
        self._add_frame: Callable[[], None] | None = None
        self.names = [] if self._video is None else [self._video]
        if options.viz_img:
            self._save_picture = contract.required(env, "save_episode_picture", options.task)
            self.names.append(options.output_file("episode", replica, "_*.png"))

    @contextlib.contextmanager
    def observers(self, number: int) -> Iterator[Sequence[Observer]]:
        """See `EpisodeFiles`."""
        if self._video is not None and self._add_frame is None:
            self._add_frame = self._stack.enter_context(video.recording(self._env, self._video))
        found = [] if self._video is None else [functools.partial(film, self._add_frame)]
        yield [*found, self._picture_taker(number)] if self._options.viz_img else found

    def keep(self, number: int, actions: Sequence[np.ndarray]) -> None:
        """See `EpisodeFiles`."""

    publish = remove = lambda self: None

    def _picture_taker(self, number: int) -> Observer:
        path = self._options.output_file("episode", self._replica, f"_{number}.png")

        def observe(frame: trajectory.Trajectory) -> None:
            if _leads_to_last(frame):
                self._save_picture(path)

        return observe


class _Observed:
    """Observer of one episode, also of the frame that joins it to the next one.

    It reads step types itself: the methods of TF-Agents' trajectories ask TensorFlow what they
    were given, which takes longer than a step of a small simulation.
    """

    def __init__(self, env: py_environment.PyEnvironment):
        self.actions: list[np.ndarray] = []
        self.reward = 0.0
        self.succeeded = False
        self._env = env

    def __call__(self, frame: trajectory.Trajectory) -> None:
        termination.check()
        self.actions.append(frame.action)
        self.reward += float(frame.reward)
        if _leads_to_last(frame):
            # The driver's next step resets the environment.
            self.succeeded = bool(contract.succeeded(self._env))


def _is_complete(path: str, journal: journals.Journal) -> bool:
    """Whether the record file is there already, and is what the journal describes."""
    if not journal.episodes or os.path.exists(journal.records) or not os.path.exists(path):
        return False
    contents = manifest.load(path)
    frames = sum(episode.frames for episode in journal.episodes)
    with contextlib.suppress(ValueError):
        if contents is not None and contents.records == frames:
            manifest.check_files(path, contents)
            return True
    return False


def _leads_to_last(frame: trajectory.Trajectory) -> bool:
    return int(frame.next_step_type) == time_step.StepType.LAST
