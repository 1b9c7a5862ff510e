"""Converts, replays, describes and checks recorded episodes.

Examples:
    ibc-data convert door-human-v0.hdf5 --task=door-human-v0 --top_fraction=0.5
    ibc-data replay datasets/door-human-v0/door-human-v0.tfrecord --task=door-human-v0
    ibc-data info 'datasets/push/*.tfrecord' --picture=push.png
    ibc-data verify 'datasets/*/*.tfrecord'
"""

import argparse
import glob
import os
import time
from collections.abc import Iterable, Sequence
from typing import NoReturn

from ibc.data import formats
from ibc.data.records import shard_files
from ibc.environments import tasks
from ibc.utils import program, startup


class _Parser(argparse.ArgumentParser):
    """Says in one line what is wrong with arguments."""

    def error(self, message: str) -> NoReturn:
        program.fail(f"{message} ({self.prog} --help lists the arguments)", status=2)


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = _Parser("ibc-data", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    command = commands.add_parser("convert", help="make a record file of recorded episodes")
    inputs = " or ".join(formats.descriptions())
    command.add_argument("input", help=f"{inputs}; a glob has to be quoted")
    command.add_argument(
        "output", nargs="?", help="record file to make (datasets/<task>/<task>.tfrecord)"
    )
    command.add_argument("--task", help="D4RL task, such as door-human-v0: checks sizes")
    command.add_argument(
        "--top_fraction",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="keep this share of the episodes, those with the highest returns (1.0)",
    )
    command.set_defaults(run=convert)
    command = commands.add_parser(
        "replay", help="repeat a record file's actions and report what differs"
    )
    command.add_argument("shard", help="record file")
    command.add_argument("--task", required=True, help=f"one of {', '.join(tasks.TASKS)}")
    command.add_argument("--num_episodes", type=int, metavar="N", help="the first N episodes (all)")
    command.add_argument(
        "--across_timeouts",
        action="store_true",
        help="go on where D4RL cut a demonstration for time",
    )
    command.set_defaults(run=replay)
    command = commands.add_parser("info", help="tell what is in record files")
    command.add_argument("pattern", help="file name or quoted glob")
    command.add_argument(
        "--picture", metavar="FILE.png", help="draw lengths, returns, actions and the first image"
    )
    command.set_defaults(run=info)
    command = commands.add_parser("verify", help="check record files against specs and manifests")
    command.add_argument("pattern", help="file name or quoted glob")
    command.set_defaults(run=verify)
    for command in commands.choices.values():
        command.add_argument("--debug", action="store_true", help=program.DEBUG_HELP)
    return parser


def convert(arguments: argparse.Namespace) -> Iterable[str]:
    """Converts recorded episodes; yields the lines of a report."""
    import tqdm

    from ibc.data.formats import convert as converter

    start = time.monotonic()
    output = arguments.output
    if output is None:
        if arguments.task is None:
            raise ValueError("give the record file to make after the input, or --task.")
        output = f"datasets/{arguments.task}/{arguments.task}.tfrecord"
    shard_files.check_name(output)
    _check_not_its_own_input(arguments.input, output)
    source = converter.open_source(arguments.input, arguments.task)
    # Of a folder it is known only now which file is read.
    _check_not_its_own_input(source.path, output)
    chosen = converter.top_episodes(source.returns, arguments.top_fraction)
    with tqdm.tqdm(total=int(source.lengths[chosen].sum()), unit="frame") as bar:
        done = converter.convert(source, output, arguments.top_fraction, bar.update)
    if done.too_short:
        yield f"Left out {done.too_short} episodes of one step."
    yield f"Wrote {done.path}"
    yield (
        f"Converted {done.episodes} of {done.of_episodes} episodes ({done.frames} frames, "
        f"average return {done.mean_return:.6g}) in {time.monotonic() - start:.1f} s."
    )


def replay(arguments: argparse.Namespace) -> Iterable[str]:
    """Replays recorded actions; yields a line per episode, and the largest differences."""
    from ibc.data.inspection import replay as replayer

    if arguments.num_episodes is not None and arguments.num_episodes < 1:
        raise ValueError(f"--num_episodes must be at least 1, got {arguments.num_episodes}.")
    largest: dict[str, float] = {}
    for found in replayer.replay(
        arguments.shard, arguments.task, arguments.num_episodes, arguments.across_timeouts
    ):
        yield (
            f"Episode {found.episode}: {found.steps} steps, start within "
            f"{max(found.start.values()):.2g}, observations within "
            f"{max(found.observation.values()):.2g}, rewards within {found.reward:.2g}"
        )
        for key, value in {**found.observation, "reward": found.reward}.items():
            largest[key] = max(largest.get(key, 0.0), value)
    yield "Largest differences between recording and replay:"
    yield from (f"  {key} {value:.3g}" for key, value in largest.items())


def info(arguments: argparse.Namespace) -> Iterable[str]:
    """Yields lines about record files, and draws them."""
    from ibc.data.inspection import info

    return info.describe(arguments.pattern, arguments.picture)


def verify(arguments: argparse.Namespace) -> Iterable[str]:
    """Checks record files; yields a line per file.

    Raises:
      ValueError: A file is damaged.
    """
    from ibc.data.inspection import info

    count, damaged = 0, 0
    for path, problem in info.verify(arguments.pattern):
        count, damaged = count + 1, damaged + (problem is not None)
        yield f"{path}: whole" if problem is None else problem
    if damaged:
        raise ValueError(f"{damaged} of {count} record files cannot be used.")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    removed = "terminated; unfinished files were removed."
    with program.one_line_errors(arguments.debug, terminated=removed):
        # Only here, so that --help and wrong arguments do not wait for TensorFlow.
        startup.import_tensorflow_quietly()
        for line in arguments.run(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _check_not_its_own_input(pattern: str, output: str) -> None:
    patterns = [os.path.expanduser(part.strip()) for part in pattern.split(",")]
    inputs = [name for part in patterns for name in (part, *glob.glob(part))]
    output_file = os.path.expanduser(output)
    read, written = (
        {os.path.realpath(file) for name in names for file in shard_files.files_of(name)}
        for names in (inputs, [output_file, os.path.realpath(output_file)])
    )
    if read & written:
        raise ValueError(
            f"{output} is among the files to convert, which it would replace: give another name."
        )


if __name__ == "__main__":
    run()
