"""What a search has found: a config file of the best, and a table."""

import csv
import io
from collections.abc import Mapping, Sequence

from ibc.online import configuration
from ibc.tune import study as study_lib

_STATES = {
    study_lib.State.COMPLETE: "complete",
    study_lib.State.PRUNED: "given up",
    study_lib.State.FAIL: "failed",
    study_lib.State.RUNNING: "open",
}


def by_worth(found: study_lib.Study) -> list[study_lib.optuna.trial.FrozenTrial]:
    """Returns the trials, the best first; those that have brought nothing come last."""

    def key(trial) -> tuple:
        value = study_lib.value_of(trial)
        is_complete = trial.state is study_lib.State.COMPLETE
        return (not is_complete, value is None, -(value or 0.0), trial.number)

    return sorted(found.trials(), key=key)


def state_of(trial: study_lib.optuna.trial.FrozenTrial) -> str:
    """Says how far a trial is."""
    told = trial.user_attrs.get("given_up")
    return f"{_STATES[trial.state]} {told}" if told else _STATES[trial.state]


def table(found: study_lib.Study, tasks: Sequence[str]) -> str:
    """Returns a line for each trial as CSV, the best first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    of_tasks = [f"score of {task}" for task in tasks]
    writer.writerow(["trial", "state", "score", *of_tasks, "seed", *found.space, "error"])
    for trial in by_worth(found):
        value, scores = study_lib.value_of(trial), study_lib.scores_of(trial)
        writer.writerow(
            [trial.number, state_of(trial), "" if value is None else f"{value:.6g}"]
            + [f"{scores[task]:.6g}" if task in scores else "" for task in tasks]
            + [trial.user_attrs.get("seed", "")]
            + [trial.params.get(name, "") for name in found.space]
            + [trial.user_attrs.get("error", "")]
        )
    return text.getvalue()


def config(
    params: Mapping[str, object],
    algorithm: str,
    trajectories: int,
    tasks: Sequence[str],
    settings: Sequence[str] = (),
) -> str:
    """Returns a tuned set as a gin file.

    Args:
      params: Options that were searched → value.
      algorithm: Whose they are.
      trajectories: Of the expert; 0 for all.
      tasks: What was tried on.
      settings: What else of the space was given, as after --set.
    """
    of = f" for {trajectories} expert trajectories" if trajectories else ""
    lines = [f"# {algorithm} as tuned by ibc-tune{of}: {', '.join(tasks)}."]
    lines += [f"{name} = {value!r}" for name, value in params.items()]
    lines += [configuration.as_binding(setting) for setting in settings]
    if trajectories:
        lines.append(f"imitation.trajectories = {trajectories}")
    return "\n".join(lines) + "\n"


def config_name(algorithm: str, trajectories: int) -> str:
    """Returns the name of a tuned set's file, which tells whose it is."""
    return f"{algorithm}_{trajectories or 'all'}_trajectories.gin"
