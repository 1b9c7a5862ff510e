"""Records the shards of one worker."""

import contextlib
import dataclasses
import functools
import itertools
import pathlib
from collections.abc import Callable, Iterator, Sequence

import gymnasium
import numpy as np
from tf_agents.drivers import py_driver
from tf_agents.environments import py_environment
from tf_agents.policies import py_policy
from tf_agents.trajectories import time_step, trajectory

from ibc.data.recording import collect_options, collect_plan, policy_eval_run
from ibc.data.records import shard_writer
from ibc.environments import suite, tasks, video
from ibc.environments.block_pushing import state_recording
from ibc.utils import atomic_file, gin_config, termination

# Without the task's step limit an oracle that is stuck would go on for ever.
STUCK_STEPS = 1000
# After so many failures in a row the next episodes will not be successes either.
MAX_FAILURES = 100

_LATEST_VIDEO = "latest.mp4"


@dataclasses.dataclass(frozen=True)
class Result:
    """What was done for one shard."""

    path: str
    """The record file."""
    tried: int
    """Number of episodes that were run."""
    succeeded: int
    """Number of those that were successes."""
    kept: int
    """Number of those that were recorded."""
    frames: int
    """Number of frames recorded, those between episodes included."""


@dataclasses.dataclass
class Episode:
    """Observer of one episode; also of the frame that joins it to the next one."""

    env: gymnasium.Env
    """The unwrapped environment."""
    state: dict | None = None
    """State of the scene before the first action, if it is to be saved."""
    frames: list[trajectory.Trajectory] = dataclasses.field(default_factory=list)
    """Unbatched frames, in their order."""
    succeeded: bool = False
    """Whether the episode ended in success."""

    def __call__(self, frame: trajectory.Trajectory) -> None:
        """Appends a frame."""
        termination.check()
        self.frames.append(frame)
        if int(frame.next_step_type) == time_step.StepType.LAST:
            # The driver's next step resets the environment.
            self.succeeded = bool(self.env.succeeded)


def prepare(options: collect_options.Options) -> tuple[list[int], list[int]]:
    """Parses gin, claims the collection and finds out what is left to do.

    Returns:
      The worker's shards that have yet to be recorded, and those that are there.

    Raises:
      ValueError: gin names are wrong, or what is there is of another collection or damaged.
    """
    task = tasks.get_task(options.task)
    task.import_configurables()
    gin_config.parse(options.gin_file, options.gin_bindings, task.config_folders())
    collect_plan.claim(options)
    complete = [shard for shard in options.shards() if collect_plan.is_complete(options, shard)]
    return sorted(set(options.shards()).difference(complete)), complete


def run(
    options: collect_options.Options,
    shards: Sequence[int],
    on_episode: Callable[[], None] = lambda: None,
) -> list[Result]:
    """Records shards; what is in one depends on nothing but the options and its index.

    Args:
      options: What to record; checked by `collect_options.check`.
      shards: Indices of the shards.
      on_episode: Called whenever an episode has been kept.

    Raises:
      ValueError: The task cannot be recorded so, or its oracle does not succeed.
    """
    env = _load(options)
    try:
        return [_record_shard(options, env, shard, on_episode) for shard in shards]
    finally:
        env.close()


def _load(options: collect_options.Options) -> py_environment.PyEnvironment:
    env = suite.load(
        options.task,
        history_length=options.history_length,
        use_image_obs=options.use_image_obs,
        shared_memory=options.shared_memory,
        flatten=options.flatten_env,
        max_episode_steps=None if options.step_limit else STUCK_STEPS,
    )
    if options.save_states and not hasattr(suite.gym_env(env), "get_pybullet_state"):
        raise ValueError(
            f"task {options.task} has no simulator state to save; leave out --save_states."
        )
    return env


