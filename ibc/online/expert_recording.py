"""Expert data where there is none: the episodes of a task's oracle, or of SAC trained for that."""

import argparse
import pathlib
import time
from collections.abc import Sequence

import gin
import numpy as np
from absl import logging

from ibc.utils import program, startup

EPISODES = 25
"""How many are recorded: the most that a published comparison uses."""


def file_name(task: str, dataset_path: str | None) -> str:
    """Returns the record file that expert data is recorded to.

    Args:
      task: Name of the task.
      dataset_path: Where it will be looked for, see `demonstrations.find`.

    Raises:
      ValueError: That does not say what to call a new file.
    """
    from ibc.online import demonstrations

    path = (dataset_path or demonstrations.default_dataset(task)).replace("*", "", 1)
    if any(character in path for character in "*?[,") or not path.endswith(".tfrecord"):
        raise ValueError(
            f"online_train_eval.dataset_path is {dataset_path!r}, which does not tell "
            "--generate_data what to call a new file; give one .tfrecord path with at most one *."
        )
    return path


def ensure(
    task: str,
    dataset_path: str | None = None,
    gin_files: Sequence[str] = (),
    gin_bindings: Sequence[str] = (),
    settings: Sequence[str] = (),
) -> None:
    """Records a task's expert, unless there is expert data already.

    Gin's bindings are not those of before afterwards. What was interrupted is gone on with: the
    training of SAC by its checkpoints, the recording by its journal.

    Args:
      task: Name of the task.
      dataset_path: Where expert data is looked for, see `demonstrations.find`.
      gin_files: Config of SAC, where there is no oracle.
      gin_bindings: Likewise.
      settings: Likewise, as after --set.

    Raises:
      ValueError: The path does not say what to call a new file; or SAC's options are unusable.
    """
    from ibc.environments import tasks
    from ibc.online import demonstrations

    try:
        demonstrations.find(task, dataset_path)
        return
    except FileNotFoundError:
        path = file_name(task, dataset_path)
    if tasks.get_task(tasks.gym_name(task)).oracles:
        logging.info("Recording %d episodes of the oracle of %s: %s", EPISODES, task, path)
        _record(task, path, policy="oracle")
    else:
        logging.info("Training SAC as the expert of %s.", task)
        policy = _trained(task, gin_files, gin_bindings, settings)
        logging.info("Recording %d episodes of SAC on %s: %s", EPISODES, task, path)
        _record(task, path, saved_model_path=str(policy))
    _compare(task, path)


def _trained(
    task: str, gin_files: Sequence[str], gin_bindings: Sequence[str], settings: Sequence[str]
) -> pathlib.Path:
    """Trains SAC, as far as it is not; returns the folder of its policy."""
    from ibc.online import configuration, experiment, run_config

    gin.clear_config()
    configuration.configure("SAC", None, gin_files, gin_bindings, settings, task)
    # Neither the data that is missing nor the folder of the run that it is missed by.
    config = run_config.OnlineConfig(algorithm="SAC", task=task, dataset_path=None, tag=None)
    experiment.run(config)
    return config.folder() / "policies" / "greedy_policy"


def _record(task: str, path: str, **what: str) -> None:
    from ibc.data.recording import journal, recorder
    from ibc.data.recording import options as recording_options
    from ibc.environments import tasks

    gin.clear_config()
    asked = recording_options.EvaluationOptions(
        task=tasks.gym_name(task), num_episodes=EPISODES, dataset_path=path, **what
    )
    asked.check()
    start = time.monotonic()
    result = recorder.run(asked)
    for line in journal.report([result], time.monotonic() - start).splitlines():
        logging.info("%s", line)


def _compare(task: str, path: str) -> None:
    """Keeps beside the data what the expert and random actions bring, and says it."""
    from ibc.online import demonstrations, interaction_env

    env = interaction_env.load(task)
    shown = demonstrations.read(task, path, env, absorbing=True)
    random, expert = demonstrations.reference_returns(task, env, shown, pathlib.Path(path).parent)
    returns = [float(np.sum(each.steps.reward)) for each in shown]
    logging.info(
        "Return of the expert on %s: %.1f ± %.1f over %d episodes. "
        "Normalized returns are 0 at %.1f and 1 at %.1f.",
        task, np.mean(returns), np.std(returns), len(returns), random, expert,
    )  # fmt: skip
    if np.mean(returns) <= random:
        logging.warning(
            "The expert of %s brings no more than random actions: normalized returns mislead. One "
            "that was trained may need longer: remove %s, and give --expert_set=steps=<more>.",
            task, path,
        )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command that a sweep starts for a task without expert data."""
    parser = program.Parser("ibc.online.expert_recording", description=__doc__)
    parser.add_argument("--task", required=True)
    parser.add_argument("--dataset_path")
    for name in ("gin_file", "gin_bindings", "set"):
        parser.add_argument(f"--{name}", action="append", default=[])
    arguments: argparse.Namespace = parser.parse_args(argv)
    program.set_up_logging()
    with program.one_line_errors():
        startup.import_tensorflow_quietly()
        ensure(
            arguments.task,
            arguments.dataset_path,
            arguments.gin_file,
            arguments.gin_bindings,
            arguments.set,
        )


if __name__ == "__main__":
    main()
