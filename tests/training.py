"""Recordings and small trainings, in this process and on command lines, and what they leave."""

import os
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

import gin
import numpy as np
import tensorflow as tf

from ibc.data.recording import journal, recorder
from ibc.data.recording import options as recording_options
from ibc.train import config_files, experiment, run_config


def bound(configurable: str, **values: Any) -> dict[str, Any]:
    """Returns parameters of a configurable by their full names."""
    return {f"{configurable}.{name}": value for name, value in values.items()}


_SIZE = dict(target_height=16, target_width=16)
SMALL_NETWORKS = {
    **bound("MLPEBM", width=16),
    **bound("MLPMSE", width=16),
    **bound("MLPMDN", width=16),
    **bound("DenseResnetValue", width=16),
    **bound("PixelEBM", **_SIZE),
    **bound("ConvMLPMSE", width=16, **_SIZE),
    **bound("ConvMLPMDN", width=16, depth=2, **_SIZE),
    **bound("ImplicitBCAgent", num_counter_examples=4),
    **bound("langevin_actions_given_obs", num_iterations=3),
}
"""Parameters with which a few steps of any agent are a matter of seconds."""


def bindings(values: Mapping[str, Any]) -> list[str]:
    """Returns parameters and their values as gin reads them."""
    return [f"{name} = {value!r}" for name, value in values.items()]


def arguments(
    root_dir: str | os.PathLike, data: str, config: str = "mlp_ebm_quick.gin", **parameters: Any
) -> list[str]:
    """Returns the arguments of a training on the particle task, with a policy that acts quickly."""
    values = {
        **bound("train_eval", root_dir=str(root_dir), dataset_path=data, **parameters),
        "IbcPolicy.num_action_samples": 64,
        "iterative_dfo.num_iterations": 1,
    }
    given = [f"--gin_bindings={binding}" for binding in bindings(values)]
    return ["--task=PARTICLE", f"--gin_file={config}", *given]


def run(
    config: str | os.PathLike,
    given: Sequence[str],
    root_dir: str | os.PathLike,
    task: Sequence[str] = ("PARTICLE",),
    **options: Any,
) -> dict[str, dict[str, float]]:
    """Trains as the command line does; without a task, on data of no environment.

    Args:
      config: path or bare name of a config file.
      given: further bindings.
      root_dir: the run's folder.
      task: names of the tasks; without one, nothing is evaluated.
      **options: further fields of `RunConfig`.

    Returns:
      Task → metric → average at the last evaluation.
    """
    gin.clear_config()
    config_files.configure(task or ("PARTICLE",), [str(config)], given)
    fields = {"root_dir": str(root_dir), "task": task, "skip_eval": not task, **options}
    return experiment.run(run_config.RunConfig(**fields))


def record(
    task: str,
    path: str | None,
    policy: str = "oracle",
    num_episodes: int = 2,
    replica: int = 0,
    **options: Any,
) -> journal.Result:
    """Records episodes as the command line does, with a gin configuration of its own."""
    checked = recording_options.EvaluationOptions(
        task=task, policy=policy, num_episodes=num_episodes, dataset_path=path, **options
    )
    checked.check()
    try:
        return recorder.run(checked, replica)
    finally:
        gin.clear_config()


def numbers(folder: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads every number of a run's newest checkpoint, but how often one was saved."""
    return numbers_in(folder / "train" / "checkpoints")


def numbers_in(checkpoint: pathlib.Path) -> dict[str, np.ndarray]:
    """Reads every number of a checkpoint, or of a folder's newest, but how often it was saved."""
    reader = tf.train.load_checkpoint(str(checkpoint))
    names = [name for name in reader.get_variable_to_shape_map() if "save_counter" not in name]
    values = {name: np.asarray(reader.get_tensor(name)) for name in names}
    return {name: value for name, value in values.items() if value.dtype.kind in "fiu"}


def differing(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> list[str]:
    """Lists what two checkpoints of the same variables do not have bit for bit."""
    assert one.keys() == other.keys() and len(one) > 10
    return [name for name in one if one[name].tobytes() != other[name].tobytes()]