def _record_shard(
    options: collect_options.Options,
    env: py_environment.PyEnvironment,
    shard: int,
    on_episode: Callable[[], None],
) -> Result:
    collect_plan.remove_leftovers(options, shard)
    path = options.shard_path(shard)
    oracle = tasks.get_task(options.task).oracle_class(options.policy)
    policy = oracle(env, seed=policy_eval_run.policy_seed(options.seed, shard))
    outcomes: list[bool] = []
    kept = 0
    with contextlib.ExitStack() as stack:
        # What becomes infinite is refused by the writer.
        stack.enter_context(np.errstate(over="ignore", invalid="ignore"))
        # Left last: where there is a record file, its states and videos are there too.
        writer = stack.enter_context(shard_writer.ShardWriter(path, policy.trajectory_spec))
        folder = stack.enter_context(_shard_folder(options, shard))
        episodes = _episodes(options, env, policy, shard, folder)
        while kept < options.num_episodes:
            episode = next(episodes)
            outcomes.append(episode.succeeded)
            if options.successes_only and not episode.succeeded:
                _check_hope(options, outcomes)
                continue
            for frame in episode.frames:
                writer(frame)
            _save_companions(options, episode, folder, kept)
            kept += 1
            on_episode()
    return Result(path, len(outcomes), sum(outcomes), kept, writer.num_frames)


def _episodes(
    options: collect_options.Options,
    env: py_environment.PyEnvironment,
    policy: py_policy.PyPolicy,
    shard: int,
    folder: pathlib.Path | None,
) -> Iterator[Episode]:
    """Yields the shard's episodes, good or bad, one after another without end."""
    inner = suite.gym_env(env)
    env.seed(policy_eval_run.episode_seed(options.seed, shard, 0))
    first_time_step = env.reset()
    for number in itertools.count(1):
        # The driver's last step resets the environment to the episode after this one.
        env.seed(policy_eval_run.episode_seed(options.seed, shard, number))
        episode = Episode(inner, inner.get_pybullet_state() if options.save_states else None)
        with contextlib.ExitStack() as stack:
            observers = [episode]
            if options.video:
                add_frame = stack.enter_context(video.recording(env, folder / _LATEST_VIDEO))
                observers.append(functools.partial(_film, add_frame))
            driver = py_driver.PyDriver(env, policy, observers, max_episodes=1)
            with termination.polled():
                first_time_step, _ = driver.run(first_time_step, policy.get_initial_state(1))
        yield episode


def _film(add_frame: Callable[[], None], frame: trajectory.Trajectory) -> None:
    if int(frame.step_type) != time_step.StepType.LAST:
        add_frame()


@contextlib.contextmanager
def _shard_folder(options: collect_options.Options, shard: int) -> Iterator[pathlib.Path | None]:
    """Yields a folder for states and videos that appears under its name when all is done."""
    if not (options.save_states or options.video):
        yield None
        return
    with atomic_file.replacing_folder(options.shard_folder(shard)) as folder:
        folder.mkdir()
        yield folder
        (folder / _LATEST_VIDEO).unlink(missing_ok=True)


def _save_companions(
    options: collect_options.Options, episode: Episode, folder: pathlib.Path | None, number: int
) -> None:
    """Writes the state of a recorded episode, and gives its video its name."""
    if options.save_states:
        state_recording.write_pybullet_state(
            folder / f"episode_{number}.json.zip",
            episode.state,
            options.task,
            [frame.action for frame in episode.frames[:-1]],
        )
    if options.video:
        (folder / _LATEST_VIDEO).rename(folder / f"episode_{number}.mp4")


def _check_hope(options: collect_options.Options, outcomes: Sequence[bool]) -> None:
    latest = outcomes[-MAX_FAILURES:]
    if len(latest) == MAX_FAILURES and not any(latest):
        raise ValueError(
            f"the oracle of task {options.task} has failed {MAX_FAILURES} times in a row, so "
            "--successes_only would never end; leave it out, or check --gin_bindings."
        )
