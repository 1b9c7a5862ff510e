"""What is checked before a search begins."""

from ibc.online import algorithms
from ibc.sweep import arguments, grid, runs


def check(
    algorithm: str, tasks: list[str], common: arguments.Common, generate_data: bool
) -> list[runs.Planned]:
    """Checks that a run of each task can be made and scored; returns these runs.

    Raises:
      ValueError, ImportError: A task, an option or a value is unusable.
      FileNotFoundError: A config file is missing, or expert data that is not to be made.
    """
    points = grid.points(tasks, algorithm, None, [])
    found = runs.planned(points, common, generate_data, is_scored=True)
    interval = runs.bound_options(points[0], common).evaluation.interval
    steps = found[0].config.steps
    if algorithms.get(algorithm).interacts and steps < interval:
        raise ValueError(
            f"steps = {steps}, but evaluation.interval = {interval}: no run would be evaluated; "
            "give more steps, or a smaller interval."
        )
    if found[0].config.check_time_usage:
        raise ValueError("check_time_usage leaves evaluations out: a search needs them.")
    return found
