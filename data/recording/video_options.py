"""What a recording of videos is: whose, how many, how large; and what of it is done."""

import csv
import dataclasses
import json
import pathlib
from collections.abc import Mapping

from ibc.data import video_files
from ibc.data.recording import options as recording_options
from ibc.environments import tasks
from ibc.runtime import folders
from ibc.utils import atomic_file

SETTINGS, RETURNS = "videos.json", "returns.csv"
_DIGITS = 5
_MOST = {
    "episode_len": 100_000,
    "action_repeat": 1000,
    "height": 4096,
    "width": 4096,
    "num_train": 10**_DIGITS,
    "num_valid": 10**_DIGITS,
    "processes": 1000,
}


@dataclasses.dataclass(frozen=True)
class Job:
    """One video: which it is says all that is drawn for it."""

    split: str
    label: int
    """Class: 0 is the expert."""
    index: int

    def path(self, video_dir: pathlib.Path) -> pathlib.Path:
        """Returns its file."""
        return video_dir / self.split / str(self.label) / f"{self.index:0{_DIGITS}}.npy"


@dataclasses.dataclass(frozen=True)
class VideoOptions:
    """A recording of videos of a task."""

    task: str
    policy: str = "oracle"
    """The expert, class 0: a policy of the task, my_module:MyController, or a run's folder."""
    others: tuple[str, ...] = ("random",)
    """Policies of the classes 1, 2, …."""
    episode_len: int | None = None
    """Actions; a video has one frame more. As many as the task's videos have if None, and, where
    that is not set, the task's step limit."""
    action_repeat: int | None = None
    """Steps for which an action is held; the task's if None."""
    height: int = 64
    width: int = 64
    num_train: int = 5000
    """Videos of each class to learn from."""
    num_valid: int = 400
    """Videos of each class held out."""
    video_dir: str | None = None
    """Where they go; `datasets/<task>_videos` if None."""
    seed: int = 0
    processes: int = 1
    flatten_env: bool = False
    """Whether observations are concatenated to one vector, as a run folder's policy may need."""
    gin_file: tuple[str, ...] = ()
    gin_bindings: tuple[str, ...] = ()

    def folder(self) -> pathlib.Path:
        """Returns where the videos go."""
        place = self.video_dir or default_folder(self.task)
        return pathlib.Path(place).expanduser().absolute()

    def steps(self) -> int:
        """Returns how many actions an episode has.

        Raises:
          ValueError: Neither the options nor the task say it.
        """
        task = tasks.get_task(self.task)
        asked = self.episode_len or task.video_steps
        if asked:
            return asked
        import gymnasium

        task.register()
        limit = gymnasium.spec(task.env_id).max_episode_steps
        if not limit:
            raise ValueError(f"task {self.task} has no step limit: give --episode_len.")
        return limit

    def repeat(self) -> int:
        """Returns for how many steps an action is held."""
        return self.action_repeat or tasks.get_task(self.task).action_repeat

    def policies(self) -> tuple[str, ...]:
        """Returns the policy of each class."""
        return (self.policy, *self.others)

    def evaluation(self, policy: str) -> recording_options.EvaluationOptions:
        """Returns how an episode of a policy is run."""
        is_run = self._is_run(policy)
        return recording_options.EvaluationOptions(
            task=self.task,
            policy=None if is_run else policy,
            saved_model_path=policy if is_run else None,
            flatten_env=self.flatten_env,
        )

    def jobs(self) -> list[Job]:
        """Returns all videos."""
        counts = dict(zip(video_files.SPLITS, (self.num_train, self.num_valid), strict=True))
        return [
            Job(split, label, index)
            for split, count in counts.items()
            for label in range(len(self.policies()))
            for index in range(count)
        ]

    def check(self) -> None:
        """Checks options against each other and the task.

        Raises:
          ValueError, OSError: One is unusable; the message names it.
        """
        for name, most in _MOST.items():
            value = getattr(self, name)
            if value is not None and not 1 <= value <= most:
                raise ValueError(f"--{name} must be from 1 to {most}, got {value}.")
        if self.seed < 0:
            raise ValueError(f"--seed must be at least 0, got {self.seed}.")
        if not self.others:
            raise ValueError("--others is empty: name at least one policy, such as random.")
        for policy in self.policies():
            self.evaluation(policy).check()
        self.steps()
        atomic_file.check_place(self.folder() / SETTINGS, "--video_dir: ")

    def settings(self) -> dict:
        """Returns what makes videos what they are."""
        return {
            "task": self.task,
            "classes": list(self.policies()),
            "episode_len": self.steps(),
            "action_repeat": self.repeat(),
            "height": self.height,
            "width": self.width,
            "seed": self.seed,
            "gin": [*self.gin_file, *self.gin_bindings],
        }

    def _is_run(self, policy: str) -> bool:
        known = tasks.get_task(self.task).policies
        if policy in known or recording_options.is_users(policy):
            return False
        try:
            folders.find(policy, flag="--policy=")
        except FileNotFoundError:
            if "/" in policy:
                raise
            return False
        return True


def default_folder(task: str) -> str:
    """Returns where a task's videos are, from the working directory."""
    return f"{pathlib.Path(tasks.get_task(task).default_dataset()).parent}_videos"


def begin_or_continue(options: VideoOptions) -> None:
    """Writes the settings into the folder, or checks that they are those it was begun with.

    Raises:
      ValueError: They are others, or cannot be read.
    """
    path, asked = options.folder() / SETTINGS, options.settings()
    # Settings without a video are those of a command that failed.
    if not path.exists() or not any(path.parent.glob(f"*/*/*{video_files.ARRAY}")):
        atomic_file.write_text(path, json.dumps(asked, indent=1))
        return
    begun = {"action_repeat": 1, **read_settings(options.folder())}  # Old ones do not tell it.
    differing = [name for name in asked if asked[name] != begun.get(name)]
    if differing:
        shown = "; ".join(f"{name} is {begun.get(name)}, not {asked[name]}" for name in differing)
        raise ValueError(
            f"{options.folder()} holds other videos ({shown}): give the same settings, or another "
            "--video_dir."
        )


def read_settings(video_dir: pathlib.Path) -> dict:
    """Returns the settings of recorded videos; empty where videos come from elsewhere.

    Raises:
      ValueError: The file is damaged.
    """
    path = pathlib.Path(video_dir).expanduser() / SETTINGS
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({error}): give another --video_dir.") from error


def read_returns(folder: pathlib.Path) -> dict[str, float]:
    """Returns name of a video → return of its episode, of one class, from lines that are whole."""
    found = {}
    path = folder / RETURNS
    if path.exists():
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.reader(file):
                if len(row) == 3 and row[2] == ".":
                    found[row[0]] = float(row[1])
    return found


def returns_text(returns: Mapping[str, float]) -> str:
    """Returns what `read_returns` reads; a full stop ends a line that is whole."""
    return "".join(f"{name},{value!r},.\n" for name, value in sorted(returns.items()))
