"""Finds the policy in a folder and loads it with what it needs: TensorFlow, or NumPy and graphs."""

import os
import pathlib

from ibc.runtime import folders, graph_policy
from ibc.runtime import policy as policy_lib


def load_policy(path: str | os.PathLike, seed: int | None = None) -> policy_lib.Policy:
    """Loads a trained policy.

    Args:
      path: A run's folder, whose greedy policy is taken; the folder of an exported policy; or one
        that `ibc-export` has written, for which TensorFlow is not needed.
      seed: Makes the actions of an episode a function of its observations; from 0 to 2³¹ − 1.

    Returns:
      The policy; call its `reset()` before an episode's first observation.

    Raises:
      FileNotFoundError: There is no policy.
      ValueError, TypeError: It is damaged, or cannot be given a seed; or the seed is no seed.
      ImportError: What runs it is not installed.
    """
    folder = find(path)
    if graph_policy.is_in(folder):
        return graph_policy.load(folder, seed)
    from ibc.utils import startup

    startup.import_tensorflow_alone_quietly()
    from ibc.deploy import saved_model

    return policy_lib.Policy(saved_model.SavedModel(folder, needs_seed=seed is not None), seed)


def find(path: str | os.PathLike) -> pathlib.Path:
    """Returns the folder of the policy that `load_policy` takes.

    Raises:
      FileNotFoundError: There is none.
    """
    return folders.find(path, _holds_one)


def _holds_one(folder: pathlib.Path) -> bool:
    return folders.is_saved_model(folder) or graph_policy.is_in(folder)
