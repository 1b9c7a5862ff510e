"""The runs of a search: a trial's tasks one after the other, trials side by side."""

import collections
import contextlib
import dataclasses
import json
import pathlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import optuna
from absl import logging

from ibc.benchmark import executors, plan
from ibc.online import history
from ibc.sweep import arguments, grid, runs
from ibc.tune import study as study_lib

TRIALS = "trials"
"""Folder of the runs."""


class Outcome(NamedTuple):
    """What a run has brought."""

    so_far: dict[int, float]
    """Step of each evaluation → mean over evaluations up to it of the mean normalized return. The
    last one is the run's score."""
    given_up: int | None
    """Step of the evaluation after which it gave up."""


@dataclasses.dataclass
class Search:
    """Tries options on tasks until it is enough."""

    output: pathlib.Path
    algorithm: str
    tasks: list[str]
    common: arguments.Common
    """What all runs are given."""
    study: study_lib.Study
    steps: int
    """Of interaction, of each run."""
    trials: int
    """How many at most."""
    patience: int
    """After how many without improvement it ends."""
    trial_ended: Callable[[], None] = lambda: None
    """Called after each trial."""

    def __post_init__(self):
        self._queue: collections.deque[plan.Job] = collections.deque()
        self._open: dict[plan.Job, tuple[optuna.Trial, int]] = {}
        self._interrupted = collections.deque(self.study.interrupted())

    def run(self, run: executors.Run, at_once: int) -> None:
        """Goes on with trials that were interrupted, then begins others.

        Args:
          run: Runs commands.
          at_once: How many trials at a time.
        """
        for _ in range(at_once):
            self._begin()
        if not self._queue:
            return
        with contextlib.closing(run(self._queue)) as ended:
            for job, error in ended:
                self._job_ended(job, error)

    def _begin(self) -> None:
        """Puts the first task of another trial into the queue, if there is to be one."""
        if self._interrupted:
            trial = self._interrupted.popleft()
            logging.info("Going on with trial %d.", trial.number)
            self._go_on(trial, 0)
        elif self.study.wants_more(self.trials, self.patience):
            self._go_on(self.study.ask(), 0)

    def _go_on(self, trial: optuna.Trial, place: int) -> None:
        """Puts a task of a trial into the queue, or takes what it has brought already."""
        job = self._job(trial, self.tasks[place])
        self._open[job] = trial, place
        if job.is_done():
            self._job_ended(job, None)
            return
        bars = self.study.bars(trial, place * self.steps, self.steps)
        if bars.least:
            bars.write(job.folder)
        self._queue.append(job)

    def _job(self, trial: optuna.Trial, task: str) -> plan.Job:
        settings = (f"seed={trial.user_attrs['seed']}", *study_lib.settings_of(trial.params))
        point = grid.Point(task, self.algorithm, None, settings, ())
        tag = f"{trial.number}/{grid.plain(task)}"
        root = self.output / TRIALS
        bindings = (*self.common.gin_bindings, f"online_train_eval.root_dir = {str(root)!r}")
        common = dataclasses.replace(self.common, gin_bindings=bindings)
        log = self.output / "logs" / f"{tag.replace('/', '-')}.log"
        return plan.Job(tag, runs.command(point, common, tag), root / tag, log)

    def _job_ended(self, job: plan.Job, error: str | None) -> None:
        """Takes what a task has brought; goes on with the trial's next one, or another trial."""
        trial, place = self._open.pop(job)
        if error:
            self.study.fail(trial, error)
            self._say(trial, f"failed: {error}")
        elif self._goes_on(trial, place, outcome(job.folder)):
            self._go_on(trial, place + 1)
            return
        self.trial_ended()
        self._begin()

    def _goes_on(self, trial: optuna.Trial, place: int, brought: Outcome) -> bool:
        """Takes what a task has brought; returns whether the trial has another task to run."""
        task, of_run = self.tasks[place], (brought.so_far, place * self.steps)
        if brought.given_up is not None:
            worth = self.study.give_up(trial, task, *of_run)
            at = f"on {task} at step {brought.given_up}"
            self._say(trial, f"given up {at}, {worth:.3f} so far")
            return False
        worth = self.study.add_score(trial, task, *of_run)
        if place + 1 == len(self.tasks):
            self.study.end(trial, worth)
            self._say(trial, f"{worth:.3f}")
        elif self.study.is_hopeless(worth):
            self.study.prune(trial)
            self._say(trial, f"at most {worth:.3f}, given up")
        else:
            return True
        return False

    def _say(self, trial: optuna.Trial, told: str) -> None:
        best = self.study.best()
        of_best = f"; best so far {best.value:.3f} of trial {best.number}" if best else ""
        logging.info("Trial %d of at most %d: %s%s", trial.number, self.trials, told, of_best)


def outcome(folder: pathlib.Path) -> Outcome:
    """Returns what a run in a folder has brought."""
    values = json.loads((folder / history.FILE).read_text(encoding="utf-8"))
    means = [np.mean(each) for each in values["test_returns_normalized"]]
    so_far = np.cumsum(means) / np.arange(1, len(means) + 1)
    steps = zip(values["test_steps"], so_far.tolist(), strict=True)
    return Outcome(dict(steps), values.get("given_up"))
