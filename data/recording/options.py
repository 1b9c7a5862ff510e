"""What the two recording programs are asked to do, and the checks that need no TensorFlow."""

import dataclasses
import os
import re
from collections.abc import Callable
from typing import Any

from absl import flags

from ibc.data.records import shard_files
from ibc.environments import task as task_lib
from ibc.environments import tasks
from ibc.runtime import folders
from ibc.utils import atomic_file, parameters, users_module

# Each is a process.
_MOST_REPLICAS = 10_000
# More than a folder is comfortable with, but far from what takes for ever to list.
_MOST_SHARDS = 100_000
# More would fill the memory with copies of the first observation.
_LONGEST_HISTORY = 10_000

REPLAY = "replay"
"""Value of `--policy` for recorded episodes, which any task can play that knows a way back."""

_KINDS = {
    str | None: flags.DEFINE_string,
    str: flags.DEFINE_string,
    int | None: flags.DEFINE_integer,
    int: flags.DEFINE_integer,
    bool: flags.DEFINE_boolean,
    tuple[str, ...]: flags.DEFINE_multi_string,
}


def _flag(default: Any, text: str) -> Any:
    return dataclasses.field(default=default, metadata={"help": text})


def _oracles() -> str:
    names = (name for task in tasks.TASKS.values() for name in (*task.oracles, *task.baselines))
    return ", ".join(dict.fromkeys(names))


@dataclasses.dataclass(frozen=True)
class Options:
    """What both programs can be asked; a field is a flag."""

    task: str | None = _flag(None, f"Task: {', '.join(tasks.TASKS)}, or any id of Gymnasium's.")
    policy: str | None = _flag(None, "Policy.")
    num_episodes: int = _flag(5, "Number of episodes.")
    seed: int = _flag(0, "Seed from which every episode's seed is derived.")
    history_length: int | None = _flag(None, "Number of latest observations in a frame, stacked.")
    use_image_obs: bool = _flag(False, "Whether observations contain an image.")
    image_size: str | None = _flag(
        None, "HEIGHTxWIDTH of images in pixels, such as 90x120; the task's own by default."
    )
    renderer: str | None = _flag(
        None,
        "What draws them: tiny (PyBullet's, by default), egl (OpenGL without a display) or auto, "
        "egl where a GPU draws and tiny elsewhere.",
    )
    flatten_env: bool = _flag(False, "Whether observations are concatenated to one vector.")
    shared_memory: bool = _flag(False, "Whether to use a PyBullet shared-memory server.")
    dataset_path: str | None = _flag(None, "Record file to write the episodes to.")
    video: bool = _flag(False, "Whether to write a video.")
    gin_file: tuple[str, ...] = _flag((), "Gin file (repeatable).")
    gin_bindings: tuple[str, ...] = _flag((), "Gin binding (repeatable).")

    def episode_number(self, replica: int, episode: int) -> int | None:
        """Returns the environment seed of an episode, if seeds are counted and not derived."""
        return None

    def bindings(self) -> tuple[str, ...]:
        """Returns the gin bindings, and those that `--image_size` and `--renderer` stand for.

        Raises:
          ValueError: One of the two is wrong, or the task has no such choice.
        """
        size = None if self.image_size is None else _size(self.image_size)
        if self.renderer not in (None, *task_lib.RENDERERS):
            known = ", ".join(task_lib.RENDERERS)
            raise ValueError(f"--renderer must be one of {known}, got {self.renderer!r}.")
        of_pictures = tasks.get_task(self.task).picture_bindings(size, self.renderer)
        return (*self.gin_bindings, *of_pictures)

    @classmethod
    def define_flags(cls, values: flags.FlagValues) -> list[str]:
        """Defines a flag for each field; returns their names."""
        for field in dataclasses.fields(cls):
            default = None if field.default == () else field.default
            _KINDS[field.type](field.name, default, field.metadata["help"], flag_values=values)
        # Of two tasks one would silently be left out.
        values["task"].allow_overwrite = False
        return [field.name for field in dataclasses.fields(cls)]

    @classmethod
    def from_flags(cls, values: flags.FlagValues) -> "Options":
        """Returns what the flags ask for."""
        given = {field.name: values[field.name].value for field in dataclasses.fields(cls)}
        return cls(**{k: tuple(v or ()) if k.startswith("gin_") else v for k, v in given.items()})


