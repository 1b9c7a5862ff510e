"""What a training from Python is asked for."""

import dataclasses
import datetime
import os
import pathlib
from collections.abc import Sequence

from ibc.utils import parameters

METHODS = ("ebm", "mse", "mdn")
_RUNS = "runs"
_VALIDATION_RATIO = 0.2


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """What to learn from, by what method, and where the run is kept.

    Everything else has the values of a config file that ends within a minute on two CPU cores:
    a small network over states, 2,000 steps.

    Raises:
      ValueError: a value is unusable; the message names it and says what to give.
    """

    dataset_path: str | os.PathLike | None = None
    """Demonstrations in any format of docs/formats.md: a folder, file, glob, or several with
    commas. None takes the task's default place."""
    task: str | Sequence[str] | None = None
    """Simulator to evaluate in, such as 'PARTICLE' or 'Pendulum-v1', or several. None: there is
    none, and a fifth of the episodes is held out for a validation loss."""
    method: str | None = None
    """'ebm', an implicit policy, if not given; 'mse', an explicit one; 'mdn', a mixture."""
    num_iterations: int | None = None
    """Training steps; 2,000 if not given."""
    root_dir: str | os.PathLike | None = None
    """Folder of the run, which goes on from its last checkpoint if it is there. None: a new one
    in runs/ that is named by the time."""
    seed: int = 0
    """Seed of weights, data order and sampling noise."""
    gin_file: str | os.PathLike | None = None
    """Config file in place of the method's: a path, or the name of one that ships."""
    bindings: Sequence[str] = ()
    """Bindings such as 'MLPEBM.width = 256', applied last, so that they win."""

    def __post_init__(self):
        if self.dataset_path is None and not self.task:
            raise ValueError(
                "TrainConfig needs a dataset_path with demonstrations, or a task whose data is in "
                "its default place."
            )
        if self.method is not None and self.gin_file is not None:
            raise ValueError(
                f"TrainConfig.method is {self.method!r}, but gin_file {os.fspath(self.gin_file)!r} "
                "says which method it is: give one of the two."
            )
        if self.method not in (None, *METHODS):
            raise ValueError(
                f"TrainConfig.method is {self.method!r}; choose one of {', '.join(METHODS)}, or "
                "give a gin_file for others."
            )
        if not isinstance(self.task, (str, list, tuple, type(None))):
            raise ValueError(
                f"TrainConfig.task must be a name or a list of names, got {self.task!r}."
            )
        for name in ("dataset_path", "root_dir", "gin_file"):
            value = getattr(self, name)
            if not isinstance(value, (str, os.PathLike, type(None))):
                raise ValueError(f"TrainConfig.{name} must be a path, got {value!r}.")
        if self.num_iterations is not None:
            parameters.check_whole("TrainConfig", num_iterations=self.num_iterations)
        parameters.check_whole("TrainConfig", least=0, most=2**32 - 1, seed=self.seed)
        is_list = isinstance(self.bindings, (list, tuple))
        if not is_list or not all(isinstance(binding, str) for binding in self.bindings):
            raise ValueError(
                f"TrainConfig.bindings is {self.bindings!r}, expected a list of texts such as "
                "['MLPEBM.width = 256']."
            )

    @property
    def task_names(self) -> list[str]:
        """Names of the tasks."""
        return [self.task] if isinstance(self.task, str) else list(self.task or ())

    @property
    def gin_files(self) -> list[str]:
        """The config file, as `config_files.configure` takes it."""
        return [os.fspath(self.gin_file or f"notebook/mlp_{self.method or METHODS[0]}_minute.gin")]

    def gin_bindings(self) -> list[str]:
        """Returns what the fields mean to gin, then the bindings; a new folder's name is of now."""
        values = {"seed": self.seed, "root_dir": self._root()}
        if self.dataset_path is not None:
            values["dataset_path"] = os.fspath(self.dataset_path)
        if self.num_iterations is not None:
            values["num_iterations"] = int(self.num_iterations)
        if not self.task:
            held_out = {"validation_ratio": _VALIDATION_RATIO, "eval_loss_on_all": True}
            values |= {"skip_eval": True, **held_out}
        return [
            *(f"train_eval.{name} = {value!r}" for name, value in values.items()),
            *self.bindings,
        ]

    def _root(self) -> str:
        if self.root_dir is not None:
            return os.fspath(self.root_dir)
        return str(pathlib.Path(_RUNS, datetime.datetime.now().strftime("%Y%m%d-%H%M%S")))
