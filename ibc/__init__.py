"""Implicit behavioral cloning (Florence et al., CoRL 2021) on TensorFlow and TF-Agents."""

import os
import typing
from collections.abc import Callable

from ibc.notebook.train_config import TrainConfig
from ibc.utils import startup as _startup

if typing.TYPE_CHECKING:
    from ibc.notebook.result import TrainResult
    from ibc.runtime.policy import Policy
    from ibc.train.loop.progress import Progress

__all__ = ["TrainConfig", "load_policy", "train_policy"]

_startup.prepare_tensorflow()


def load_policy(path: str | os.PathLike, seed: int | None = None) -> "Policy":
    """Loads a trained policy to act by, see `ibc.deploy.load.load_policy`.

    policy = ibc.load_policy("runs/my_run")
    policy.reset()
    action = policy(observation)
    """
    from ibc.deploy import load  # Here, since importing this package is to take no time.

    return load.load_policy(path, seed)


def train_policy(
    config: TrainConfig, progress: "Callable[[Progress], object] | bool" = True
) -> "TrainResult":
    """Trains a policy on demonstrations, see docs/python_api.md.

    result = ibc.train_policy(ibc.TrainConfig("logs/"))
    policy = result.policy()

    A run that was interrupted, also by Ctrl-C or a notebook's stop button, goes on from its last
    checkpoint when it is called again with the same `root_dir`. gin's bindings are cleared before
    and after.

    Args:
      config: What to learn from, by what method, and where the run is kept.
      progress: True shows a bar, in a notebook or a terminal; a function is called after every few
        steps with a `Progress`; False shows nothing.

    Returns:
      The run's folder, what was measured over its steps, and the policy.

    Raises:
      ValueError, FileNotFoundError, TypeError: A value or the data is unusable, or the folder holds
        a run with other parameters; the message says what to do.
      BlockingIOError: Another process trains in the run's folder.
      FloatingPointError: The loss became infinite or NaN.
    """
    _startup.import_tensorflow_quietly()
    from ibc.notebook import training

    return training.train(config, progress)