@dataclasses.dataclass(frozen=True)
class EvaluationOptions(Options):
    """What `policy_eval` is asked to do."""

    policy: str | None = _flag(
        None,
        f"Policy: random, oracle (the task's own), {REPLAY}, {_oracles()}, or a class of one's "
        "own, my_module:MyController.",
    )
    replay_path: str | None = _flag(None, f"Record files that --policy={REPLAY} plays.")
    first_seed: int | None = _flag(
        None,
        "Seed of the first episode; the others have those that follow, as in training's "
        f"evaluation, which begins with 0. With --policy={REPLAY}: number of the first episode.",
    )
    saved_model_path: str | None = _flag(
        None, "Folder of a run, or of an exported policy, to run instead; it knows its history."
    )
    checkpoint_path: str | None = _flag(None, "Folder of weights to load into the exported policy.")
    num_episodes: int = _flag(5, "Number of episodes (of each replica).")
    replicas: int | None = _flag(None, "Number of processes; replica i writes <dataset>_<i>.<ext>.")
    output_path: str = _flag("/tmp/ibc/policy_eval/", "Folder of videos and pictures.")
    viz_img: bool = _flag(False, "Whether to write a picture of every episode.")
    viz_energy: bool = _flag(
        False,
        "Whether to draw the energy of --saved_model_path along an episode: that of --first_seed, "
        "or that of the task's videos.",
    )

    @property
    def last_number(self) -> int:
        """Number of the last episode of all replicas, where episodes are counted."""
        return (self.first_seed or 0) + (self.replicas or 1) * self.num_episodes - 1

    def episode_number(self, replica: int, episode: int) -> int | None:
        """Returns the environment seed of an episode, if seeds are counted and not derived."""
        if self.first_seed is None and self.policy != REPLAY:
            return None
        return (self.first_seed or 0) + replica * self.num_episodes + episode

    def shard_path(self, replica: int) -> str | None:
        """Returns the record file of a replica: `<dataset>_<i>.<ext>` if there are replicas."""
        if self.dataset_path is None or self.replicas is None:
            return self.dataset_path
        return _numbered(self.dataset_path, replica)

    def output_file(self, stem: str, replica: int, suffix: str) -> str:
        """Returns the name of a video or picture in the output folder."""
        middle = "" if self.replicas is None else f"_{replica}"
        return os.path.join(self.output_path, f"{stem}{middle}{suffix}")

    def check(self) -> None:
        """Checks flags against each other and against what is on disk.

        Raises:
          ValueError: A flag or a combination makes no sense; the message names it.
          OSError: A file or folder is missing or cannot be written.
        """
        _check_range("replicas", self.replicas, 1, _MOST_REPLICAS)
        _check_range("first_seed", self.first_seed, 0, parameters.LARGEST_WHOLE)
        _check_episodes(self)
        self._check_policy()
        if self.replicas is not None and self.dataset_path is None:
            raise ValueError("--replicas needs --dataset_path, the record files they write.")
        _check_shared_memory(self, "replicas")
        if self.dataset_path is not None:
            _check_dataset(self.dataset_path, self.replicas)
        if self.viz_energy and self.saved_model_path is None:
            raise ValueError(
                "--viz_energy draws the energy of a trained policy: give --saved_model_path, too."
            )
        if self.video or self.viz_img or self.viz_energy:
            if "\0" in self.output_path:
                raise ValueError(f"--output_path={self.output_path!r} holds a null byte.")
            atomic_file.check_place(os.path.join(self.output_path, "video.mp4"), "--output_path: ")

    def _check_policy(self) -> None:
        if self.saved_model_path is None:
            if self.checkpoint_path is not None:
                raise ValueError(
                    "--checkpoint_path needs --saved_model_path, whose weights it has."
                )
            self._check_replay()
            return
        if self.policy is not None or self.replay_path is not None:
            raise ValueError(
                "--policy and --saved_model_path exclude each other; give one of them."
            )
        folders.find(self.saved_model_path, flag="--saved_model_path=")
        if self.checkpoint_path is None:
            return
        if not os.path.isfile(os.path.join(self.checkpoint_path, "variables", "variables.index")):
            raise FileNotFoundError(
                f"--checkpoint_path={self.checkpoint_path} holds no variables/variables.index; "
                "give a folder such as <root_dir>/policies/checkpoints/policy_checkpoint_<step>."
            )

    def _check_replay(self) -> None:
        if self.policy is not None and is_users(self.policy):
            users_controller(self.policy)
        elif self.policy != REPLAY:
            _check_oracle(self)
        if (self.policy == REPLAY) != (self.replay_path is not None):
            raise ValueError(
                f"--policy={REPLAY} and --replay_path, the record files that it plays, need each "
                "other; give both."
            )


