"""Makes the maintained environments that the D4RL tasks are built on."""

import importlib
import os
from typing import Any

import gymnasium


def make(target: str, **arguments: Any) -> gymnasium.Env:
    """Imports the class of a maintained environment and makes one.

    Args:
      target: 'module:class'.
      **arguments: Arguments of its constructor.

    Raises:
      ImportError: A simulator is not installed; the message says how to install it.
    """
    _withhold_reward_notice()
    module, _, name = target.partition(":")
    try:
        simulator = getattr(importlib.import_module(module), name)
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        raise ImportError(
            f"D4RL tasks need mujoco (3.3 or 3.4) and gymnasium-robotics (1.4), but {error}: run "
            "pip install 'ibc-tf[d4rl]', or in the repository pip install --no-deps -r "
            "requirements.txt."
        ) from error
    except (AttributeError, RuntimeError) as error:
        chosen = os.environ.get("MUJOCO_GL")
        # What mujoco's import raises if the drawing library that was chosen is not there.
        raise ImportError(
            f"mujoco cannot be imported ({error}) with MUJOCO_GL={chosen}: "
            "unset MUJOCO_GL, or install that library."
        ) from error
    return simulator(**arguments)


def _withhold_reward_notice() -> None:
    """Withholds a printed notice about Adroit's rewards, which are computed here instead."""
    try:
        import farama_notifications
    except ImportError:
        return
    farama_notifications.notifications.pop("gymnasium_robotics", None)
