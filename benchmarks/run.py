"""All benchmarks of training, acting, evaluating, reading data and starting, in one command.

    python benchmarks/run.py [--device=gpu] [--quick] [--json=results.json]

Prints a line per measurement. Nothing else should run on the machine meanwhile. The JSON file says
of which computer its figures are.
"""

import dataclasses
import json
import os
import pathlib
import sys

from ibc.utils import startup

# Before TensorFlow looks for devices; processes that are started from here see none either.
if "--device=cpu" in sys.argv:
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"

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

from ibc import info
from ibc.utils import gpu, program

_DEVICE = flags.DEFINE_enum("device", None, ["cpu", "gpu"], "What to measure; a GPU if it is seen.")
_JSON = flags.DEFINE_string("json", None, "File to write the figures to.")


def main(_) -> None:
    quick = machine.QUICK.value
    logging.set_verbosity(logging.WARNING)
    if _DEVICE.value == "gpu" and gpu.device() is None:
        program.fail(f"--device=gpu was given but TensorFlow sees no GPU: {gpu.why_none()}.")
    computer = dict(info.lines())
    device = "cpu" if gpu.device() is None else "gpu"
    print(f"On the {device} of: {computer['processor']}; GPUs: {computer['GPUs']}")
    print(f"The machine: products of matrices [{machine.ROWS}, 128] @ [128, 128]")
    rates = {
        dtype.name: machine.matmul_flops(machine.ROWS, 128, dtype, 0.1 if quick else 3.0) / 1e9
        for dtype in (tf.float32, tf.bfloat16)
    }
    for name, rate in rates.items():
        print(f"{name:9} {machine.described(rate)}", flush=True)
    print("Training steps")
    results = {"device": device, "computer": computer, "machine": rates}
    results["training"] = training_limits.rows(quick)
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
