"""What a run of learning by interaction is: the parameters of `online_train_eval`."""

import dataclasses
import pathlib
from collections.abc import Callable

import gin
from absl import logging

from ibc.online import algorithms, options
from ibc.train import config_files
from ibc.train.run import run_folder
from ibc.utils import parameters

ELSEWHERE = "give this run its own --tag or online_train_eval.root_dir"
"""What is to be done where a run's folder is another's."""


@gin.configurable("online_train_eval")
@dataclasses.dataclass(frozen=True)
class OnlineConfig:
    """The parameters that belong to no part, checked; the others are in `options`.

    Raises:
      ValueError: One is unusable; the message names it and says what to give.
    """

    algorithm: str = "SAC"
    """A name in `algorithms.ALGORITHMS` or `APART`."""
    task: str = "Pendulum-v1"
    """'ant', 'halfcheetah', 'hopper' or 'walker2d', a task, or a registered Gymnasium id."""
    seed: int = 0
    """Of weights, batches, actions and episodes of collection."""
    steps: int = parameters.free(1_000_000)
    """Steps of interaction."""
    dataset_path: str | None = None
    """The expert's record files; the task's default place if not given."""
    root_dir: str = parameters.free("runs/online")
    """Where runs are kept."""
    tag: str | None = parameters.free(None)
    """Folder of the run in it; <task>/<algorithm>_seed<seed> if not given."""
    num_envs: int = parameters.free(5)
    """Environments of an evaluation side by side; does not change results."""
    checkpoint_interval: int = parameters.free(10_000)
    """Steps of interaction, at least, between checkpoints, which are made where an episode ends."""
    check_time_usage: bool = parameters.free(False)
    """Leaves evaluations out, and says how many seconds pretraining and training took."""
    save_trajectories: bool = parameters.free(False)
    """Records greedy episodes at the end, `evaluation.episodes` of them, as record files."""
    video: bool = parameters.free(False)
    """Films a greedy episode at the end, and draws what its steps are worth under the pictures."""

    def __post_init__(self):
        """Checks the values."""
        if self.algorithm not in algorithms.APART:
            algorithms.get(self.algorithm)
        parameters.check_seed("online_train_eval", self.seed)
        counts = ("steps", "num_envs", "checkpoint_interval")
        parameters.check_whole("online_train_eval", **{n: getattr(self, n) for n in counts})

    def folder(self) -> pathlib.Path:
        """Returns the run's folder."""
        task = self.task.rpartition(":")[2].replace("/", "_")
        name = self.tag or f"{task}/{self.algorithm}_seed{self.seed}"
        return pathlib.Path(self.root_dir).expanduser() / name

    def begin(self, continued: bool, may_change: Callable[[str], bool]) -> None:
        """Records in the run's folder what it is, and says where it is kept.

        Args:
          continued: Whether the folder has what the run goes on from; then it must be the same.
          may_change: Whether no weight depends on a gin parameter.

        Raises:
          ValueError: The folder is of a run with other parameters.
        """
        identity = {"seed": self.seed, "task": self.task, "algorithm": self.algorithm}
        run_folder.record_or_compare(
            self.folder(),
            config_files.bound_parameters(),
            identity,
            continued,
            lambda name, stored: may_change(name),
            elsewhere=ELSEWHERE,
        )
        logging.info("This run is kept in %s", self.folder())


def free_names() -> frozenset[str]:
    """Returns the dotted names on which no weight depends: they may change as a run goes on."""
    parts = {"online_train_eval": OnlineConfig, **options.PARTS}
    return frozenset(
        f"{prefix}.{field.name}"
        for prefix, part in parts.items()
        for field in dataclasses.fields(part)
        if field.metadata.get("may_change")
    )
