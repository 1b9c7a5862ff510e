"""Records what the configs of a benchmark train on, where it is missing and there is an oracle."""

import argparse
from collections.abc import Sequence

import gin

from ibc.utils import program, startup


def record(task_name: str, gin_files: Sequence[str], bindings: Sequence[str]) -> None:
    """Records the demonstrations that each config needs, unless they are there."""
    startup.import_tensorflow_quietly()
    from ibc.environments import tasks
    from ibc.train import config_files, demonstrations, run_config

    for file in gin_files:
        gin.clear_config()
        config_files.configure([task_name], [file], bindings)
        config = run_config.RunConfig(task=task_name)
        task = tasks.get_task(task_name)
        if not task.oracles:
            continue  # The training says what to do where there are none.
        path = config.dataset_path or task.dataset_glob(config.image_obs)
        environment = config_files.environment_bindings()
        demonstrations.ensure(task.name, path, config.image_obs, environment)


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command that `ibc-benchmark` starts."""
    parser = program.Parser("ibc.benchmark.demonstrations", description=__doc__)
    for name in ("task", "gin_file", "gin_bindings"):
        parser.add_argument(f"--{name}", action="append", default=[])
    arguments: argparse.Namespace = parser.parse_args(argv)
    program.set_up_logging()
    with program.one_line_errors():
        record(arguments.task[0], arguments.gin_file, arguments.gin_bindings)


if __name__ == "__main__":
    main()
