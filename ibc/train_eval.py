"""Trains and evaluates a policy: the command line.

Example:
  python ibc/train_eval.py --task=PARTICLE --gin_file=mlp_ebm_quick.gin --video

Exit status: 0 trained; 1 an error, in one line; 3 the loss became infinite or NaN; 130 Ctrl-C;
143 SIGTERM, after which a checkpoint of the last step is saved. The same command goes on from
the last checkpoint.
"""

import signal
import sys
from collections.abc import Sequence

from absl import app, flags

from ibc.utils import child_process, command_line, storage, termination

# Errors in what the user gave or in what training met; others are defects and keep a traceback.
_EXPECTED = (ValueError, OSError, ImportError, child_process.WorkerError)
_DIVERGED = 3

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
_GENERATE_DATA = flags.DEFINE_bool(
    "generate_data", False, "Record demonstrations of the task's oracle first if there are none."
)
_MULTI_GPU = flags.DEFINE_bool("multi_gpu", False, "Train on all GPUs of this machine.")
_DEVICE_TYPE = flags.DEFINE_enum("device_type", "gpu", ["gpu", "tpu"], "What to train on.")
_TPU = flags.DEFINE_string("tpu", None, "Address of the TPU, with --device_type=tpu.")
_USE_GPU = flags.DEFINE_bool("use_gpu", False, "Require a GPU: an error where there is none.")
_DEBUG = command_line.define_debug()


def main(argv: Sequence[str]) -> None:
    """Runs the command line; any foreseeable failure is one line and a non-zero status."""
    command_line.reject_positional(argv)
    command_line.set_up_logging()
    try:
        with termination.watched(), storage.plain_errors():
            _run_experiment()
    except (*_EXPECTED, FloatingPointError) as error:
        status = _DIVERGED if isinstance(error, FloatingPointError) else 1
        command_line.fail(error, status, _DEBUG.value)
    except MemoryError as error:
        command_line.fail(_out_of_memory(error), debug=_DEBUG.value)
    except termination.Terminated as error:
        termination.end(error)
    except KeyboardInterrupt:
        message = "interrupted; the same command goes on from the last checkpoint."
        command_line.fail(message, status=128 + signal.SIGINT)


def _out_of_memory(error: MemoryError) -> MemoryError:
    """Returns the same error with a message that says what to do; Python's is often empty."""
    reason = f"{error}; " if str(error) else ""
    message = (
        f"out of memory: {reason}use smaller train_eval.batch_size and train_eval.sequence_length, "
        "a smaller network, or a train_eval.memory_limit_mb for the data."
    )
    return MemoryError(message).with_traceback(error.__traceback__)


def run() -> None:
    """Entry point of the console script."""
    own = flags.FLAGS.get_flags_for_module(__name__)
    command_line.list_in_help([*(flag.name for flag in own), _DEBUG.name])
    argv = command_line.without_lone_dashes(sys.argv)
    app.run(main, argv=argv, flags_parser=command_line.parse_flags)


def _run_experiment() -> None:
    # Imported here so that --help answers at once.
    from ibc.utils import startup

    startup.import_tensorflow_quietly()
    from ibc.train import configuration, experiment
    from ibc.train.devices import devices

    configuration.configure(_TASK.value, _GIN_FILE.value, _GIN_BINDINGS.value)
    devices.set_up_lanes(_DEVICE_TYPE.value, _TPU.value)
    strategy = devices.get_strategy(
        _DEVICE_TYPE.value, _MULTI_GPU.value, _USE_GPU.value, _TPU.value
    )
    values = {
        "task": _TASK.value,
        "tag": _TAG.value,
        "add_time": _ADD_TIME.value,
        "viz_img": _VIZ_IMG.value,
        "video": _VIDEO.value,
        "skip_eval": _SKIP_EVAL.value,
        "generate_data": _GENERATE_DATA.value,
        "shared_memory_eval": _SHARED_MEMORY_EVAL.value,
    }
    # Flags that were not given leave the choice to gin.
    given = {name: value for name, value in values.items() if value}
    experiment.train_eval(strategy=strategy, **given)


if __name__ == "__main__":
    run()
