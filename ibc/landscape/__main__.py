"""Draws how a policy rates actions: its energy along an episode, with samples and choice.

Writes an animation and a picture. In the task's simulator, the demonstrated action is what the
oracle would do there; without a simulator, recorded episodes are shown.

Examples:
    ibc-landscape runs/my_run
    ibc-landscape runs/my_run --what=langevin --step=20
    ibc-landscape runs/my_run --dataset_path=logs/ --episode=7 --format=gif
"""

import argparse
import pathlib
import typing
from collections.abc import Iterable, Sequence

from ibc.utils import atomic_file, program, startup

if typing.TYPE_CHECKING:
    from ibc.landscape import source


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-landscape", description=__doc__.splitlines()[0])
    parser.add_argument(
        "path", help="folder of a run, of an exported policy, or one of ibc-export's"
    )
    parser.add_argument(
        "--what",
        choices=("energy", "dfo", "langevin"),
        default="energy",
        help="the energy along an episode; or how DFO narrows the samples down, or Langevin "
        "dynamics moves them, at one step (energy)",
    )
    parser.add_argument("--task", help="whose simulator the policy acts in (the run's)")
    parser.add_argument(
        "--dataset_path",
        metavar="PATH",
        help="recordings, of any format that ibc-data reads, to look at instead of the simulator",
    )
    parser.add_argument(
        "--episode",
        type=int,
        metavar="N",
        help="seed of the simulator, or number of the recorded episode (that of the task's "
        "videos, or the first that training held out)",
    )
    parser.add_argument(
        "--step", type=int, default=0, metavar="N", help="of the episode, for dfo and langevin (0)"
    )
    parser.add_argument(
        "--dimensions",
        metavar="I,J",
        help="two numbers of the action (0,1; of longer actions, principal components of the "
        "samples)",
    )
    parser.add_argument(
        "--format", choices=("mp4", "gif"), default="mp4", help="of the animation (mp4)"
    )
    parser.add_argument(
        "--output", metavar="FOLDER", help="for what is drawn (landscape in the run)"
    )
    program.add_common(parser)
    return parser


def draw(arguments: argparse.Namespace) -> Iterable[str]:
    """Looks at an episode and draws it; yields the lines of a report."""
    from ibc.deploy import load

    for name in ("episode", "step"):
        value = getattr(arguments, name)
        if value is not None and value < 0:
            raise ValueError(f"--{name} must be at least 0, got {value}.")
    dimensions = _dimensions(arguments.dimensions)
    policy_folder = load.find(arguments.path)
    run_folder = policy_folder.parent.parent
    is_in_run = (run_folder / "train").is_dir()
    default = (run_folder if is_in_run else policy_folder.parent) / "landscape"
    output = pathlib.Path(arguments.output or default)
    atomic_file.check_place(output / "energy.png", "--output=")
    startup.import_tensorflow_quietly()
    from ibc.environments import video
    from ibc.landscape import source

    if arguments.what == "energy" and arguments.format == "mp4":
        video.find_ffmpeg()  # If there is none, better now than after the episode.
    found = source.open_source(
        policy_folder, arguments.task, arguments.dataset_path, arguments.episode
    )
    with found:
        yield f"{arguments.path}: {found.policy.where}"
        yield f"{found.title}: {found.about}"
        for path in _write(found, arguments, dimensions, output):
            yield f"Wrote {path}"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    leaves = "files that were not complete were not written."
    with program.one_line_errors(
        arguments.debug, interrupted=f"interrupted; {leaves}", terminated=f"terminated; {leaves}"
    ):
        for line in draw(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _write(
    found: "source.Source",
    arguments: argparse.Namespace,
    dimensions: tuple[int, int] | None,
    output: pathlib.Path,
) -> Iterable[pathlib.Path]:
    """Plays the episode, as far as is needed, and writes what is asked for; yields the files."""
    from ibc.pictures import files

    what, step = arguments.what, arguments.step
    if what == "energy":
        path = output / f"energy_{found.stem}.{arguments.format}"
        yield from files.write_energy(
            list(found.moments()), found.title, path, found.fps, dimensions
        )
        return
    moment = found.at(step)
    path = output / f"{what}_{found.stem}_step_{moment.step}.png"
    title = f"{found.title}, step {moment.step}"
    files.write_chain(moment, found.policy.description, what, title, path, dimensions)
    yield path


def _dimensions(given: str | None) -> tuple[int, int] | None:
    if given is None:
        return None
    parts = given.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise ValueError(
            f"--dimensions must be two numbers with a comma such as 0,1, got {given!r}."
        )
    return int(parts[0]), int(parts[1])


if __name__ == "__main__":
    run()
