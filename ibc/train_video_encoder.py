"""Learns a space of videos in which an expert's are near to each other: the command line.

Examples:
  python ibc/train_video_encoder.py --task=PARTICLE_REACH
  python ibc/train_video_encoder.py --task=MY_TASK --video_dir=my_clips --set=num_epochs=2000

Exit status: 0 trained; 1 an error, in one line; 3 a loss became infinite or NaN; 130 Ctrl-C;
143 SIGTERM, after which a checkpoint is saved. The same command goes on from the last checkpoint.
"""

import argparse
from collections.abc import Sequence

from ibc.utils import program, startup


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("train_video_encoder", description=__doc__.splitlines()[0])
    parser.add_argument("--task", required=True, help="a task with an oracle, or with videos")
    parser.add_argument(
        "--video_dir", metavar="FOLDER", help="videos (the task's, recorded if there are none)"
    )
    for name, metavar, what in (
        ("set", "OPTION=VALUE", "option such as cmc_model.lr=1e-3; repeatable"),
        ("gin_file", "FILE", "config file: a path, or a bare name; repeatable (<task>.gin)"),
        ("gin_bindings", "BINDING", "such as 'cmc_model.rho = 2.0'; repeatable"),
    ):
        parser.add_argument(f"--{name}", action="append", default=[], metavar=metavar, help=what)
    parser.add_argument("--tag", help="folder of this run in train_video_encoder.root_dir")
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
    from ibc.environments import tasks
    from ibc.video_encoder import experiment, run_config

    if arguments.video_dir is None:
        tasks.get_task(arguments.task)  # Any name will do for videos of one's own.
    run_config.configure(arguments.task, arguments.gin_file, arguments.gin_bindings, arguments.set)
    given = {name: getattr(arguments, name) for name in ("task", "video_dir", "tag")}
    config = run_config.VideoEncoderConfig(**{name: v for name, v in given.items() if v})
    program.say(experiment.table_text(experiment.run(config)))


if __name__ == "__main__":
    run()
