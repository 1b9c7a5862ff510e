"""Compares runs: curves, scores with intervals, the same episodes, costs, configs, videos.

Runs whose configs differ in their seeds alone are one method.

Examples:
    ibc-report runs/implicit runs/mixture
    ibc-report runs/online
    ibc-report runs/ebm/seed_* runs/mse/seed_* --metric=AverageReturn --output=looks/report.html
"""

import argparse
import os
import pathlib
from collections.abc import Iterator, Sequence

from ibc.utils import atomic_file, program, startup


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-report", description=__doc__.splitlines()[0])
    parser.add_argument(
        "runs",
        nargs="+",
        metavar="RUN",
        help="folder of a run; of learning by interaction also one that holds runs",
    )
    parser.add_argument("--metric", help="by which runs are compared (the most telling of theirs)")
    parser.add_argument(
        "--output",
        default="report.html",
        metavar="FILE",
        help="the page; a table as .csv, .md and .json is written beside it (report.html)",
    )
    program.add_common(parser)
    return parser


def write(
    folders: Sequence[str],
    output: pathlib.Path,
    metric: str | None = None,
    command: str | None = None,
) -> Iterator[str]:
    """Writes the page and the tables; yields a line for each method and file.

    Args:
      folders: Runs' folders.
      output: The page.
      metric: What is compared; the most telling of theirs if not given.
      command: What makes the runs, for the table.

    Raises:
      FileNotFoundError, ValueError: A folder is no run, or was not evaluated by the metric.
    """
    if output.suffix != ".html":
        raise ValueError(f"--output must be a .html file, but is '{output}'.")
    atomic_file.check_place(output, "--output=")
    for folder in folders:
        if not pathlib.Path(folder).is_dir():
            state = "is a file" if os.path.exists(folder) else "does not exist"
            raise FileNotFoundError(f"{folder} {state}; give a run's folder.")
    startup.import_tensorflow_alone_quietly()
    from ibc.report import interaction_runs

    places = [pathlib.Path(folder).resolve() for folder in folders]
    if interaction_runs.are_in(places):
        yield from _write_interaction(places, output, metric)
    else:
        yield from _write_training(places, output, metric, command)


def _write_interaction(
    folders: Sequence[pathlib.Path], output: pathlib.Path, metric: str | None
) -> Iterator[str]:
    """Writes the page and the CSV of runs of learning by interaction."""
    from ibc.report import interaction_page, interaction_runs, interaction_scores, page

    if metric:
        raise ValueError(
            f"--metric={metric} is not for learning by interaction, which is compared by return."
        )
    found, unread = interaction_runs.read_all(folders)
    for line in unread:
        yield f"Left out: {line}"
    methods = interaction_runs.methods(found)
    of = interaction_scores.unit(methods)
    for method in methods:
        score = page.shown(interaction_scores.last(method.runs, of))
        yield f"{method.name}: {of} {score}, {len(method.runs)} runs"
    atomic_file.write_text(output.with_suffix(".csv"), interaction_page.table(methods))
    yield f"Wrote {output.with_suffix('.csv')}"
    atomic_file.write_text(output, interaction_page.make(methods))
    yield f"Wrote {output}"


def _write_training(
    folders: Sequence[pathlib.Path],
    output: pathlib.Path,
    metric: str | None,
    command: str | None,
) -> Iterator[str]:
    """Writes the page and the tables of runs that were trained on data."""
    from ibc.report import page, runs, summary, table

    read = [run for folder in folders for run in runs.read(folder)]
    methods = runs.methods(read)
    metric = metric or runs.main_metric(methods)
    for run in read:
        if metric not in run.metrics:
            raise ValueError(
                f"--metric={metric}: {run.folder} has not measured it; it has "
                f"{', '.join(sorted(run.metrics))}."
            )
    for row in summary.rows(methods, metric):
        yield f"{row.name}: {metric} {page.shown(row.last)}, {len(row.seeds)} runs"
    rows = table.rows(methods, metric)
    written = {
        ".csv": page.table(methods, metric),
        ".md": table.markdown(rows, command),
        ".json": table.as_json(rows, command),
        ".html": page.make(methods, metric),
    }
    for suffix, text in written.items():
        atomic_file.write_text(output.with_suffix(suffix), text)
        yield f"Wrote {output.with_suffix(suffix)}"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    with program.one_line_errors(arguments.debug, "interrupted.", "terminated."):
        for line in write(arguments.runs, pathlib.Path(arguments.output), arguments.metric):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


if __name__ == "__main__":
    run()
