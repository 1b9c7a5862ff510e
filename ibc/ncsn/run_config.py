"""What a training of an energy is: the parameters of `train_ncsn`, and how they are given."""

import dataclasses
import pathlib
from collections.abc import Sequence

import gin

from ibc.data.formats import convert
from ibc.environments import tasks
from ibc.ncsn import options
from ibc.train import config_files
from ibc.utils import gin_config, option_settings, parameters

ELSEWHERE = "give this run its own --tag or train_ncsn.root_dir"
"""What is to be done where a run's folder is another's."""
_OF_THE_RUN = {"seed": "seed", "task": "task", "dataset_path": "dataset_path"}


@gin.configurable("train_ncsn")
@dataclasses.dataclass(frozen=True)
class NcsnConfig:
    """The parameters that belong to no part, checked; the others are in `options`.

    Raises:
      ValueError: One is unusable; the message names it and says what to give.
    """

    task: str = "MAZE"
    """A task, or any name where a dataset_path is given."""
    seed: int = 0
    """Of weights, batches, levels and noise."""
    dataset_path: str | None = None
    """The demonstrations; the task's default place if not given."""
    root_dir: str = parameters.free("runs/ncsn")
    """Where runs are kept."""
    tag: str | None = parameters.free(None)
    """Folder of the run in it; <task>/seed<seed> if not given."""

    def __post_init__(self):
        """Checks the values."""
        parameters.check_seed("train_ncsn", self.seed)

    def folder(self) -> pathlib.Path:
        """Returns the run's folder."""
        task = self.task.rpartition(":")[2].replace("/", "_")
        return pathlib.Path(self.root_dir).expanduser() / (self.tag or f"{task}/seed{self.seed}")

    def dataset(self) -> str:
        """Returns where the demonstrations are."""
        return self.dataset_path or tasks.states_glob(self.task)


def free_names() -> frozenset[str]:
    """Returns gin's names of what may change as a run goes on."""
    own = {f"train_ncsn.{f.name}" for f in dataclasses.fields(NcsnConfig) if f.metadata}
    return options.free_names() | own


def is_own(name: str) -> bool:
    """Returns whether a parameter that gin names is the energy's: a file may bind others too."""
    known = {gin_name for option in options.names() for gin_name in options.gin_names(option)}
    return name in known or name.startswith("train_ncsn.") or "." not in name


def configure(
    task: str,
    gin_files: Sequence[str] = (),
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> None:
    """Parses config files, bindings and settings.

    Args:
      task: Name of the task, whose config files bare names are looked up among first.
      gin_files: Paths, or bare names.
      gin_bindings: Such as 'energy.model.L = 10'.
      settings: Such as 'model.L=10', under the published names.

    Raises:
      ValueError: A name is unknown, or a value unusable.
      FileNotFoundError: A config file does not exist.
    """
    convert.known_formats()  # Which imports what gin has to know before it reads anything.
    targets = {name: options.gin_names(name)[0] for name in options.names()}
    targets |= {name: f"train_ncsn.{field}" for name, field in _OF_THE_RUN.items()}
    set_by = [option_settings.as_binding(setting, targets) for setting in settings]
    gin_config.parse(gin_files, [*gin_bindings, *set_by], search_folders=_folders(task))


def shipped_file(task: str) -> str:
    """Returns the file for energies of a task, whatever files are in the working directory."""
    found = (folder / "near.gin" for folder in _folders(task))
    return str(next(file for file in found if file.is_file()))


def _folders(task: str) -> list[pathlib.Path]:
    return [*config_files.of_algorithms(task), config_files.config_root() / "maze"]