@dataclasses.dataclass(frozen=True)
class CollectionOptions(Options):
    """What `collect_oracle` is asked to do."""

    policy: str = _flag("oracle", "Oracle: oracle (the task's own), or one by name.")
    num_episodes: int = _flag(5, "Number of episodes in each shard.")
    num_shards: int = _flag(1, "Number of shards; shard i is <dataset>_<i>.<ext>.")
    worker_id: int = _flag(0, "This worker makes the shards i with i % num_workers = worker_id.")
    num_workers: int = _flag(1, "Number of workers that share the shards.")
    successes_only: bool = _flag(False, "Whether to record successful episodes only.")
    step_limit: bool = _flag(
        True,
        "Whether episodes end at the task's step limit (otherwise after 1000 steps at the latest).",
    )
    save_states: bool = _flag(
        False, "Whether to write <dataset>.collection/shard_<i>/episode_<j>.json.zip for replay."
    )
    video: bool = _flag(False, "Whether to write <dataset>.collection/shard_<i>/episode_<j>.mp4.")
    dataset_path: str | None = _flag(
        None, "Record file; by default where training looks for the task's."
    )

    def shards(self) -> range:
        """Returns the shards of this worker: those i with i % num_workers == worker_id."""
        return range(self.worker_id, self.num_shards, self.num_workers)

    def shard_path(self, shard: int) -> str:
        """Returns the record file of a shard: `<dataset>_<shard>.<ext>`."""
        return os.path.abspath(os.path.expanduser(_numbered(self._dataset(), shard)))

    def collection_folder(self) -> str:
        """Returns the folder of what belongs to the record files: `<dataset>.collection`."""
        stem = os.path.splitext(self._dataset())[0]
        return os.path.abspath(os.path.expanduser(f"{stem}.collection"))

    def shard_folder(self, shard: int) -> str:
        """Returns the folder of the states and videos of a shard's episodes."""
        return os.path.join(self.collection_folder(), f"shard_{shard}")

    def check(self) -> None:
        """Checks flags against each other and against what is on disk.

        Raises:
          ValueError, OSError: As `EvaluationOptions.check`.
        """
        _check_range("num_shards", self.num_shards, 1, _MOST_SHARDS)
        _check_range("num_workers", self.num_workers, 1)
        if not 0 <= self.worker_id < self.num_workers:
            raise ValueError(
                f"--worker_id must be from 0 to {self.num_workers - 1}, since --num_workers is "
                f"{self.num_workers}; got {self.worker_id}."
            )
        _check_episodes(self)
        if self.policy in ("random", *tasks.get_task(self.task).baselines):
            raise ValueError(
                f"--policy={self.policy} is no oracle; record it with data/policy_eval.py, or give "
                "an oracle."
            )
        _check_oracle(self)
        _check_shared_memory(self, "num_shards")
        _check_dataset(self._dataset(), self.num_shards)
        atomic_file.check_place(f"{self.collection_folder()}/settings.json", "--dataset_path: ")

    def _dataset(self) -> str:
        if self.dataset_path is not None:
            return self.dataset_path
        return tasks.get_task(self.task).default_dataset(self.use_image_obs)


