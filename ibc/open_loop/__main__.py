"""Compares a policy's actions with recorded ones, where there is no simulator to act in.

Each observation of an episode is shown to the policy, whatever it would have done before. Beside
its errors stand those of always doing what was done on average, and of repeating the last action.

Examples:
    ibc-open-loop runs/my_run
    ibc-open-loop runs/my_run --dataset_path=logs/ --episodes=40:50 --output=looks --pictures=10
"""

import argparse
import pathlib
from collections.abc import Iterable, Sequence

from ibc.utils import atomic_file, program, startup

_RESULTS = "open_loop.json"


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-open-loop", description=__doc__.splitlines()[0])
    parser.add_argument(
        "path", help="folder of a run, of an exported policy, or one of ibc-export's"
    )
    parser.add_argument(
        "--dataset_path",
        metavar="PATH",
        help="recordings of any format that ibc-data reads (what the run was trained on)",
    )
    parser.add_argument(
        "--episodes",
        metavar="0:50,60",
        help="numbers and ranges without their end (those that training held out, or all)",
    )
    parser.add_argument(
        "--output", metavar="FOLDER", help=f"for {_RESULTS} and pictures (open_loop in the run)"
    )
    parser.add_argument(
        "--pictures", type=int, default=3, metavar="N", help="of the N worst episodes (3)"
    )
    program.add_common(parser)
    return parser


def compare(arguments: argparse.Namespace) -> Iterable[str]:
    """Plays episodes and writes what comes of it; yields the lines of a report."""
    from ibc.deploy import load

    if arguments.pictures < 0:
        raise ValueError(f"--pictures must be at least 0, got {arguments.pictures}.")
    policy_folder = load.find(arguments.path)
    run_folder = policy_folder.parent.parent
    is_in_run = (run_folder / "train").is_dir()
    default = (run_folder if is_in_run else policy_folder.parent) / "open_loop"
    output = pathlib.Path(arguments.output or default)
    atomic_file.check_place(output / _RESULTS, "--output=")
    startup.import_tensorflow_quietly()
    from ibc.open_loop import comparison, report

    where, num_recorded, played, found = comparison.compare(
        arguments.path, arguments.dataset_path, arguments.episodes
    )
    yield f"{arguments.path}: {where}"
    yield (
        f"{found['dataset_path']}: {len(played)} of {num_recorded} episodes, {found['steps']} "
        f"steps: {found['which_episodes']}"
    )
    yield from report.lines(found)
    yield from _write(found, played, output, arguments.pictures)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    leaves = "nothing was written."
    with program.one_line_errors(
        arguments.debug, interrupted=f"interrupted; {leaves}", terminated=f"terminated; {leaves}"
    ):
        for line in compare(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _write(found: dict, played: list, output: pathlib.Path, pictures: int) -> Iterable[str]:
    """Writes the results; yields a line for each file."""
    from ibc.open_loop import pictures as drawing
    from ibc.open_loop import report

    report.write(found, output / _RESULTS)
    yield f"Wrote {output / _RESULTS}"
    for place in report.worst_first(found)[:pictures]:
        episode = played[place]
        error = found["episodes"][place]["scaled_error"]
        title = f"episode {episode.number}: error {error:.3g} of the actions' standard deviation"
        path = output / f"episode_{episode.number}.png"
        drawing.write(episode, found["actions"], title, path)
        yield f"Wrote {path}"


if __name__ == "__main__":
    run()
