"""A search by Optuna, kept in a journal in its folder."""

import json
import math
import os
import pathlib
import statistics
from collections.abc import Mapping, Sequence

import numpy as np
import optuna

from ibc.online import giving_up
from ibc.tune import spaces

JOURNAL = "journal.log"
_LARGEST_SEED = 100
# Before so many trials are complete none is given up.
_LEAST_TO_PRUNE = 5
# Nor is a run in its first third: what learns late may learn best.
_SHARE_LEFT_ALONE = 1 / 3
# So many failures before anything succeeds end a search.
_MOST_FAILURES = 3

State = optuna.trial.TrialState
_FINISHED = (State.COMPLETE, State.PRUNED, State.FAIL)


class Study:
    """Trials: what was tried, and what it brought.

    A trial is worth the smallest of its tasks' scores. What is tried next follows from the seed and
    from the trials so far, also after an interruption.
    """

    def __init__(
        self, folder: pathlib.Path, space: spaces.Space, about: Mapping[str, object], seed: int = 0
    ):
        """Opens the study of a folder, or begins one.

        Args:
          folder: Where the journal is kept.
          space: What is tried.
          about: What the study is of, for JSON.
          seed: Of what is tried.

        Raises:
          ValueError: The folder has the study of something else.
        """
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.space = space
        self._seed = seed
        self._distributions = {name: _distribution(what) for name, what in space.items()}
        path = folder / JOURNAL
        _drop_unfinished_line(path)
        backend = optuna.storages.journal.JournalFileBackend(str(path))
        self._study = optuna.create_study(
            storage=optuna.storages.JournalStorage(backend),
            study_name="ibc-tune",
            direction="maximize",
            load_if_exists=True,
        )
        kept = self._study.user_attrs.get("about")
        wanted = json.loads(json.dumps(about))
        if kept is not None and kept != wanted:
            changed = next(name for name in wanted if kept.get(name) != wanted[name])
            raise ValueError(
                f"{folder} holds a search with {changed} {kept.get(changed)!r}, not "
                f"{wanted[changed]!r}: go on with the same command, or give another --output."
            )
        if kept is None:
            self._study.set_user_attr("about", wanted)

    def trials(self, *states: State) -> list[optuna.trial.FrozenTrial]:
        """Returns the trials in some states, or all."""
        return self._study.get_trials(states=states or None)

    def interrupted(self) -> list[optuna.Trial]:
        """Returns trials that have begun and not ended."""
        begun = self.trials(State.RUNNING)
        return [optuna.Trial(self._study, trial._trial_id) for trial in begun]

    def ask(self) -> optuna.Trial:
        """Begins a trial."""
        number = len(self.trials())
        # A sampler that goes on with a trial's number draws the same after an interruption.
        self._study.sampler = optuna.samplers.TPESampler(seed=self._seed + number)
        trial = self._study.ask(self._distributions)
        drawn = np.random.default_rng([self._seed, trial.number]).integers(_LARGEST_SEED)
        trial.set_user_attr("seed", int(drawn))
        return trial

    def add_score(
        self, trial: optuna.Trial, task: str, so_far: Mapping[int, float], begun: int
    ) -> float:
        """Takes a task's score; returns what the trial can be worth at most.

        Args:
          trial: The trial.
          task: Name of the task, whose run has ended.
          so_far: Step of each evaluation → the score up to it, the last one the task's.
          begun: Steps of the trial's runs before.
        """
        if task not in scores_of(trial):  # Else it was interrupted after this.
            self._report(trial, so_far, begun)
            score = so_far[max(so_far)]
            trial.set_user_attr("scores", {**scores_of(trial), task: score})
        return min(scores_of(trial).values())

    def bars(self, trial: optuna.Trial, begun: int, steps: int) -> giving_up.Bars:
        """Returns below what the next run of a trial is to give up.

        That is, at each evaluation, the median of what the complete trials were worth by then, the
        rule of Optuna's `MedianPruner`, with the latest worth instead of the best. What they were
        worth is kept in the journal, and tells the sampler how far trials came that were given up.

        Args:
          trial: The trial.
          begun: Steps of its runs before.
          steps: Of the run.
        """
        seen: dict[int, list[float]] = {}
        for other in self.trials(State.COMPLETE):
            for step, worth in other.intermediate_values.items():
                if steps * _SHARE_LEFT_ALONE <= step - begun < steps:
                    seen.setdefault(step - begun, []).append(worth)
        least = {
            step: statistics.median(worths)
            for step, worths in sorted(seen.items())
            if len(worths) >= _LEAST_TO_PRUNE
        }
        return giving_up.Bars(least, min(scores_of(trial).values(), default=None))

    def give_up(
        self, trial: optuna.Trial, task: str, so_far: Mapping[int, float], begun: int
    ) -> float:
        """Ends a trial whose run has given up; returns what it was worth by then.

        Args:
          trial: The trial.
          task: Name of the task.
          so_far: See `add_score`.
          begun: See `add_score`.
        """
        worth = self._report(trial, so_far, begun)
        trial.set_user_attr("given_up", f"on {task} at step {max(so_far)}")
        self.prune(trial)
        return worth

    def _report(self, trial: optuna.Trial, so_far: Mapping[int, float], begun: int) -> float:
        """Keeps what a trial was worth at evaluations; returns the last."""
        at_most = min(scores_of(trial).values(), default=math.inf)
        known = trial.storage.get_trial(trial._trial_id).intermediate_values
        for step, score in so_far.items():
            if begun + step not in known:
                trial.report(min(at_most, score), begun + step)
        return min(at_most, so_far[max(so_far)])

    def is_hopeless(self, worth: float) -> bool:
        """Whether a trial that is worth no more is in the worse half of those that are complete."""
        values = [trial.value for trial in self.trials(State.COMPLETE)]
        return len(values) >= _LEAST_TO_PRUNE and worth < statistics.median(values)

    def end(self, trial: optuna.Trial, worth: float) -> None:
        """Ends a trial that is complete."""
        self._study.tell(trial, worth)

    def prune(self, trial: optuna.Trial) -> None:
        """Ends a trial that is hopeless."""
        self._study.tell(trial, state=State.PRUNED)

    def fail(self, trial: optuna.Trial, error: str) -> None:
        """Ends a trial that has failed."""
        trial.set_user_attr("error", error)
        self._study.tell(trial, state=State.FAIL)

    def best(self) -> optuna.trial.FrozenTrial | None:
        """Returns the complete trial that is worth most, the first of equal ones."""
        return max(self.trials(State.COMPLETE), key=lambda trial: trial.value, default=None)

    def wants_more(self, most: int, patience: int) -> bool:
        """Whether another trial is to begin.

        Args:
          most: Trials in all.
          patience: Trials without improvement after which it is enough.
        """
        if len(self.trials()) >= most:
            return False
        best, ended = self.best(), self.trials(*_FINISHED)
        if best is None:
            return len(ended) < _MOST_FAILURES
        return sum(trial.number > best.number for trial in ended) < patience


def _distribution(what: spaces.Choice | spaces.Range) -> optuna.distributions.BaseDistribution:
    if isinstance(what, spaces.Choice):
        return optuna.distributions.CategoricalDistribution(what.values)
    if what.is_whole:
        return optuna.distributions.IntDistribution(int(what.low), int(what.high))
    return optuna.distributions.FloatDistribution(what.low, what.high)


def _drop_unfinished_line(path: pathlib.Path) -> None:
    """Removes the last line of a journal if its writer was killed in it: nothing may follow it."""
    if path.exists():
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(path, len(whole))


def value_of(trial: optuna.trial.FrozenTrial) -> float | None:
    """Returns what a trial is worth; of one that is not complete, by its last evaluation."""
    if trial.value is not None:
        return trial.value
    seen = trial.intermediate_values
    return seen[max(seen)] if seen else None


def scores_of(trial: optuna.Trial | optuna.trial.FrozenTrial) -> dict[str, float]:
    """Returns task → score of what a trial has run."""
    return trial.user_attrs.get("scores", {})


def settings_of(params: Mapping[str, object]) -> Sequence[str]:
    """Returns what is tried as after --set."""
    return [f"{name}={value}" for name, value in params.items()]