def _check_range(flag: str, value: int | None, least: int, most: int | None = None) -> None:
    """Checks that a flag is not given, or is within bounds."""
    if value is not None and value < least:
        raise ValueError(f"--{flag} must be at least {least}, got {value}.")
    if None not in (value, most) and value > most:
        raise ValueError(f"--{flag} must be at most {most}, got {value}.")


def is_users(policy: str) -> bool:
    """Tells whether a value of `--policy` names a class of a user's module."""
    return ":" in policy


def users_controller(policy: str) -> Callable:
    """Imports what is built as `users_controller(policy)(env, seed)`, of 'module:name'.

    Raises:
      ValueError: There is no such module, or it has nothing to call under that name.
    """
    module, _, name = policy.rpartition(":")
    found = getattr(users_module.load(module, f"policy '{policy}'"), name, None)
    if not callable(found):
        raise ValueError(
            f"policy '{policy}': the module '{module}' has no class '{name}'; it would be built as "
            f"{name or 'MyController'}(env, seed), and return an action for an observation."
        )
    return found


def _size(text: str) -> tuple[int, int]:
    """Returns height and width of a text such as '90x120'."""
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if match is None:
        raise ValueError(f"--image_size must be HEIGHTxWIDTH, such as 90x120, got {text!r}.")
    return int(match[1]), int(match[2])


def _numbered(path: str, number: int) -> str:
    """Returns the name of one of several record files: `<dataset>_<i>.<ext>`."""
    stem, extension = os.path.splitext(path)
    return f"{stem}_{number}{extension}"


def _check_episodes(options: Options) -> None:
    _check_range("num_episodes", options.num_episodes, 1, parameters.LARGEST_WHOLE)
    _check_range("history_length", options.history_length, 1, _LONGEST_HISTORY)
    _check_range("seed", options.seed, 0)
    if options.task is None:
        raise ValueError(f"--task is missing; set it to one of: {', '.join(tasks.TASKS)}.")
    tasks.get_task(options.task).environment_id(options.use_image_obs, options.shared_memory)
    options.bindings()


def _check_oracle(options: Options) -> None:
    task = tasks.get_task(options.task)
    if options.policy is None:
        raise ValueError(
            f"no policy is given; set --policy to one of: {', '.join(task.policies)}; "
            "or --saved_model_path to an exported policy."
        )
    if options.policy not in task.policies:
        tasks.check_oracle(task, options.policy)


def _check_shared_memory(options: Options, flag: str) -> None:
    if options.shared_memory and (getattr(options, flag) or 1) > 1:
        raise ValueError(
            "--shared_memory shows one environment, as a server holds one world; leave out "
            f"--{flag}={getattr(options, flag)}."
        )


def _check_dataset(path: str, shards: int | None) -> None:
    shard_files.check_name(path, "--dataset_path=")
    for number in _worth_a_check(path, shards):
        shard_files.check_name(_numbered(path, number), "--dataset_path: ")


def _worth_a_check(path: str, shards: int | None) -> list[int]:
    """Returns the shards of which something is on disk already, and the last one.

    The names of the others differ from the last one's, the longest, in nothing that matters.
    """
    if shards is None:
        return []
    folder, name = os.path.split(os.path.expanduser(path))
    stem, extension = os.path.splitext(name)
    shard = re.compile(rf"{re.escape(stem)}_([0-9]+){re.escape(extension)}(\..*)?")
    entries = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    found = {int(match[1]) for match in map(shard.fullmatch, entries) if match}
    return sorted({number for number in found if number < shards} | {shards - 1})
