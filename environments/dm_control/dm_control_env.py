"""A task of DeepMind's control suite as a Gymnasium environment, with states or pictures."""

import importlib
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from absl import logging
from gymnasium import spaces

from ibc.environments import mujoco_drawing, mujoco_task_env

# Finger and reacher reward where the target is reached; the others how well things are going.
_WITH_GOALS = ("finger", "reacher")
_GL = "MUJOCO_GL"


class DmControlEnv(mujoco_task_env.MujocoTaskEnv):
    """A task of the suite: the same random numbers, states and rewards for the same seed.

    Numbers: the suite's parts by their names, float32. Reward of a control step: in [0, 1].
    """

    def __init__(self, domain: str, task: str, **arguments: Any):
        """Loads the scene.

        Args:
          domain: A module of the suite, such as 'walker'.
          task: One of its tasks, such as 'run'.
          **arguments: See `MujocoTaskEnv`.

        Raises:
          ImportError: The suite is not installed; the message says how to install it.
          ValueError: A parameter is unusable; the message names it.
        """
        self._has_goal = domain in _WITH_GOALS
        self._random = np.random.RandomState()
        self.suite = self._load(domain, task)
        """The suite's own environment."""
        self.physics = self.suite.physics
        super().__init__(
            self.physics.model.ptr,
            self.physics.data.ptr,
            self.suite.control_timestep(),
            _space(self.suite.observation_spec()),
            self.suite.action_spec().shape[0],
            **arguments,
        )

    def _load(self, domain: str, task: str) -> Any:
        """Returns the suite's environment, which draws from `_random`."""
        module = suite_module(domain)
        if task not in module.SUITE:
            raise ValueError(
                f"DmControlEnv.task must be one of {', '.join(module.SUITE)} for {domain}, "
                f"got {task!r}."
            )
        return module.SUITE[task](random=self._random)

    def _begin(self, seed: int | None) -> dict[str, np.ndarray]:
        if seed is not None:
            self._random.seed(seed)
        return _numbers(self.suite.reset().observation)

    def _advance(self, action: np.ndarray) -> mujoco_task_env.Advanced:
        # As the published wrapper maps [−1, 1] onto itself, in float32.
        action = action + np.float32(1) - np.float32(1)
        made = self.suite.step(action.astype(np.float64))
        success = bool(made.reward > 0) if self._has_goal else None
        return mujoco_task_env.Advanced(
            _numbers(made.observation), made.reward, success, made.last()
        )


def _numbers(parts: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.atleast_1d(part).astype(np.float32) for name, part in parts.items()}


def _space(specs: Mapping[str, Any]) -> spaces.Dict:
    shapes = {name: spec.shape or (1,) for name, spec in specs.items()}
    return spaces.Dict(
        {name: spaces.Box(-np.inf, np.inf, shape, np.float32) for name, shape in shapes.items()}
    )


def suite_module(domain: str) -> Any:
    """Imports a domain of the suite, without what draws.

    Args:
      domain: Such as 'walker'.

    Raises:
      ImportError: The suite is not installed; the message says how to install it.
      ValueError: It has no such domain.
    """
    chosen, told = os.environ.get(_GL), logging.get_verbosity()
    try:
        with mujoco_drawing.import_errors():
            import mujoco  # noqa: F401  (chooses by the user's own MUJOCO_GL)

        # Else it loads OpenGL's libraries, which do not get along with TensorFlow.
        os.environ[_GL] = "disable"
        logging.set_verbosity(logging.WARNING)  # It tells of that and of its version.
        from dm_control import suite  # noqa: F401
    except mujoco_drawing.LibraryMissing:
        raise
    except ImportError as error:
        raise ImportError(
            f"tasks of the control suite need dm-control (1.0.36), but {error}: run pip install "
            "'ibc-tf[suite]', or in the repository pip install --no-deps -r requirements.txt."
        ) from error
    finally:
        logging.set_verbosity(told)
        os.environ.pop(_GL, None)
        if chosen is not None:
            os.environ[_GL] = chosen
    try:
        return importlib.import_module(f"dm_control.suite.{domain}")
    except ModuleNotFoundError as error:
        if error.name != f"dm_control.suite.{domain}":
            raise
        raise ValueError(f"DmControlEnv.domain: the suite has no {domain!r}.") from error
