"""Puts together the options of a run of PPO, NEAR, AMP or CEM."""

import dataclasses
from collections.abc import Sequence

import gin

from ibc.data.formats import convert
from ibc.ncsn import run_config as of_energies
from ibc.online import configuration, run_config
from ibc.online.on_policy import copies, options
from ibc.train import config_files
from ibc.utils import gin_config, option_settings

_FROM_A_REPLAY_ALONE = ("check_time_usage", "save_trajectories")
_FILMED = ("PPO", "NEAR", "AMP")


def configure(
    algorithm: str,
    task: str,
    gin_files: Sequence[str] = (),
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> None:
    """Parses the algorithm's file for the task, if there is one, and what is given.

    What was bound before is forgotten.

    Args:
      algorithm: One of `algorithms.APART`.
      task: Name of the task.
      gin_files: Paths, or bare names of files in `config_files.of_algorithms`.
      gin_bindings: Such as 'on_policy.ppo.lr = 1e-4'.
      settings: Such as 'ppo.lr=1e-4'.

    Raises:
      ValueError: A name is unknown, or a value unusable.
      FileNotFoundError: A config file does not exist.
    """
    folders = config_files.of_algorithms(task)
    shipped = [folder / f"{algorithm.lower()}.gin" for folder in folders]
    files = [str(each) for each in shipped if each.is_file() and not gin_files][:1]
    _parse(task, [*files, *gin_files], gin_bindings, settings)


def configure_again(task: str, gin_bindings: Sequence[str], settings: Sequence[str] = ()) -> None:
    """Parses what a run was started with, and what else is given, but no file.

    Args:
      task: Name of the task.
      gin_bindings: The run's, and then others.
      settings: See `configure`.

    Raises:
      ValueError: A name is unknown, or a value unusable.
    """
    _parse(task, (), gin_bindings, settings)


def _parse(
    task: str, files: Sequence[str], gin_bindings: Sequence[str], settings: Sequence[str]
) -> None:
    gin.clear_config()
    copies.import_configurables(task)
    convert.known_formats()  # Which imports what gin has to know before it reads anything.
    targets = options.targets() | {
        name: f"online_train_eval.{field}" for name, field in configuration.OF_THE_RUN.items()
    }
    set_by = [option_settings.as_binding(setting, targets) for setting in settings]
    gin_config.parse(
        files, [*gin_bindings, *set_by], search_folders=config_files.of_algorithms(task)
    )


def refuse_options_of_sac(config: run_config.OnlineConfig) -> None:
    """Refuses what only algorithms on SAC can do, and videos of those that make none.

    Raises:
      ValueError: It is asked for; the message names the option.
    """
    others = () if config.algorithm in _FILMED else ("video",)
    for name in (*_FROM_A_REPLAY_ALONE, *others):
        if getattr(config, name):
            raise ValueError(
                f"online_train_eval.{name} is not for {config.algorithm}: leave it out, or use an "
                "algorithm on SAC."
            )


def may_change(algorithm: str, name: str) -> bool:
    """Returns whether no weight of a policy depends on a gin parameter, as others are bound."""
    if name == "online_train_eval.steps":
        return not options.Ppo().follows_steps
    fields = dataclasses.fields(run_config.OnlineConfig)
    free = {f"online_train_eval.{field.name}" for field in fields if field.metadata}
    is_of_energy = "." in name and of_energies.is_own(name)
    # With AMP an energy is only looked at.
    is_looked_at = algorithm == "AMP" and name.rpartition(".")[0] in ("reward", "on_policy.reward")
    return is_of_energy or is_looked_at or name in free or name in options.free_names()
