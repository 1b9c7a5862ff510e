"""Writes a trained policy as graphs that act without TensorFlow, by NumPy and a small runtime.

Examples:
    ibc-export runs/my_run --to onnx
    ibc-export runs/my_run/policies/policy --to tflite --output=robot/policy
"""

import argparse
import pathlib
from collections.abc import Iterable, Sequence

from ibc.utils import atomic_file, program, startup


def make_parser() -> argparse.ArgumentParser:
    """Returns the parser of the command line."""
    parser = program.Parser("ibc-export", description=__doc__.splitlines()[0])
    parser.add_argument("path", help="folder of a run, or of an exported policy")
    parser.add_argument(
        "--to", required=True, choices=("onnx", "tflite"), help="runs by onnxruntime, or by LiteRT"
    )
    parser.add_argument(
        "--output", metavar="FOLDER", help="folder to write (beside the policy, named as --to)"
    )
    program.add_common(parser)
    return parser


def export(arguments: argparse.Namespace) -> Iterable[str]:
    """Exports; yields the lines of a report."""
    from ibc.runtime import folders

    source = folders.find(arguments.path)
    target = pathlib.Path(arguments.output or source.parent / arguments.to)
    if folders.is_saved_model(target):
        raise ValueError(f"--output={target} is a policy of training's: give another folder.")
    atomic_file.check_place(target / "policy.json", "--output=")
    # Only here, so that wrong arguments do not wait for TensorFlow.
    startup.import_tensorflow_alone_quietly()
    from ibc.deploy import graphs

    for name in graphs.export(source, arguments.to, target):
        size = (target / name).stat().st_size / 1e3
        yield f"Wrote {target / name} ({size:.0f} kB)"
    yield f"Load it with ibc.load_policy({str(target)!r}); TensorFlow is not needed."


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    arguments = make_parser().parse_args(argv)
    with program.one_line_errors(arguments.debug):
        for line in export(arguments):
            program.say(line)


def run() -> None:
    """Entry point of the console script."""
    program.set_up_logging()
    main()


if __name__ == "__main__":
    run()
