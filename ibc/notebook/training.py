"""Trains from Python: what `train_eval.py` does, as a function."""

import builtins
import contextlib
import dataclasses
from collections.abc import Iterator

import gin

from ibc.environments import tasks
from ibc.notebook import result
from ibc.notebook.train_config import TrainConfig
from ibc.train import config_files, experiment, run_config
from ibc.train.devices import strategy as strategy_lib
from ibc.train.loop import progress as progress_lib
from ibc.train.loop import training_bar
from ibc.utils import program, termination


def train(config: TrainConfig, progress: progress_lib.Report | bool = True) -> result.TrainResult:
    """Trains, see `ibc.train_policy`."""
    if not isinstance(config, TrainConfig):
        raise TypeError(f"train_policy takes an ibc.TrainConfig, got {config!r}.")
    shown = training_bar.TrainingBar() if progress is True else None
    report = shown or progress or progress_lib.ignore
    if not callable(report):
        raise TypeError(f"progress must be True, False or a function, got {progress!r}.")
    try:
        with _gin_of_its_own(), _one_line_errors(), program.quiet_libraries():
            with termination.watched(), program.plain_errors():
                return _train(config, report)
    finally:
        if shown:
            shown.close()


def _train(config: TrainConfig, report: progress_lib.Report) -> result.TrainResult:
    names = config.task_names
    config_files.configure(names, config.gin_files, config.gin_bindings())
    strategy_lib.set_up_lanes()
    run = run_config.RunConfig(task=names) if names else run_config.RunConfig()
    # With the time of now, which is not to be asked for again.
    run = dataclasses.replace(run, root_dir=str(run.folder()), tag=None, add_time=False)
    exact: dict[int, result.Averages] = {}

    def note(told: progress_lib.Progress) -> None:
        exact.update({told.step: told.averages} if told.averages else {})
        report(told)

    experiment.run(run, note)
    environments = {
        name: tasks.get_task(name).environment_id(run.image_obs) for name in run.task_names
    }
    evaluated = {} if run.skip_eval else environments
    found = result.read(run.folder(), run.num_iterations, evaluated)
    # Event files hold single precision.
    return dataclasses.replace(found, evaluations={**found.evaluations, **exact})


@contextlib.contextmanager
def _gin_of_its_own() -> Iterator[None]:
    """Starts from no bindings and leaves none: those of one training are not the next one's."""
    gin.clear_config()
    try:
        yield
    finally:
        gin.clear_config()


@contextlib.contextmanager
def _one_line_errors() -> Iterator[None]:
    """Takes off what gin adds to messages: through which configurable an error came."""
    try:
        yield
    except Exception as error:
        message, added, _ = str(error).partition("\n  In call to configurable")
        if not added:
            raise
        # gin's own class is made of the error's.
        kind = next(k for k in type(error).__mro__ if getattr(builtins, k.__name__, None) is k)
        raise kind(message) from error
