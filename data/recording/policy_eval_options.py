"""What `policy_eval` is asked to do, and the checks that need neither TensorFlow nor the task."""

import dataclasses
import os
import pathlib
import re

from ibc.data.records import shard_files
from ibc.environments import task as task_lib
from ibc.environments import tasks
from ibc.utils import parameters

# Each is a process.
_MOST_REPLICAS = 10_000
# More would fill the memory with copies of the first observation.
_LONGEST_HISTORY = 10_000


@dataclasses.dataclass(frozen=True)
class Options:
    """One field per flag of `policy_eval`; see there."""

    task: str | None
    policy: str | None = None
    saved_model_path: str | None = None
    checkpoint_path: str | None = None
    num_episodes: int = 5
    seed: int = 0
    history_length: int | None = None
    use_image_obs: bool = False
    flatten_env: bool = False
    shared_memory: bool = False
    dataset_path: str | None = None
    replicas: int | None = None
    output_path: str = "/tmp/ibc/policy_eval/"
    video: bool = False
    viz_img: bool = False
    gin_file: tuple[str, ...] = ()
    gin_bindings: tuple[str, ...] = ()

    def shard_path(self, replica: int) -> str | None:
        """Returns the record file of a replica: `<dataset>_<i>.<ext>` if there are replicas."""
        if self.dataset_path is None or self.replicas is None:
            return self.dataset_path
        stem, extension = os.path.splitext(self.dataset_path)
        return f"{stem}_{replica}{extension}"

    def output_file(self, stem: str, replica: int, suffix: str) -> str:
        """Returns the name of a video or picture in the output folder."""
        middle = "" if self.replicas is None else f"_{replica}"
        return os.path.join(self.output_path, f"{stem}{middle}{suffix}")


def check(options: Options) -> None:
    """Checks flags against each other and against what is on disk.

    Raises:
      ValueError: A flag or a combination makes no sense; the message names it.
      OSError: A file or folder is missing or cannot be written.
    """
    check_range("replicas", options.replicas, 1, _MOST_REPLICAS)
    check_recording(options)


def check_recording(options: Options) -> None:
    """Does what `check` does, but for as many replicas as there are to be record files.

    Raises:
      ValueError, OSError: As `check`.
    """
    check_range("num_episodes", options.num_episodes, 1, parameters.LARGEST_WHOLE)
    check_range("history_length", options.history_length, 1, _LONGEST_HISTORY)
    check_range("seed", options.seed, 0)
    if options.task is None:
        raise ValueError(f"--task is missing; set it to one of: {', '.join(tasks.TASKS)}.")
    task = tasks.get_task(options.task)
    task.environment_id(options.use_image_obs, options.shared_memory)
    _check_policy(options, task)
    if options.replicas is not None and options.dataset_path is None:
        raise ValueError("--replicas needs --dataset_path, the record files they write.")
    if options.shared_memory and (options.replicas or 1) > 1:
        raise ValueError(
            "--shared_memory shows one environment, as a server holds one world; leave out "
            f"--replicas={options.replicas}."
        )
    if options.dataset_path is not None:
        shard_files.check_name(options.dataset_path, "--dataset_path=")
        for replica in _worth_a_check(options):
            shard_files.check_name(options.shard_path(replica), "--dataset_path: ")
        _check_writable("--dataset_path", os.path.dirname(options.dataset_path) or ".")
    if options.video or options.viz_img:
        _check_writable("--output_path", options.output_path)


def check_range(flag: str, value: int | None, least: int, most: int | None = None) -> None:
    """Checks that a flag is not given, or is within bounds.

    Raises:
      ValueError: It is outside; the message names it.
    """
    if value is not None and value < least:
        raise ValueError(f"--{flag} must be at least {least}, got {value}.")
    if None not in (value, most) and value > most:
        raise ValueError(f"--{flag} must be at most {most}, got {value}.")


def _worth_a_check(options: Options) -> list[int]:
    """Returns the replicas of which something is on disk already, and the last one.

    The names of the others differ from the last one's, the longest, in nothing that matters.
    """
    if options.replicas is None:
        return []
    folder, name = os.path.split(os.path.expanduser(options.dataset_path))
    stem, extension = os.path.splitext(name)
    numbered = re.compile(rf"{re.escape(stem)}_([0-9]+){re.escape(extension)}(\..*)?")
    entries = os.listdir(folder or ".") if os.path.isdir(folder or ".") else []
    found = {int(match[1]) for match in map(numbered.fullmatch, entries) if match}
    return sorted(
        {number for number in found if number < options.replicas} | {options.replicas - 1}
    )


def _check_policy(options: Options, task: task_lib.Task) -> None:
    known = task.policies
    if options.saved_model_path is None:
        if options.checkpoint_path is not None:
            raise ValueError("--checkpoint_path needs --saved_model_path, whose weights it has.")
        if options.policy is None:
            raise ValueError(
                f"no policy is given; set --policy to one of: {', '.join(known)}; "
                "or --saved_model_path to an exported policy."
            )
        if options.policy not in known:
            tasks.check_oracle(task, options.policy)
        return
    if options.policy is not None:
        raise ValueError("--policy and --saved_model_path exclude each other; give one of them.")
    if not os.path.isfile(os.path.join(options.saved_model_path, "saved_model.pb")):
        raise FileNotFoundError(
            f"--saved_model_path={options.saved_model_path} holds no saved_model.pb; give the "
            "folder of an exported policy, for example <root_dir>/policies/greedy_policy."
        )
    if options.checkpoint_path is not None:
        index = os.path.join(options.checkpoint_path, "variables", "variables.index")
        if not os.path.isfile(index):
            raise FileNotFoundError(
                f"--checkpoint_path={options.checkpoint_path} holds no variables/variables.index; "
                "give a folder such as <root_dir>/policies/checkpoints/policy_checkpoint_<step>."
            )


def _check_writable(flag: str, folder: str) -> None:
    existing = pathlib.Path(folder).expanduser().absolute()
    while not existing.exists():
        existing = existing.parent
    if not existing.is_dir():
        raise NotADirectoryError(f"{flag}: {existing} is a file, a folder is needed there.")
    if not os.access(existing, os.W_OK | os.X_OK):
        raise PermissionError(f"{flag}: no permission to write in {existing}.")
