"""Many runs of learning by interaction: each is checked before the first begins."""

import dataclasses
import json
import pathlib
import sys
from collections.abc import Iterator, Sequence

import gin
import numpy as np
from absl import logging

from ibc.benchmark import executors, plan
from ibc.online import (
    algorithms,
    configuration,
    demonstrations,
    expert_recording,
    history,
    interaction_env,
    options,
    run_config,
)
from ibc.sweep import arguments, grid


@dataclasses.dataclass(frozen=True)
class Planned:
    """A run that has been checked."""

    job: plan.Job
    config: run_config.OnlineConfig
    recording: plan.Job | None
    """What makes its expert data, where that is missing."""


def planned(
    points: Sequence[grid.Point],
    common: arguments.Common,
    generate_data: bool = False,
    within: str | None = None,
    is_scored: bool = False,
) -> list[Planned]:
    """Checks runs and returns the commands that make them.

    Args:
      points: What differs between them.
      common: What does not.
      generate_data: Whether missing expert data is made.
      within: Folder of all runs in their `root_dir`.
      is_scored: Whether all need normalized returns, and with them an expert's.

    Raises:
      ValueError, ImportError: A task, an option or a value is unusable, as the run would say.
      FileNotFoundError: A config file is missing, or expert data that is not to be made.
    """
    for task in dict.fromkeys(point.task for point in points):
        interaction_env.load(task)
    configs = [_checked(point, common) for point in points]
    gin.clear_config()
    found = []
    for point, config in zip(points, configs, strict=True):
        is_normalized = is_scored and not demonstrations.is_published(point.task)
        needs_expert = algorithms.get(point.algorithm).imitates or is_normalized
        recording = _recording(point, config, common, generate_data) if needs_expert else None
        tag = "/".join(part for part in (within, point.tag(config.seed)) if part)
        config = dataclasses.replace(config, tag=tag)
        log = _logs(config) / f"{tag.replace('/', '-')}.log"
        job = plan.Job(tag, command(point, common, tag), config.folder(), log)
        found.append(Planned(job, config, recording))
    return found


def run_all(found: Sequence[Planned], run: executors.Run) -> Iterator[str]:
    """Makes missing expert data, then the runs that are not done; yields lines at the end.

    Raises:
      ValueError: Runs have failed, when all others are done.
    """
    todo = [each for each in found if not each.job.is_done()]
    if len(todo) < len(found):
        logging.info("%d of %d runs are done already.", len(found) - len(todo), len(found))
    failures = _record(todo, run)
    able = [each.job for each in todo if not each.recording or each.recording.name not in failures]
    failures |= _run(run, able)
    done = [each for each in found if each.job.is_done()]
    if done:
        root = pathlib.Path(done[0].config.root_dir).expanduser()
        yield f"{len(done)} of {len(found)} runs are done, in {root}:"
    for each in done:
        yield f"{each.job.name}: {outcome(each.job.folder)}"
    yield from executors.listed(failures, len(found) - len(done), len(found))


def record_missing(found: Sequence[Planned], run: executors.Run) -> None:
    """Makes the expert data that runs miss.

    Raises:
      ValueError: That has failed.
    """
    for name, error in _record(found, run).items():
        raise ValueError(f"{name}: {error}")


def bound_options(point: grid.Point, common: arguments.Common) -> options.Options:
    """Returns the options that a run will have.

    Raises:
      ValueError, FileNotFoundError: As `planned`.
    """
    _checked(point, common)
    found = options.bound()
    gin.clear_config()
    return found


def outcome(folder: pathlib.Path) -> str:
    """Says what a run that has ended has brought."""
    values = json.loads((folder / history.FILE).read_text(encoding="utf-8"))
    seconds = values["pre_training_time"] + values["training_time"]
    if not values["test_returns"]:
        return f"not evaluated, {seconds:.0f} s"
    normalized = values["test_returns_normalized"][-1]
    told = "" if normalized is None else f", normalized {np.mean(normalized):.3f}"
    last = values["test_returns"][-1]
    return f"return {np.mean(last):.1f} ± {np.std(last):.1f}{told}, {seconds:.0f} s"


def _record(found: Sequence[Planned], run: executors.Run) -> dict[str, str]:
    """Makes missing expert data once; returns name → what went wrong."""
    return _run(run, list(dict.fromkeys(each.recording for each in found if each.recording)))


def _run(run: executors.Run, jobs: Sequence[plan.Job]) -> dict[str, str]:
    """Runs commands and says how each has ended; returns name → what went wrong."""
    return executors.finish(run, jobs, _outcome_of) if jobs else {}


def _outcome_of(job: plan.Job) -> str:
    return outcome(job.folder) if (job.folder / history.FILE).exists() else "done"


def _checked(point: grid.Point, common: arguments.Common) -> run_config.OnlineConfig:
    """Configures a run as it will be, and returns its parameters."""
    gin.clear_config()
    configuration.configure(
        point.algorithm,
        point.optimised,
        common.gin_files,
        common.gin_bindings,
        [*common.settings, *point.settings],
        point.task,
    )
    algorithms.check(point.algorithm, options.bound())
    return run_config.OnlineConfig(algorithm=point.algorithm, task=point.task)


def command(point: grid.Point, common: arguments.Common, tag: str) -> tuple[str, ...]:
    """Returns the command line of a run, whose folder in `root_dir` is `tag`."""
    flags = [f"--algorithm={point.algorithm}", f"--task={point.task}", f"--tag={tag}"]
    flags += [f"--optimised={point.optimised}"] if point.optimised else []
    flags += common.shared()
    flags += [f"--set={setting}" for setting in (*common.settings, *point.settings)]
    return (sys.executable, "-m", "ibc.online_train_eval", *flags, *common.flags)


def _recording(
    point: grid.Point,
    config: run_config.OnlineConfig,
    common: arguments.Common,
    generate_data: bool,
) -> plan.Job | None:
    """Returns what makes a run's expert data, None if it is there."""
    try:
        demonstrations.find(point.task, config.dataset_path)
        return None
    except FileNotFoundError:
        if not generate_data:
            raise
    expert_recording.file_name(point.task, config.dataset_path)
    flags = [f"--task={point.task}", *common.shared()]
    flags += [f"--dataset_path={config.dataset_path}"] if config.dataset_path else []
    flags += [f"--set={setting}" for setting in common.expert_settings]
    line = (sys.executable, "-m", "ibc.online.expert_recording", *flags)
    place = _logs(config) / f"{grid.plain(point.task)}-expert"
    return plan.Job(f"{point.task}: expert data", line, place, place.with_suffix(".log"))


def _logs(config: run_config.OnlineConfig) -> pathlib.Path:
    return pathlib.Path(config.root_dir).expanduser() / "logs"
