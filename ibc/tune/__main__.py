"""Searches for the options of an algorithm that imitates by interaction, by Optuna.

A trial's options are tried on all tasks. Its score is the smallest of theirs, and a task's is the
mean over evaluations of the normalized return. Search spaces are the published ones.

Examples:
  ibc-tune --algorithm=GAIL --task=all --trajectories=5 --jobs=8
  ibc-tune --algorithm=BC --task=Pendulum-v1 --trajectories=5 --gin_file=pendulum_quick.gin

The same command goes on after an interruption, in the middle of a run too.
"""

import argparse
import importlib.util
import pathlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ibc.sweep import arguments as run_arguments
from ibc.sweep import grid
from ibc.utils import atomic_file, child_process, folder_lock, program, startup

if TYPE_CHECKING:
    from ibc.tune import search as search_lib
    from ibc.tune import study as study_lib


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-tune", description=__doc__.splitlines()[0])
    parser.add_argument("--algorithm", required=True, help="such as GAIL")
    parser.add_argument(
        "--task",
        required=True,
        action="append",
        help="ant, halfcheetah, hopper, walker2d, all of these, a task, or a registered Gymnasium "
        "id; repeatable",
    )
    count = run_arguments.count
    parser.add_argument(
        "--trajectories", type=count, metavar="N", help="of the expert (all that there are)"
    )
    parser.add_argument("--trials", type=count, default=30, metavar="N", help="at most (30)")
    parser.add_argument(
        "--patience", type=count, default=5, metavar="N", help="trials without improvement (5)"
    )
    parser.add_argument("--output", metavar="FOLDER", help="of the search (tuning/ALGORITHM_N)")
    run_arguments.add(parser)
    program.add_common(parser)
    return parser


def tune(arguments: argparse.Namespace) -> Iterator[str]:
    """Searches, as far as it is not done; yields lines about what was found.

    Raises:
      ValueError: An argument or an option is wrong; or no trial has succeeded.
      FileNotFoundError: A config file is missing, or expert data that is not to be made.
      ImportError: Optuna is not installed.
    """
    if importlib.util.find_spec("optuna") is None:
        raise ImportError("ibc-tune needs Optuna: pip install optuna")
    tasks, common = grid.tasks(arguments.task), _common(arguments)
    number = arguments.trajectories or 0
    default = f"tuning/{arguments.algorithm}_{number or 'all'}"
    output = pathlib.Path(arguments.output or default).expanduser().absolute()
    atomic_file.check_place(output / "trials.html", "--output=")
    startup.import_tensorflow_quietly()
    from ibc.benchmark import executors
    from ibc.sweep import runs
    from ibc.tune import door, results, spaces, study

    fixed = tuple(setting.partition("=")[0].strip() for setting in common.settings)
    space = spaces.get(arguments.algorithm, fixed)
    found = door.check(arguments.algorithm, tasks, common, arguments.generate_data)
    cores = child_process.num_cores()
    at_once = arguments.jobs or cores
    if arguments.executor == "local":
        at_once = min(at_once, cores)
    run = executors.get(arguments.executor, output, arguments.slurm_options, at_once)
    about = {
        "algorithm": arguments.algorithm,
        "tasks": tasks,
        "gin_file": common.gin_files,
        "gin_bindings": common.gin_bindings,
        "set": common.settings,
    }
    with folder_lock.held(output, "give another --output"):
        kept = study.Study(output, space, about)
        runs.record_missing(found, run)
        search = _search(arguments, output, tasks, common, kept, found[0].config.steps)
        search.run(run, at_once)
        best = kept.best()
        if best is None:
            error = next((e for t in kept.trials() if (e := t.user_attrs.get("error"))), "none")
            raise ValueError(f"no trial has succeeded. First: {error}")
        yield f"Best of {len(kept.trials())} trials: {best.value:.3f}, of trial {best.number}:"
        yield from (f"  {name} = {value!r}" for name, value in best.params.items())
        config = output / results.config_name(arguments.algorithm, number)
        yield f"Wrote {config}, for --optimised={config}"
        yield f"Wrote {output / 'trials.csv'}"
        yield f"Wrote {output / 'trials.html'}"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    goes_on = "the same command goes on from here."
    with program.one_line_errors(
        arguments.debug, f"interrupted; {goes_on}", f"terminated; {goes_on}"
    ):
        for line in tune(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _common(arguments: argparse.Namespace) -> run_arguments.Common:
    """Returns what all runs are given, the number of trajectories with it."""
    if arguments.trajectories:
        arguments.set = [*arguments.set, f"imitation.trajectories={arguments.trajectories}"]
    return run_arguments.of(arguments)


def _search(
    arguments: argparse.Namespace,
    output: pathlib.Path,
    tasks: list[str],
    common: run_arguments.Common,
    kept: "study_lib.Study",
    steps: int,
) -> "search_lib.Search":
    from ibc.tune import page, results, spaces
    from ibc.tune import search as search_lib

    number = arguments.trajectories or 0

    def write() -> None:
        title = f"Search for options of {arguments.algorithm}"
        atomic_file.write_text(output / "trials.csv", results.table(kept, tasks))
        atomic_file.write_text(output / "trials.html", page.make(kept, title, tasks))
        if (best := kept.best()) is not None:
            path = output / results.config_name(arguments.algorithm, number)
            algorithm = arguments.algorithm
            given = [
                setting
                for setting in common.settings
                if setting.partition("=")[0].strip() in spaces.SPACES[algorithm]
            ]
            text = results.config(best.params, algorithm, number, tasks, given)
            atomic_file.write_text(path, text)

    return search_lib.Search(
        output,
        arguments.algorithm,
        tasks,
        common,
        kept,
        steps,
        arguments.trials,
        arguments.patience,
        write,
    )


if __name__ == "__main__":
    run()
