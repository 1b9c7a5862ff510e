"""Learns an energy of pairs of neighbouring observations from demonstrations: the command line.

Examples:
  python ibc/train_ncsn.py --task=MAZE
  python ibc/train_ncsn.py --task=MAZE --gin_file=near_published.gin --set=training.n_iters=20000
  python ibc/train_ncsn.py --task=MAZE --test --checkpoint=runs/ncsn/MAZE/seed0

Exit status: 0 trained; 1 an error, in one line; 3 a loss became infinite or NaN; 130 Ctrl-C;
143 SIGTERM, after which a checkpoint is saved. The same command goes on from the last checkpoint.
"""

import argparse
import pathlib
from collections.abc import Sequence

from ibc.utils import program, startup


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("train_ncsn", description=__doc__.splitlines()[0])
    parser.add_argument("--task", required=True, help="MAZE, or another task with demonstrations")
    parser.add_argument("--dataset_path", metavar="FILE", help="demonstrations (the task's)")
    for name, metavar, what in (
        ("set", "OPTION=VALUE", "option such as model.ncsnv2=False; repeatable"),
        ("gin_file", "FILE", "config file: a path, or a bare name; repeatable (near.gin)"),
        ("gin_bindings", "BINDING", "such as 'energy.model.L = 10'; repeatable"),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=what)
    parser.add_argument("--tag", help="folder of this run in train_ncsn.root_dir")
    parser.add_argument(
        "--test", action="store_true", help="draw a trained energy anew, and train nothing"
    )
    parser.add_argument(
        "--checkpoint", metavar="FOLDER", help="with --test: folder of the run (this command's)"
    )
    parser.add_argument(
        "--sigma_level", type=int, metavar="LEVEL", help="with --test: level of energy.png"
    )
    program.add_common(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    interrupted = "interrupted; the same command goes on from the last checkpoint."
    with program.one_line_errors(arguments.debug, interrupted):
        _train(arguments)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _train(arguments: argparse.Namespace) -> None:
    # Imported here so that --help answers at once.
    startup.import_tensorflow_quietly()
    from ibc.ncsn import experiment, run_config
    from ibc.online import run_config as _  # noqa: F401  (a file may bind both programs)
    from ibc.online.on_policy import options  # noqa: F401

    if arguments.test:
        _draw(arguments)
        return
    if arguments.checkpoint is not None or arguments.sigma_level is not None:
        raise ValueError("--checkpoint and --sigma_level are for --test: give that, too.")
    files = arguments.gin_file or [run_config.shipped_file(arguments.task)]
    run_config.configure(arguments.task, files, arguments.gin_bindings, arguments.set)
    program.say(experiment.table_text(experiment.run(_config(arguments))))


def _draw(arguments: argparse.Namespace) -> None:
    """Draws the energy of a run with the options that the run has, and those that are given."""
    import gin

    from ibc.ncsn import run_config, seeing
    from ibc.train.run import run_folder

    if arguments.gin_file:
        raise ValueError("--test takes the run's own config: leave --gin_file out.")
    given = (arguments.gin_bindings, arguments.set)
    run_config.configure(arguments.task, (), *given)
    folder = pathlib.Path(arguments.checkpoint or _config(arguments).folder()).expanduser()
    command = f"python ibc/train_ncsn.py --task={arguments.task}"
    stored = run_folder.bindings_of(folder, {"task": arguments.task}, command)
    dataset = run_folder.bound_values(folder).get("dataset_path")
    stored += [f"train_ncsn.dataset_path = {dataset!r}"] if dataset else []
    gin.clear_config()
    run_config.configure(arguments.task, (), [*stored, *given[0]], given[1])
    for path in seeing.draw_run(_config(arguments), folder, arguments.sigma_level):
        program.say(str(path))


def _config(arguments: argparse.Namespace):
    from ibc.ncsn import run_config

    given = {name: getattr(arguments, name) for name in ("task", "dataset_path", "tag")}
    return run_config.NcsnConfig(**{name: value for name, value in given.items() if value})


if __name__ == "__main__":
    run()
