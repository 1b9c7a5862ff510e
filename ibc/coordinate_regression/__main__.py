"""Compares implicit and explicit models on coordinate regression and draws the figure.

Example:
  python -m ibc.coordinate_regression --output=docs/images/coordinate_regression.png
"""

import json
import pathlib
from collections.abc import Sequence

from absl import flags, logging

from ibc.utils import atomic_file, program, startup

_OUTPUT = flags.DEFINE_string(
    "output", "coordinate_regression.png", "PNG to write; results stand beside it as .json."
)
_EXAMPLES = flags.DEFINE_multi_integer(
    "examples", [10, 30, 100], "Number of training images; repeat it to compare several."
)
_LEARNING_RATES = flags.DEFINE_multi_float(
    "learning_rate",
    [1e-3, 3e-3],
    "Learning rate; repeat it to choose among several by validation.",
    lower_bound=0.0,
)
_STEPS = flags.DEFINE_integer("steps", 300, "Training steps of every model.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Seed of images and training.", lower_bound=0)
_DEBUG = program.define_debug()


def main(argv: Sequence[str]) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    program.reject_positional(argv)
    program.set_up_logging()
    with program.one_line_errors(_DEBUG.value, "interrupted; nothing was written."):
        _run()


def _run() -> None:
    path = pathlib.Path(_OUTPUT.value)
    if path.suffix != ".png":
        raise ValueError(f"--output must be a .png file, but is {_OUTPUT.value!r}.")
    # Imported here so that --help answers at once.
    startup.import_tensorflow_quietly()
    import tensorflow as tf

    from ibc.coordinate_regression import study

    # Results then do not depend on how many cores there are.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    # A function is compiled per model, which TensorFlow would advise against.
    tf.get_logger().setLevel("ERROR")
    numbers, rates = sorted(set(_EXAMPLES.value)), sorted(set(_LEARNING_RATES.value))
    outcomes = []
    for outcome in study.run(numbers, rates, _STEPS.value, _SEED.value):
        logging.info(
            "%s, %d training images, learning rate %g: mean test error %.3g pixels",
            outcome.method,
            outcome.num_examples,
            outcome.learning_rate,
            outcome.errors.mean(),
        )
        outcomes.append(outcome)
    report = study.report(outcomes, _STEPS.value, _SEED.value)
    atomic_file.write_text(path.with_suffix(".json"), json.dumps(report, indent=2) + "\n")
    study.draw(outcomes, _SEED.value, path)


if __name__ == "__main__":
    program.run(
        main, [f.name for f in (_OUTPUT, _EXAMPLES, _LEARNING_RATES, _STEPS, _SEED, _DEBUG)]
    )
