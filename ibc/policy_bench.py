"""Measures how long policies take to act: the first call, then median and 95th percentile.

Examples:
    ibc-policy-bench runs/my_run
    ibc-policy-bench runs/my_run runs/my_run/policies/onnx --batch_sizes=1,16
"""

import argparse
from collections.abc import Iterable, Sequence

from ibc.utils import program


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-policy-bench", description=__doc__.splitlines()[0])
    parser.add_argument(
        "path", nargs="+", help="folder of a run, of an exported policy, or one of ibc-export's"
    )
    parser.add_argument(
        "--batch_sizes", default="1,8", metavar="N,M", help="observations per call (1,8)"
    )
    parser.add_argument(
        "--num_actions", type=int, default=200, metavar="N", help="calls to time (200)"
    )
    program.add_common(parser)
    return parser


def bench(arguments: argparse.Namespace) -> Iterable[str]:
    """Measures; yields the lines of a report."""
    from ibc.deploy import latency, load

    sizes = _sizes(arguments.batch_sizes)
    if arguments.num_actions < 1:
        raise ValueError(f"--num_actions must be at least 1, got {arguments.num_actions}.")
    for path in arguments.path:
        policy = load.load_policy(path)
        yield f"{path}: {policy.where}"
        chunks = policy.description.chunks
        if chunks and chunks.action_steps > 1:
            yield f"  'planning' is the median of the calls that plan, one in {chunks.action_steps}"
        for size in sizes:
            found = latency.measure(policy, size, arguments.num_actions)
            yield (
                f"  batch {size:4}   median {found.median:8.2f} ms   95th percentile "
                f"{found.p95:8.2f} ms   first call {found.first:8.1f} ms"
                + ("" if found.planning is None else f"   planning {found.planning:8.2f} ms")
            )


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    with program.one_line_errors(arguments.debug, interrupted="interrupted."):
        for line in bench(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


def _sizes(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = [0]
    if min(sizes) < 1:
        raise ValueError(f"--batch_sizes must be positive numbers with commas, got {text!r}.")
    return sizes


if __name__ == "__main__":
    run()
