"""Compares configs on tasks over seeds: demonstrations, trainings, evaluations, a report.

Examples:
    ibc-benchmark --task=PARTICLE --gin_file=mlp_ebm_quick.gin,mlp_mse_quick.gin --seeds=0,1,2
    ibc-benchmark --task=PUSH,PARTICLE --gin_file=mlp_ebm_quick.gin --seeds=0,1 --output=study
    ibc-benchmark --suite=near_maze --seeds=0,1,2,3,4 --list

The same command goes on after an interruption, and leaves out what is done.
"""

import argparse
import json
import os
import pathlib
import shlex
from collections.abc import Iterator, Sequence

from absl import logging

from ibc.benchmark import executors, plan, suite_tables, suites
from ibc.utils import atomic_file, program

_METRIC = "AverageReturn"


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-benchmark", description=__doc__.splitlines()[0])
    parser.add_argument("--task", metavar="A,B", help="tasks, with commas")
    parser.add_argument("--gin_file", metavar="A,B", help="config files: paths or bare names")
    parser.add_argument(
        "--suite", choices=sorted(suites.SUITES), help="an experiment with a name, in their place"
    )
    parser.add_argument(
        "--demonstrations", metavar="FILE", help="for --suite (the script's episodes, recorded)"
    )
    parser.add_argument(
        "--list", action="store_true", help="print the commands of --suite, and run none"
    )
    parser.add_argument("--seeds", default="0,1,2", metavar="0,1", help="of the runs (0,1,2)")
    parser.add_argument(
        "--gin_bindings",
        action="append",
        default=[],
        metavar="X",
        help="binding for all runs, of --suite for its agents, such as "
        "'train_eval.eval_episodes = 100'; may be repeated",
    )
    parser.add_argument(
        "--metric",
        help=f"metric of an evaluation by which the best checkpoint is kept ({_METRIC})",
    )
    parser.add_argument(
        "--output", default="benchmark", metavar="FOLDER", help="for all that is made (benchmark)"
    )
    executors.add_arguments(parser)
    program.add_common(parser)
    return parser


def run_all(arguments: argparse.Namespace) -> Iterator[str]:
    """Records, trains and evaluates, as far as it is not done; yields lines about it.

    Raises:
      ValueError: An argument is wrong; or runs have failed, when all others are done and reported.
    """
    output = pathlib.Path(arguments.output).expanduser().absolute()
    _check_flags(arguments)
    atomic_file.check_place(output / "report.html", "--output=")
    if arguments.suite:
        yield from _run_suite(arguments, output)
        return
    task_names, files = _parts("task", arguments.task), _parts("gin_file", arguments.gin_file)
    jobs = plan.trainings(
        output,
        task_names,
        files,
        _seeds(arguments.seeds),
        arguments.metric or _METRIC,
        arguments.gin_bindings,
    )
    run = executors.get(arguments.executor, output, arguments.slurm_options)
    _check_names(task_names, files)
    todo = [job for job in jobs if not job.is_done()]
    failures = {}
    recordings = plan.recordings(output, task_names, files, arguments.gin_bindings)
    for task, job in recordings.items():
        own = [each for each in todo if each.name.startswith(f"{task}/")]
        if own and (error := executors.run_here(job)):
            failures[job.name] = error
            todo = [each for each in todo if each not in own]
    logging.info("%d of %d runs are done already.", sum(j.is_done() for j in jobs), len(jobs))
    failures |= executors.finish(run, todo)
    finished = [job.folder for job in jobs if job.is_done()]
    if finished:
        from ibc.report import __main__ as report

        places = [str(folder) for folder in finished]
        yield from report.write(places, output / "report.html", command=_command(arguments))
    yield from executors.listed(failures, len(jobs) - len(finished), len(jobs))


def _run_suite(arguments: argparse.Namespace, output: pathlib.Path) -> Iterator[str]:
    """Makes an experiment that has a name, stage by stage, as far as it is not done.

    Raises:
      ValueError: Runs have failed, when all others are done and in the table.
    """
    seeds, given = _seeds(arguments.seeds), arguments.demonstrations
    plan.check_differ("seeds", seeds)
    if given is not None:
        given = str(pathlib.Path(given).expanduser().absolute())
        if not os.path.exists(given):
            raise FileNotFoundError(f"--demonstrations={given} does not exist: give their file.")
    stages = suites.stages(arguments.suite, output, seeds, given, arguments.gin_bindings)
    if arguments.list:
        yield from (shlex.join(job.command) for stage in stages for job in stage)
        return
    run = executors.get(arguments.executor, output, arguments.slurm_options)
    failures: dict[str, str] = {}
    missing: list[plan.Job] = []
    for stage in stages:
        todo = [job for job in stage if not job.is_done()]
        able = [job for job in todo if not any(suites.needs(job, other) for other in missing)]
        failures |= executors.finish(run, able)
        missing += [job for job in todo if not job.is_done()]
    agents = stages[-1]
    markdown, numbers = suite_tables.table(arguments.suite, agents)
    told = {"command": _command(arguments), "rows": numbers}
    atomic_file.write_text(output / "table.json", json.dumps(told, indent=1) + "\n")
    atomic_file.write_text(output / "table.md", f"{markdown}\n```bash\n{told['command']}\n```\n")
    yield markdown.rstrip()
    yield f"Wrote {output / 'table.md'} and {output / 'table.json'}"
    yield from executors.listed(failures, len(missing), sum(map(len, stages)))


def _check_flags(arguments: argparse.Namespace) -> None:
    """Raises ValueError where flags do not belong together."""
    grid = (arguments.task, arguments.gin_file)
    if any(grid) if arguments.suite else not all(grid):
        raise ValueError("give either --task and --gin_file, or --suite.")
    if not arguments.suite and (arguments.demonstrations or arguments.list):
        raise ValueError("--demonstrations and --list are for --suite; leave them out.")
    if arguments.suite and arguments.metric:
        raise ValueError("--metric is not for --suite, whose tables have columns of their own.")


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    goes_on = "the same command goes on from here."
    with program.one_line_errors(
        arguments.debug, f"interrupted; {goes_on}", f"terminated; {goes_on}"
    ):
        for line in run_all(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _command(arguments: argparse.Namespace) -> str:
    """Returns the command line that makes the same benchmark, wherever it is kept."""
    grid = ("task", "gin_file", "seeds", "metric")
    names = ("suite", "seeds", "demonstrations") if arguments.suite else grid
    given = {name: getattr(arguments, name) for name in names}
    flags = [f"--{name}={value}" for name, value in given.items() if value]
    flags += [f"--gin_bindings={binding}" for binding in arguments.gin_bindings]
    return shlex.join(["ibc-benchmark", *flags])


def _parts(flag: str, text: str) -> list[str]:
    parts = [part.strip() for part in text.split(",")]
    if not all(parts):
        raise ValueError(f"--{flag} must be names with commas between them, got '{text}'.")
    return parts


def _check_names(task_names: Sequence[str], files: Sequence[str]) -> None:
    """Raises ValueError or FileNotFoundError for a task or a config file that there is not."""
    # Only here, so that --help does not wait for them.
    from ibc.environments import tasks
    from ibc.utils import gin_config

    for name in task_names:
        folders = tasks.get_task(name).config_folders()
        for file in files:
            gin_config.find_file(file, folders)


def _seeds(text: str) -> list[int]:
    try:
        return [int(part) for part in _parts("seeds", text)]
    except ValueError as error:
        raise ValueError(
            f"--seeds must be whole numbers with commas such as 0,1,2, got '{text}'."
        ) from error


if __name__ == "__main__":
    run()
