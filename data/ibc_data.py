"""Converts, replays, describes and checks recorded episodes.

Examples:
    ibc-data convert door-human-v0.hdf5 --task=door-human-v0 --top_fraction=0.5
    ibc-data convert lift.hdf5 datasets/lift/lift.tfrecord --mask=train
    ibc-data convert my_robot/ robot.tfrecord --keys=front,joints --resize=96x96 --dry_run
    ibc-data convert 'datasets/push/*.tfrecord' push.hdf5
    ibc-data replay datasets/door-human-v0/door-human-v0.tfrecord --task=door-human-v0
    ibc-data info 'datasets/push/*.tfrecord' --picture=push.png
    ibc-data verify 'datasets/*/*.tfrecord'
"""

import argparse
import functools
import glob
import json
import os
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from ibc.data import formats
from ibc.data.records import shard_files
from ibc.environments import tasks
from ibc.utils import atomic_file, bars, program, startup

RECORDS, ROBOMIMIC, NPZ, LEROBOT = "records", "robomimic", "npz", "lerobot"
"""Formats that are written."""

# What a signal leaves of a command, where it leaves something.
_LEAVES = {"convert": "whole episodes of a record file are kept, and the same command goes on."}
_OTHERS_SUFFIXES = (".zarr", ".zip", ".parquet", ".arrow", ".npy", ".pkl", ".mp4", ".json", ".csv")
_SIZE = re.compile(r"(\d+)x(\d+)")


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-data", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_convert(commands)
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
    command = commands.add_parser("info", help="tell what is in recordings")
    command.add_argument("pattern", help="file name or quoted glob")
    command.add_argument(
        "--picture", metavar="FILE.png", help="draw lengths, returns, actions and the first image"
    )
    command.add_argument(
        "--agent",
        metavar="FILES",
        help="what an agent did: warn if its steps from state to state are not as long as these",
    )
    command.set_defaults(run=info)
    command = commands.add_parser("verify", help="check record files against specs and manifests")
    command.add_argument("pattern", help="file name or quoted glob")
    command.set_defaults(run=verify)
    for command in commands.choices.values():
        program.add_common(command)
    return parser


