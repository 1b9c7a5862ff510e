"""Trains and evaluates a policy: the command line.

Example:
  python ibc/train_eval.py --task=PARTICLE --gin_file=mlp_ebm_quick.gin --video
"""

from collections.abc import Sequence

from absl import flags

from ibc.utils import console

_TASK = flags.DEFINE_multi_string("task", [], "Task to train on; repeat it to evaluate on several.")
_TAG = flags.DEFINE_string("tag", None, "Subfolder of train_eval.root_dir for this run.")
_ADD_TIME = flags.DEFINE_bool("add_time", False, "Append a folder YYYYmmdd-HHMMSS for this run.")
_GIN_FILE = flags.DEFINE_multi_string(
    "gin_file", [], "Config file: a path, or the bare name of one that ships for the task."
)
_GIN_BINDINGS = flags.DEFINE_multi_string("gin_bindings", [], "Binding such as 'MLPEBM.depth=4'.")
_VIDEO = flags.DEFINE_bool("video", False, "Write a video of one episode at each evaluation.")
_VIZ_IMG = flags.DEFINE_bool("viz_img", False, "Write a picture of each evaluation episode.")
_SKIP_EVAL = flags.DEFINE_bool("skip_eval", False, "Train without evaluating.")
_SHARED_MEMORY_EVAL = flags.DEFINE_bool(
    "shared_memory_eval", False, "Evaluate in a PyBullet shared-memory server, for viewing."
)
_MULTI_GPU = flags.DEFINE_bool("multi_gpu", False, "Train on all GPUs of this machine.")
_DEVICE_TYPE = flags.DEFINE_enum("device_type", "gpu", ["gpu", "tpu"], "What to train on.")
_TPU = flags.DEFINE_string("tpu", None, "Address of the TPU, with --device_type=tpu.")
_USE_GPU = flags.DEFINE_bool("use_gpu", False, "Require a GPU: an error where there is none.")


def main(argv: Sequence[str]) -> None:
    """Runs the experiment that the flags and config files describe."""
    del argv
    # Imported here so that --help answers at once.
    from ibc.utils import startup

    startup.import_tensorflow_quietly()
    from ibc.train import configuration, devices, experiment

    configuration.configure(_TASK.value, _GIN_FILE.value, _GIN_BINDINGS.value)
    strategy = devices.get_strategy(
        device_type=_DEVICE_TYPE.value,
        multi_gpu=_MULTI_GPU.value,
        use_gpu=_USE_GPU.value,
        tpu=_TPU.value,
    )
    # Only flags that were given: the rest is gin's to set.
    given = {
        "task": _TASK.value or None,
        "tag": _TAG.value,
        "add_time": _ADD_TIME.value or None,
        "viz_img": _VIZ_IMG.value or None,
        "skip_eval": _SKIP_EVAL.value or None,
        "shared_memory_eval": _SHARED_MEMORY_EVAL.value or None,
        "video": _VIDEO.value or None,
    }
    experiment.train_eval(
        strategy=strategy, **{name: value for name, value in given.items() if value is not None}
    )


def run() -> None:
    """Entry point of the console script."""
    console.run(main)


if __name__ == "__main__":
    run()
