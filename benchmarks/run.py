"""All benchmarks of training, acting, evaluating, reading data and starting, in one command.

    python benchmarks/run.py [--quick] [--json=results.json]

Prints a line per measurement. Nothing else should run on the machine meanwhile.
"""

import dataclasses
import json
import pathlib

from ibc.utils import startup

startup.import_tensorflow_quietly()

# isort: split
import actions
import evaluation
import input_pipeline
import machine
import start_up
import tensorflow as tf
import training_limits
from absl import app, flags, logging

_JSON = flags.DEFINE_string("json", None, "File to write the figures to.")


def main(_) -> None:
    quick = machine.QUICK.value
    logging.set_verbosity(logging.WARNING)
    print("The machine: products of matrices [4096, 128] @ [128, 128]")
    rates = {
        dtype.name: machine.matmul_flops(4096, 128, dtype, 0.1 if quick else 3.0) / 1e9
        for dtype in (tf.float32, tf.bfloat16)
    }
    for name, rate in rates.items():
        print(f"{name:9} {rate:7.1f} GFLOP/s", flush=True)
    print("Training steps")
    results = {"machine": rates, "training": training_limits.rows(quick)}
    print("Greedy actions")
    results["actions"] = actions.rows(quick)
    print("Evaluation")
    results["evaluation"] = evaluation.rows(quick)
    print("Input")
    results["input"] = input_pipeline.rows(quick)
    print("Start-up")
    results["start_up"] = start_up.rows(20 if quick else 2000)
    if _JSON.value:
        pathlib.Path(_JSON.value).write_text(
            json.dumps(results, indent=1, default=dataclasses.asdict), encoding="utf-8"
        )


if __name__ == "__main__":
    app.run(main)
