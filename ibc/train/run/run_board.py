"""What TensorBoard shows of a run as a whole: its config, and its place among other runs."""

import ast
import contextlib
import pathlib
import time
from collections.abc import Mapping

import tensorflow as tf
from tensorboard.plugins.hparams import api_pb2, summary, summary_v2

from ibc.utils import tags

Value = bool | int | float | str

# Where a run is kept and read from; no result depends on it.
_PLACES = ("root_dir", "tag", "add_time", "dataset_path")


def hyperparameters(bound: Mapping[str, str], **more: Value) -> dict[str, Value]:
    """Returns what runs are compared by.

    Args:
      bound: gin's parameters as text.
      **more: others, under their own names.
    """
    found: dict[str, Value] = {}
    for name, text in bound.items():
        if name.rpartition(".")[2] in (*_PLACES, *more) or "." not in name:
            continue
        value: object = text
        with contextlib.suppress(ValueError, SyntaxError):
            value = ast.literal_eval(text)
        found[name] = value if isinstance(value, bool | int | float | str) else text
    return {**found, **more}


class RunBoard:
    """Writes to an event file in the run's own folder, above those of training and evaluation.

    TensorBoard's hyperparameters take a run's results from the folders below it.
    """

    def __init__(self, folder: pathlib.Path):
        """Makes the event file."""
        self._writer = tf.summary.create_file_writer(str(folder))

    def begin(self, config: str, parameters: Mapping[str, Value]) -> None:
        """Writes the config, as gin has it, and hyperparameters."""
        with self._writer.as_default(step=0), tf.summary.record_if(True):
            tf.summary.text(tags.CONFIG, f"```\n{config}```", description=tags.ABOUT_CONFIG)
        self._write(summary_v2.hparams_pb(dict(parameters), start_time_secs=time.time()))

    def end(self) -> None:
        """Says that the run has been made to its end."""
        self._write(summary.session_end_pb(api_pb2.STATUS_SUCCESS))
        self._writer.close()

    def _write(self, made) -> None:
        with self._writer.as_default(step=0), tf.summary.record_if(True):
            tf.summary.experimental.write_raw_pb(made.SerializeToString(), step=0)
        self._writer.flush()
