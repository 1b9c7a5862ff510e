"""Arguments of the programs that make runs of learning by interaction."""

import argparse
import dataclasses
from collections.abc import Sequence

from ibc.benchmark import executors


@dataclasses.dataclass(frozen=True)
class Common:
    """What all runs of a command are given alike."""

    gin_files: tuple[str, ...] = ()
    """Paths or bare names."""
    gin_bindings: tuple[str, ...] = ()
    """Such as 'training.batch_size = 128'."""
    settings: tuple[str, ...] = ()
    """As after --set."""
    expert_settings: tuple[str, ...] = ()
    """As after --expert_set."""
    flags: tuple[str, ...] = ()
    """Others, as they are handed on: '--video'."""

    def shared(self) -> list[str]:
        """Returns the flags that an expert's training is given, too."""
        files = [f"--gin_file={file}" for file in self.gin_files]
        return files + [f"--gin_bindings={binding}" for binding in self.gin_bindings]


def of(arguments: argparse.Namespace, flags: Sequence[str] = ()) -> Common:
    """Returns what was given to a parser that `add` has completed."""
    return Common(
        tuple(arguments.gin_file),
        tuple(arguments.gin_bindings),
        tuple(arguments.set),
        tuple(arguments.expert_set),
        tuple(flags),
    )


def add(parser: argparse.ArgumentParser) -> None:
    """Adds options of runs, and where and how many of them are made."""
    for name, metavar, what in (
        ("set", "OPTION=VALUE", "option such as imitation.trajectories=5; repeatable"),
        ("gin_file", "FILE", "config file: a path, or a bare name; repeatable"),
        ("gin_bindings", "BINDING", "such as 'training.batch_size = 128'; repeatable"),
        ("expert_set", "OPTION=VALUE", "as --set, for the expert of --generate_data; repeatable"),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=what)
    parser.add_argument(
        "--generate_data",
        action="store_true",
        help="where expert data is missing, record the task's oracle, or train and record SAC",
    )
    parser.add_argument(
        "--jobs", type=count, metavar="N", help="runs at a time (one per core of this machine)"
    )
    executors.add_arguments(parser)


def count(text: str) -> int:
    """Returns a whole number of at least 1, for an argument's `type`."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, got '{text}'")
    return int(text)