def convert(arguments: argparse.Namespace) -> Iterable[str]:
    """Converts recorded episodes; yields the lines of a report."""
    from ibc.data.formats import convert as converter

    start = time.monotonic()
    output = arguments.output
    if output is None:
        if arguments.task is None:
            raise ValueError("give the record file to make after the input, or --task.")
        output = tasks.get_task(arguments.task).default_dataset()
    kind = arguments.to or _kind(output)
    _check_output(kind, output)
    _check_not_its_own_input(arguments.input, output)
    source = converter.open_source(arguments.input, arguments.task, **_options(arguments, kind))
    if kind == LEROBOT:
        source = _thinned(source, arguments.fps)
    # Of a folder it is known only now which file is read.
    _check_not_its_own_input(source.path, output)
    chosen = converter.top_episodes(source.returns, arguments.top_fraction)
    if arguments.dry_run:
        from ibc.data.inspection import source_info

        yield from source_info.what_would_be_made(source, output, chosen)
        return
    with bars.bar(int(source.lengths[chosen].sum()), "frame", "converting") as advance:
        write = _writer(kind, arguments, source)
        done = write(source, output, arguments.top_fraction, advance)
    yield from getattr(source, "notes", ())
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

    return info.describe(arguments.pattern, arguments.picture, arguments.agent)


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
    leaves = _LEAVES.get(arguments.command, "unfinished files were removed.")
    with program.one_line_errors(
        arguments.debug, interrupted=f"interrupted; {leaves}", terminated=f"terminated; {leaves}"
    ):
        # Only here, so that --help and wrong arguments do not wait for TensorFlow.
        startup.import_tensorflow_quietly()
        for line in arguments.run(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _kind(output: str) -> str:
    """Returns the format to write, by the name of the file."""
    from ibc.data.formats import hdf5, npz_file

    if output.endswith(hdf5.SUFFIXES):
        return ROBOMIMIC
    if output.endswith(npz_file.SUFFIX):
        return NPZ
    suffix = os.path.splitext(output.rstrip("/"))[1]
    if suffix in _OTHERS_SUFFIXES:
        raise ValueError(
            f"{output}: no {suffix} is written; name a record file (.tfrecord), an npz, a "
            "robomimic file (.hdf5), or a folder with --to=lerobot."
        )
    return RECORDS


def _check_output(kind: str, output: str) -> None:
    if kind == RECORDS:
        shard_files.check_name(output)
    else:
        atomic_file.check_place(output)
    if kind == LEROBOT:
        from ibc.data.formats import lerobot_writer

        lerobot_writer.check_place(output)


def _thinned(source: Any, fps: float | None) -> Any:
    """Returns a source with fewer steps per second, if it has more than are wanted."""
    from ibc.data.formats import selection

    if fps is None or getattr(source, "fps", None) is None:
        return source
    return selection.Selected(source, selection.Selection(fps=fps))


def _writer(kind: str, arguments: argparse.Namespace, source: Any) -> Callable:
    """Returns a function like `convert.convert` that writes a format."""
    from ibc.data.formats import lerobot_writer, npz_writer

    if kind == LEROBOT:
        return functools.partial(lerobot_writer.write, fps=arguments.fps)
    if kind == NPZ:
        return npz_writer.write
    return _hdf5_writer(arguments, source) if kind == ROBOMIMIC else _record_writer(arguments)


def _options(arguments: argparse.Namespace, kind: str) -> dict[str, Any]:
    """Returns what was asked for of the format that is read; None for what was not."""
    to_hdf5 = kind == ROBOMIMIC
    if arguments.env_args is not None and not to_hdf5:
        raise ValueError("--env_args is kept in HDF5 files only: leave it out.")
    keys = arguments.keys
    return {
        "mask": arguments.mask,
        "keys": None if keys is None else [key.strip() for key in keys.split(",")],
        "rename": _renames(arguments.rename),
        "resize": _size(arguments.resize),
        # A LeRobot folder may be made of what does not tell its rate.
        "fps": None if kind == LEROBOT else arguments.fps,
        "episodes": arguments.episodes,
        # A file that is written has axis-angle rotations, whatever is read.
        "absolute_actions": True if arguments.absolute_actions and not to_hdf5 else None,
    }


def _renames(given: Sequence[str] | None) -> dict[str, str] | None:
    """Returns old name → new name of what was given as 'old=new', or several with commas."""
    if given is None:
        return None
    pairs = [pair.strip().partition("=") for text in given for pair in text.split(",")]
    for old, _, new in pairs:
        if not (old and new):
            raise ValueError(f"--rename={','.join(given)} is not old=new, such as img=front.")
    return {old: new for old, _, new in pairs}


def _size(given: str | None) -> tuple[int, int] | None:
    """Returns height and width in pixels of 'HxW'."""
    if given is None:
        return None
    match = _SIZE.fullmatch(given)
    if not match or not all(map(int, match.groups())):
        raise ValueError(f"--resize={given} is no size; give height x width, such as 96x128.")
    return int(match[1]), int(match[2])


def _record_writer(arguments: argparse.Namespace) -> Callable:
    """Returns a function that writes a record file."""
    from ibc.data.formats import convert as converter

    deciding = ("task", "mask", "keys", "rename", "resize", "fps", "episodes", "absolute_actions")
    asked = {name: getattr(arguments, name) for name in deciding}
    return functools.partial(converter.convert, asked=asked)


def _hdf5_writer(arguments: argparse.Namespace, source: Any) -> Callable:
    """Returns a function like `convert.convert` that writes a robomimic file."""
    from ibc.data.formats import robomimic_writer

    env_args = None
    if arguments.env_args is not None:
        with open(arguments.env_args, encoding="utf-8") as file:
            try:
                env_args = json.load(file)
            except ValueError as error:
                raise ValueError(f"--env_args={arguments.env_args} is no JSON: {error}.") from error
    absolute_actions = arguments.absolute_actions or getattr(source, "absolute_actions", False)
    return functools.partial(
        robomimic_writer.write, env_args=env_args, absolute_actions=absolute_actions
    )


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


def _add_convert(commands: argparse._SubParsersAction) -> None:
    command = commands.add_parser(
        "convert", help="make a record file of recorded episodes, or a robomimic file"
    )
    inputs = " or ".join(formats.descriptions())
    command.add_argument("input", help=f"{inputs}; a glob has to be quoted")
    command.add_argument(
        "output",
        nargs="?",
        help="record file to make (datasets/<task>/<task>.tfrecord), or a name ending in .hdf5 for "
        "a robomimic file, in .npz for arrays; a folder with --to=lerobot",
    )
    command.add_argument(
        "--to",
        choices=(RECORDS, ROBOMIMIC, NPZ, LEROBOT),
        help="format to write (by the name: .hdf5, .npz, else a record file)",
    )
    command.add_argument("--task", help="D4RL task, such as door-human-v0: checks sizes; or PUSHT")
    command.add_argument("--mask", metavar="NAME", help="of a robomimic file, such as train (all)")
    command.add_argument(
        "--keys", metavar="A,B", help="observations to keep, by the names that info tells (all)"
    )
    command.add_argument(
        "--rename",
        action="append",
        metavar="OLD=NEW",
        help="another name for an array or an observation, such as command=action; repeatable",
    )
    command.add_argument("--resize", metavar="HxW", help="size of pictures, such as 96x128 (as is)")
    command.add_argument(
        "--fps", type=float, metavar="N", help="steps per second to keep (all that were recorded)"
    )
    command.add_argument(
        "--episodes", metavar="0:50,60", help="numbers and ranges without their end (all)"
    )
    command.add_argument(
        "--dry_run", action="store_true", help="tell what would be made, and make nothing"
    )
    command.add_argument(
        "--absolute_actions",
        action="store_true",
        help="actions are poses: axis-angle in robomimic files, rotations of 6 numbers elsewhere",
    )
    command.add_argument(
        "--env_args", metavar="FILE.json", help="the environment, for a robomimic file to be made"
    )
    command.add_argument(
        "--top_fraction",
        type=float,
        default=1.0,
        metavar="SHARE",
        help="keep this share of the episodes, those with the highest returns (1.0)",
    )
    command.set_defaults(run=convert)


if __name__ == "__main__":
    run()
