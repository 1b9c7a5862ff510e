"""Puts together the options of a run: the algorithm's, a tuned set, files, and single ones."""

import ast
import difflib
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
from ibc.utils import gin_config

_WORDS = {"true": True, "false": False, "null": None, "none": None}
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
        tasks.get_task(interaction_env.gym_name(task)).import_configurables()
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
    name, equals, text = setting.partition("=")
    name = name.strip()
    if not equals:
        raise ValueError(f"--set={setting} has no value: give --set={setting}=<value>.")
    known = options.names()
    if name in OF_THE_RUN:
        target = f"online_train_eval.{OF_THE_RUN[name]}"
    elif name in known:
        target = name
    elif name == "env":
        raise ValueError(f"--set={setting}: the task is no option here; give --task={text}.")
    else:
        near = difflib.get_close_matches(name, [*known, *OF_THE_RUN], n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"--set={setting}: there is no option {name}.{hint}")
    return f"{target} = {_value(text.strip())!r}"


def _value(text: str) -> object:
    # The option imitation.mix_expert_data has the value 'none', published without quotes.
    if text.lower() in _WORDS and text != "none":
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
