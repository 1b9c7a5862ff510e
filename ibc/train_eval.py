"""Trains and evaluates a policy: the command line.

Example:
  python ibc/train_eval.py --task=PARTICLE --gin_file=mlp_ebm_quick.gin --video

Exit status: 0 trained; 1 an error, in one line; 3 the loss became infinite or NaN; 130 Ctrl-C;
143 SIGTERM, after which a checkpoint of the last step is saved. The same command goes on from
the last checkpoint.
"""

import contextlib
from collections.abc import Sequence

from absl import flags

from ibc.utils import bars, gpu, program, startup, tags

_GIVEN = (  # Flags that were not given leave the choice to gin.
    flags.DEFINE_multi_string("task", [], "Task to train on; repeat it to evaluate on several."),
    flags.DEFINE_string("tag", None, "Subfolder of train_eval.root_dir for this run."),
    flags.DEFINE_bool("add_time", False, "Append a folder YYYYmmdd-HHMMSS for this run."),
    flags.DEFINE_bool("video", False, "Write a video of one episode at each evaluation."),
    flags.DEFINE_bool("viz_img", False, "Write a picture of each evaluation episode."),
    flags.DEFINE_bool(
        "viz_energy",
        False,
        "Draw the energy along an episode of the first task at each evaluation.",
    ),
    flags.DEFINE_bool("skip_eval", False, "Train without evaluating."),
    flags.DEFINE_bool(
        "shared_memory_eval", False, "Evaluate in a PyBullet shared-memory server, for viewing."
    ),
    flags.DEFINE_bool(
        "generate_data",
        False,
        "Record demonstrations of the task's oracle first if there are none.",
    ),
)
_GIN_FILE = flags.DEFINE_multi_string(
    "gin_file", [], "Config file: a path, or the bare name of one that ships for the task."
)
_GIN_BINDINGS = flags.DEFINE_multi_string("gin_bindings", [], "Binding such as 'MLPEBM.depth=4'.")
_MULTI_GPU = flags.DEFINE_bool("multi_gpu", False, "Train on all GPUs of this machine.")
_DEVICE_TYPE = flags.DEFINE_enum("device_type", "gpu", ["gpu", "tpu"], "What to train on.")
_TPU = flags.DEFINE_string("tpu", None, "Address of the TPU, with --device_type=tpu.")
_USE_GPU = flags.DEFINE_bool("use_gpu", False, "Require a GPU: an error where there is none.")
_GPU_MEMORY_MB = flags.DEFINE_integer(
    "gpu_memory_mb",
    None,
    "The most memory to take of each GPU, in 2^20 bytes; what is needed if not given.",
    lower_bound=1,
)
_DEBUG = program.define_debug()
_MEMORY_ADVICE = (
    "use smaller train_eval.batch_size and train_eval.sequence_length, a smaller network, or a "
    "train_eval.memory_limit_mb for the data."
)


def main(argv: Sequence[str]) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    program.reject_positional(argv)
    program.set_up_logging()
    interrupted = "interrupted; the same command goes on from the last checkpoint."
    with program.one_line_errors(_DEBUG.value, interrupted, memory_advice=_MEMORY_ADVICE):
        _train()


def run() -> None:
    """Entry point of the console script."""
    own = flags.FLAGS.get_flags_for_module(__name__)
    program.run(main, [*(flag.name for flag in own), _DEBUG.name])


def _train() -> None:
    # Imported here so that --help answers at once.
    startup.import_tensorflow_quietly()
    from ibc.train import config_files, experiment, run_config
    from ibc.train.devices import strategy as strategy_lib
    from ibc.train.loop import progress, training_bar

    if _GPU_MEMORY_MB.value:
        gpu.limit_memory(_GPU_MEMORY_MB.value)
    config_files.configure(flags.FLAGS.task, _GIN_FILE.value, _GIN_BINDINGS.value)
    strategy_lib.set_up_lanes(_DEVICE_TYPE.value, _TPU.value)
    strategy = strategy_lib.get_strategy(
        _DEVICE_TYPE.value, _MULTI_GPU.value, _USE_GPU.value, _TPU.value
    )
    given = {flag.name: flag.value for flag in _GIVEN if flag.value}
    config = run_config.RunConfig(strategy=strategy, **given)
    with contextlib.ExitStack() as stack:
        report = progress.ignore
        if bars.on_terminal():
            report = stack.enter_context(contextlib.closing(training_bar.TrainingBar()))
        results = experiment.run(config, report)
    if program.is_quiet():  # Otherwise the log has them.
        for task, averages in results.items():
            program.say(f"{task}: {tags.described(averages)}")


if __name__ == "__main__":
    run()
