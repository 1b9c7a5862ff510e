"""Trains a policy by interaction, with a reward learned from demonstrations: the command line.

Examples:
  python ibc/online_train_eval.py --algorithm=SAC --task=Pendulum-v1 --gin_file=pendulum_quick.gin
  python ibc/online_train_eval.py --algorithm=GAIL --task=hopper --set=imitation.trajectories=5

Exit status: 0 trained; 1 an error, in one line; 3 a loss became infinite or NaN; 130 Ctrl-C;
143 SIGTERM, after which a checkpoint is saved. The same command goes on from the last checkpoint.
"""

import argparse
from collections.abc import Sequence

from ibc.utils import program, startup


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser(
        "online_train_eval",
        description=__doc__.splitlines()[0],
        epilog="All options with their defaults for each algorithm: the page 'Options of learning "
        "by interaction' of the documentation (python -m mkdocs serve), or ibc/online/options.py.",
    )
    algorithms = "AdRIL, BC, DRIL, GAIL, GMMIL, PWIL, RED, SAC, SQIL, DAC, AIRL or FAIRL"
    parser.add_argument("--algorithm", default="SAC", help=f"{algorithms} (SAC)")
    parser.add_argument(
        "--task",
        required=True,
        help="ant, halfcheetah, hopper, walker2d, a task, or a registered Gymnasium id",
    )
    parser.add_argument(
        "--optimised", metavar="SET", help="tuned set of options, such as GAIL_5_trajectories"
    )
    for name, metavar, what in (
        ("set", "OPTION=VALUE", "option such as imitation.trajectories=5; repeatable"),
        ("gin_file", "FILE", "config file: a path, or a bare name; repeatable"),
        ("gin_bindings", "BINDING", "such as 'training.batch_size = 128'; repeatable"),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=what)
    parser.add_argument("--tag", help="folder of this run in online_train_eval.root_dir")
    parser.add_argument(
        "--video",
        action="store_true",
        help="film an episode at the end, with what its steps are worth under the pictures",
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
    from ibc.online import configuration, experiment, run_config

    configuration.configure(
        arguments.algorithm,
        arguments.optimised,
        arguments.gin_file,
        arguments.gin_bindings,
        arguments.set,
    )
    given = {"algorithm": arguments.algorithm, "task": arguments.task}
    if arguments.tag:
        given["tag"] = arguments.tag
    if arguments.video:
        given["video"] = True
    experiment.run(run_config.OnlineConfig(**given))


if __name__ == "__main__":
    run()
