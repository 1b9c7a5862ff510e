"""Collections: which shards a worker has still to record, and whether they would fit the others."""

import contextlib
import functools
import json
import os
import pathlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from absl import logging
from tf_agents.environments import py_environment

from ibc.data.recording import journal as journals
from ibc.data.recording import options as recording_options
from ibc.data.recording import policies, recorder
from ibc.data.records import manifest
from ibc.environments import contract, suite, tasks, video
from ibc.environments.block_pushing import state_recording
from ibc.utils import atomic_file, gin_config

# Without the task's step limit an oracle that is stuck would go on for ever.
STUCK_STEPS = 1000

_LATEST_VIDEO = "latest.mp4"


def prepare(options: recording_options.CollectionOptions) -> tuple[list[int], list[int]]:
    """Parses gin, begins the collection or continues it, and finds out what is left to do.

    Returns:
      The worker's shards that have yet to be recorded, and those that are there.

    Raises:
      ValueError: gin names are wrong, or what is there is of another collection or damaged.
    """
    task = tasks.get_task(options.task)
    task.import_configurables()
    gin_config.parse(options.gin_file, options.bindings(), task.config_folders())
    begin_or_continue(options)
    complete = [shard for shard in options.shards() if is_complete(options, shard)]
    for shard in complete:
        journals.forget(options.shard_path(shard))
    return sorted(set(options.shards()).difference(complete)), complete


def begin_or_continue(options: recording_options.CollectionOptions) -> None:
    """Records what a collection is made with, or checks that its continuation asks for the same.

    Settings of a collection without any shard, finished or in the making, are replaced.
    Gin files and bindings must have been parsed.

    Raises:
      ValueError: The collection was begun with other settings; the message names them.
    """
    asked = journals.settings(options)
    path = os.path.join(options.collection_folder(), "settings.json")
    if not os.path.exists(path) or not _has_begun(options):
        atomic_file.write_text(path, json.dumps(asked, indent=2))
    try:
        with open(path, encoding="utf-8") as file:
            begun = dict(json.load(file))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}); choose another --dataset_path.") from error
    differing = journals.differences(begun, asked)
    if differing:
        raise ValueError(
            f"{options.collection_folder()} was begun with other settings ({differing}): continue "
            "it with the same ones, or choose another --dataset_path."
        )


def is_complete(options: recording_options.CollectionOptions, shard: int) -> bool:
    """Whether a shard has been recorded already, whole.

    Raises:
      ValueError: Its record file is damaged, or is not of this collection.
    """
    path = options.shard_path(shard)
    if not os.path.exists(path):
        return False
    contents = manifest.load(path)
    if contents is None or contents.episodes != options.num_episodes:
        found = "no manifest" if contents is None else f"{contents.episodes} episodes"
        raise ValueError(
            f"{path} exists with {found}, but a shard of this collection has "
            f"{options.num_episodes} episodes: delete it, or choose another --dataset_path."
        )
    manifest.check_files(path, contents)
    return True


def run(
    options: recording_options.CollectionOptions,
    shards: Sequence[int],
    on_episode: Callable[[], None] = lambda: None,
    note: recorder.Note = logging.info,
) -> list[journals.Result]:
    """Records shards; what is in one depends on nothing but the options and its index.

    Args:
      options: What to record; it has been checked.
      shards: Indices of the shards.
      on_episode: Called whenever an episode has been kept.
      note: Called with lines for the log.

    Raises:
      ValueError: The task cannot be recorded so, or its oracle does not succeed.
    """
    env = suite.load(
        options.task,
        history_length=options.history_length,
        use_image_obs=options.use_image_obs,
        shared_memory=options.shared_memory,
        flatten=options.flatten_env,
        max_episode_steps=None if options.step_limit else STUCK_STEPS,
    )
    results = []
    with contextlib.closing(env):
        if options.save_states:
            contract.required(env, "get_pybullet_state", options.task)
        for shard in shards:
            path = options.shard_path(shard)
            policy = policies.make(options, env, recorder.derived_seed(options.seed, shard))
            one = recorder.Recorder(options, shard, env, policy, on_episode=on_episode, note=note)
            episodes = one.record(path, _CollectionFiles(options, shard, env))
            journals.forget(path)
            results.append(journals.result(episodes, [path]))
    return results


def _has_begun(options: recording_options.CollectionOptions) -> bool:
    folder, name = os.path.split(options.shard_path(0))
    stem, _, extension = name.rpartition("_0")
    shard = re.compile(rf"\.?{re.escape(stem)}_\d+{re.escape(extension)}(\.tmp-\d+|\.unfinished)?")
    return any(shard.fullmatch(entry) for entry in os.listdir(folder))


class _CollectionFiles:
    """A folder of states and videos of a shard's episodes, which appears when all is done."""

    def __init__(
        self,
        options: recording_options.CollectionOptions,
        shard: int,
        env: py_environment.PyEnvironment,
    ):
        self._options, self._env = options, env
        self._folder = pathlib.Path(options.shard_folder(shard))
        self._unfinished = self._folder.with_name(journals.unfinished_name(self._folder.name))
        self._state: dict | None = None

    @contextlib.contextmanager
    def observers(self, number: int) -> Iterator[Sequence[recorder.Observer]]:
        """See `recorder.EpisodeFiles`."""
        if self._options.save_states:
            self._state = suite.gym_env(self._env).get_pybullet_state()
        if not self._options.video:
            yield []
            return
        with video.recording(self._env, self._unfinished / _LATEST_VIDEO) as add_frame:
            yield [functools.partial(recorder.film, add_frame)]

    def keep(self, number: int, actions: Sequence[np.ndarray]) -> None:
        """Writes the state of a recorded episode, and gives its video its name."""
        if self._options.save_states:
            state_recording.write_pybullet_state(
                self._unfinished / f"episode_{number}.json.zip",
                self._state,
                self._options.task,
                actions,
            )
        if self._options.video:
            (self._unfinished / _LATEST_VIDEO).rename(self._unfinished / f"episode_{number}.mp4")

    def publish(self) -> None:
        """Gives the folder its name: where there is a record file, it is there too."""
        if not self._unfinished.exists():
            return
        (self._unfinished / _LATEST_VIDEO).unlink(missing_ok=True)
        with atomic_file.replacing_folder(self._folder) as temporary:
            self._unfinished.rename(temporary)

    def remove(self) -> None:
        """Removes what belongs to no episode that is kept."""
        shutil.rmtree(self._unfinished, ignore_errors=True)
