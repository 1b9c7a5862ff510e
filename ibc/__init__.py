"""Implicit behavioral cloning (Florence et al., CoRL 2021) on TensorFlow and TF-Agents."""

import os
import typing

from ibc.utils import startup as _startup

if typing.TYPE_CHECKING:
    from ibc.runtime.policy import Policy

_startup.prepare_tensorflow()


def load_policy(path: str | os.PathLike, seed: int | None = None) -> "Policy":
    """Loads a trained policy to act by, see `ibc.deploy.load.load_policy`.

    policy = ibc.load_policy("runs/my_run")
    policy.reset()
    action = policy(observation)
    """
    from ibc.deploy import load  # Here, since importing this package is to take no time.

    return load.load_policy(path, seed)
