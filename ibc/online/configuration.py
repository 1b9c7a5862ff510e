"""Puts together the options of a run: the algorithm's, a tuned set, files, and single ones."""

from collections.abc import Sequence

import gin

from ibc.environments import tasks
from ibc.online import (  # noqa: F401  (configurables)
    algorithms,
    interaction_env,
    options,
    run_config,
)
from ibc.train import config_files
from ibc.utils import gin_config, option_settings

OF_THE_RUN = {
    "seed": "seed",
    "steps": "steps",
    "dataset_path": "dataset_path",
    "check_time_usage": "check_time_usage",
    "save_trajectories": "save_trajectories",
    "render": "video",
}
"""Names without a dot, as published but for the path → fields of `OnlineConfig`."""


def configure(
    algorithm: str,
    optimised: str | None = None,
    gin_files: Sequence[str] = (),
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
    task: str | None = None,
) -> None:
    """Parses an algorithm's defaults, then a tuned set, files, bindings and settings.

    What was bound before is forgotten.

    Args:
      algorithm: Its name.
      optimised: Name of a tuned set, `<algorithm>_<n>_trajectories`.
      gin_files: Paths, or bare names of files in configs/online.
      gin_bindings: Such as 'training.batch_size = 128'.
      settings: Such as 'imitation.trajectories=5', under the published names.
      task: Its name, so that its own parameters may be bound; None for none.

    Raises:
      ImportError: The task's simulator is not installed.
      ValueError: A name is unknown, a value unusable, or the set is another algorithm's.
      FileNotFoundError: A config file does not exist.
    """
    gin.clear_config()
    if task is not None:  # Once gin is locked, no more can be made known to it.
        tasks.get_task(tasks.gym_name(task)).import_configurables()
    files = [algorithms.default_config(algorithm)]
    if optimised:
        files.append(algorithms.check_tuned_set(algorithm, optimised))
    bindings = [*gin_bindings, *(as_binding(setting) for setting in settings)]
    folder = config_files.config_root() / "online"
    gin_config.parse([*files, *gin_files], bindings, search_folders=[folder])


def as_binding(setting: str) -> str:
    """Returns what 'imitation.trajectories=5' means to gin.

    Values are written as in Python or YAML: true, null, 5, 3e-4, inf, text.

    Raises:
      ValueError: There is no such option; the message names the nearest.
    """
    name, _, text = setting.partition("=")
    if name.strip() == "env":
        raise ValueError(f"--set={setting}: the task is no option here; give --task={text}.")
    targets = {name: name for name in options.names()}
    targets |= {name: f"online_train_eval.{field}" for name, field in OF_THE_RUN.items()}
    return option_settings.as_binding(setting, targets)
