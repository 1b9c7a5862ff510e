"""Reads config files and bindings for a training."""

import contextlib
import importlib
import importlib.resources
import pathlib
from collections.abc import Sequence

import gin

from ibc.agents import registry as agents
from ibc.environments import bodies, tasks
from ibc.environments import task as task_lib
from ibc.networks import registry as networks
from ibc.utils import gin_config

# Modules whose configurables a config file may bind, besides those of agents, losses and samplers.
_CONFIGURABLE_MODULES = ("ibc.train.run_config", "ibc.train.build.normalization")

# What else has configurables, but no environments.
_LIBRARIES = ("ibc", "gin", "tf_agents")


def configure(
    task_names: Sequence[str], gin_files: Sequence[str], gin_bindings: Sequence[str]
) -> None:
    """Parses config files and bindings, after everything they may bind has been imported.

    Args:
      task_names: tasks of the command line; they decide where bare file names are looked up.
      gin_files: paths, or bare names of files that ship with the package.
      gin_bindings: bindings such as 'MLPEBM.depth = 4', applied last.

    Raises:
      FileNotFoundError: a config file does not exist; the message lists what there is.
      ValueError: a task, configurable or parameter is unknown; the message names near misses.
    """
    found = [tasks.get_task(name) for name in task_names]
    agents.import_all()
    for module in _CONFIGURABLE_MODULES:
        importlib.import_module(module)
    networks.networks()
    for task in found:
        task.import_configurables()
    # Without a task, a file may name it and bind its environment, if its simulator is installed.
    for task in () if found else tasks.TASKS.values():
        with contextlib.suppress(ImportError):
            task.import_configurables()
    gin_config.parse(gin_files, gin_bindings, search_folders=_search_folders(found))
    _check_strategy()


def _check_strategy() -> None:
    """Refuses a strategy from a config file, which the command line's would hide."""
    bound = None
    with contextlib.suppress(ValueError):  # It is not bound.
        bound = gin.query_parameter("train_eval.strategy")
    if bound is not None:
        raise ValueError(
            f"train_eval.strategy is {bound!r}, but no config file can make one: leave it out, and "
            "choose devices with --multi_gpu, --device_type=tpu or TF_CONFIG."
        )


def config_root() -> pathlib.Path:
    """Returns the folder of the config files that ship with the package."""
    return pathlib.Path(str(importlib.resources.files("ibc.configs")))


def of_algorithms(task: str) -> list[pathlib.Path]:
    """Returns the folders of config files of PPO, NEAR, AMP, CEM and energies for a task.

    The task's own one comes first, then that of the task whose state it observes. Bodies of MuJoCo
    have one together.
    """
    families = [task.lower()]
    if task in tasks.TASKS and (state := tasks.TASKS[task].states_of):
        families.append(state.lower())
    if bodies.is_known(tasks.gym_name(task)):
        families.append("motions")
    return [config_root() / family for family in families]


def _search_folders(found: Sequence[task_lib.Task]) -> list[pathlib.Path]:
    """Lists the folders of the tasks' config families, or all of them without a task."""
    families = [family for task in found for family in task.config_families]
    if not families:
        families = sorted(p.name for p in config_root().iterdir() if any(p.glob("*.gin")))
    return [config_root() / family for family in dict.fromkeys(families)]


def bound_parameters() -> str:
    """Returns every binding in force, one per line: what the user asked for."""
    return gin.config_str(max_line_length=10_000)


def environment_bindings() -> tuple[str, ...]:
    """Returns the bindings in force of environments and oracles, the user's too, and macros."""

    def is_of_environments(module: str) -> bool:
        is_users = module.partition(".")[0] not in _LIBRARIES
        return module.startswith("ibc.environments.") or is_users

    return gin_config.bindings_of(is_of_environments)
