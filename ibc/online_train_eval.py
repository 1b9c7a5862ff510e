"""Trains a policy by interaction, with a reward learned from demonstrations: the command line.

Examples:
  python ibc/online_train_eval.py --algorithm=SAC --task=Pendulum-v1 --gin_file=pendulum_quick.gin
  python ibc/online_train_eval.py --algorithm=GAIL --task=hopper --set=imitation.trajectories=5
  python ibc/online_train_eval.py --algorithm=PWIL --task=all --sweep=seed=1,2,3 --jobs=2
  python ibc/online_train_eval.py --algorithm=AMP --task=MAZE --test

Exit status: 0 trained; 1 an error, in one line; 3 a loss became infinite or NaN; 130 Ctrl-C;
143 SIGTERM, after which a checkpoint is saved when the episode ends (PPO, NEAR and AMP save none:
their last one is of a whole block of rollouts). The same command goes on from the last checkpoint.
"""

import argparse
import functools
from collections.abc import Callable, Sequence

from ibc.sweep import arguments as run_arguments
from ibc.sweep import grid
from ibc.utils import program, startup


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser(
        "online_train_eval",
        description=__doc__.splitlines()[0],
        epilog="All options with their defaults for each algorithm: the page 'Options of learning "
        "by interaction' of the documentation (python -m mkdocs serve), or ibc/online/options.py.",
    )
    algorithms = (
        "AdRIL, BC, DRIL, GAIL, GMMIL, PWIL, RED, SAC, SQIL, DAC, AIRL, FAIRL, PPO, NEAR, AMP, "
        "CEM, DRQ or IFO"
    )
    parser.add_argument("--algorithm", default="SAC", help=f"{algorithms} (SAC)")
    parser.add_argument(
        "--task",
        required=True,
        action="append",
        help="ant, halfcheetah, hopper, walker2d, all of these, a task, or a registered Gymnasium "
        "id; repeatable",
    )
    parser.add_argument(
        "--optimised", metavar="SET", help="tuned set of options, such as GAIL_5_trajectories"
    )
    parser.add_argument(
        "--sweep",
        action="append",
        default=[],
        metavar="OPTION=A,B",
        help="a run for each value, such as seed=1,2,3; repeated, for each combination",
    )
    run_arguments.add(parser)
    parser.add_argument("--tag", help="folder of this run in online_train_eval.root_dir")
    parser.add_argument(
        "--video",
        action="store_true",
        help="film an episode at the end, with what its steps are worth under the pictures",
    )
    parser.add_argument(
        "--test",
        action="store_true",
        help="draw the reward of a run of NEAR or AMP, and train nothing",
    )
    parser.add_argument(
        "--checkpoint", metavar="FOLDER", help="with --test: folder of the run (this command's)"
    )
    parser.add_argument(
        "--experiment",
        choices=("perfect_discriminator", "variance"),
        help="with AMP: what becomes of the discriminator once the policy is frozen",
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
    """Makes the run that is asked for, or all of them."""
    if arguments.checkpoint is not None and not arguments.test:
        raise ValueError("--checkpoint is for --test: give that, too.")
    if arguments.test and arguments.experiment:
        raise ValueError("--test trains nothing, but --experiment does: give one of the two.")
    common = run_arguments.of(arguments, ["--video"] if arguments.video else [])
    names = grid.tasks(arguments.task)
    points = grid.points(names, arguments.algorithm, arguments.optimised, arguments.sweep)
    # Imported here so that --help answers at once.
    startup.import_tensorflow_quietly()
    is_elsewhere = arguments.executor != "local" or arguments.slurm_options
    if len(points) == 1 and not (arguments.sweep or arguments.jobs or is_elsewhere):
        (_draw if arguments.test else _train_one)(points[0], common, arguments)
        return
    if arguments.test or arguments.experiment:
        raise ValueError(
            "--test and --experiment are of one run: leave other tasks, --sweep and --jobs out."
        )
    from ibc.benchmark import executors
    from ibc.sweep import runs

    found = runs.planned(points, common, arguments.generate_data, arguments.tag)
    root = found[0].job.log.parent
    run = executors.get(arguments.executor, root, arguments.slurm_options, arguments.jobs)
    for line in runs.run_all(found, run):
        program.say(line)


def _refuse_of_rewards(point: grid.Point, arguments: argparse.Namespace) -> None:
    """Refuses flags that only learned rewards on SAC know."""
    if point.optimised or arguments.generate_data:
        raise ValueError(
            f"--optimised and --generate_data are not for {point.algorithm}: leave them out."
        )


def _apart(algorithm: str) -> tuple[Callable, Callable]:
    """Returns what configures and what trains an algorithm that is no reward on SAC."""
    if algorithm == "DRQ":
        from ibc.online.drq import experiment as drq
        from ibc.online.drq import options as drq_options

        return drq_options.configure, drq.run
    if algorithm == "IFO":
        from ibc.online.ifo import experiment as ifo
        from ibc.online.ifo import options as ifo_options

        return ifo_options.configure, ifo.run
    from ibc.online.on_policy import configuration, planning
    from ibc.online.on_policy import experiment as on_policy

    train = planning.run if algorithm == "CEM" else on_policy.run
    return functools.partial(configuration.configure, algorithm), train


def _given(point: grid.Point, arguments: argparse.Namespace) -> dict[str, object]:
    """Returns what a run is told by flags."""
    given: dict[str, object] = {"algorithm": point.algorithm, "task": point.task}
    if arguments.tag:
        given["tag"] = arguments.tag
    if arguments.video:
        given["video"] = True
    return given


def _draw(point: grid.Point, common: run_arguments.Common, arguments: argparse.Namespace) -> None:
    """Draws what a run is rewarded by."""
    from ibc.online import run_config
    from ibc.online.on_policy import configuration, seeing

    seeing.check(point.algorithm)
    _refuse_of_rewards(point, arguments)
    if common.gin_files:
        raise ValueError("--test takes the run's own config: leave --gin_file out.")
    configuration.configure(point.algorithm, point.task, (), common.gin_bindings, common.settings)
    given = run_config.OnlineConfig(**_given(point, arguments))
    for path in seeing.test(given, arguments.checkpoint, common.gin_bindings, common.settings):
        program.say(str(path))


def _train_one(
    point: grid.Point, common: run_arguments.Common, arguments: argparse.Namespace
) -> None:
    """Trains in this process."""
    from ibc.online import algorithms, configuration, experiment, expert_recording, run_config

    given = _given(point, arguments)
    if point.algorithm in algorithms.APART:
        _refuse_of_rewards(point, arguments)
        configure, train = _apart(point.algorithm)
        configure(point.task, common.gin_files, common.gin_bindings, common.settings)
        if arguments.experiment:
            from ibc.online.on_policy import frozen

            results = frozen.run(run_config.OnlineConfig(**given), arguments.experiment)
            program.say(frozen.table_text(results))
            return
        train(run_config.OnlineConfig(**given))
        return
    if arguments.experiment:
        raise ValueError(f"--experiment is for AMP, but --algorithm={point.algorithm}.")
    options = (point.algorithm, point.optimised, common.gin_files, common.gin_bindings)
    configuration.configure(*options, common.settings, point.task)
    config = run_config.OnlineConfig(**given)
    if arguments.generate_data and algorithms.get(point.algorithm).imitates:
        experiment.check(config)
        expert_recording.ensure(
            point.task,
            config.dataset_path,
            common.gin_files,
            common.gin_bindings,
            common.expert_settings,
        )
        configuration.configure(*options, common.settings, point.task)
    experiment.run(config)


if __name__ == "__main__":
    run()
