"""A task of Meta-World as a Gymnasium environment, with states or pictures."""

from typing import Any

import numpy as np
from gymnasium import spaces

from ibc.environments import mujoco_drawing, mujoco_task_env

_SPACE = "sawyer_observation_space"


class MetaWorldEnv(mujoco_task_env.MujocoTaskEnv):
    """A robot's hand with a gripper, its goal in sight and other places in each episode.

    Numbers: Meta-World's 39, float32: hand (3), gripper, objects (14); the same a step before; goal
    (3). Action: where the hand goes (3), the gripper's force. Reward of a control step: in [0, 10].
    """

    def __init__(self, task: str, **arguments: Any):
        """Loads the scene.

        Args:
          task: Meta-World's name, such as 'button-press-v3'.
          **arguments: See `MujocoTaskEnv`.

        Raises:
          ImportError: Meta-World is not installed; the message says how to install it.
          ValueError: A parameter is unusable; the message names it.
        """
        self.task = task
        self.simulator = _simulator(task)
        """Meta-World's own environment."""
        self.state = np.zeros(39)
        """What is observed as numbers now, float64 [39]."""
        super().__init__(
            self.simulator.model,
            self.simulator.data,
            self.simulator.dt,
            spaces.Box(-np.inf, np.inf, self.state.shape, np.float32),
            self.simulator.action_space.shape[0],
            **arguments,
        )

    def close(self) -> None:
        """Ends what draws, and the simulator; may be called twice."""
        super().close()
        self.simulator.close()

    def _begin(self, seed: int | None) -> np.ndarray:
        if seed is not None:
            self.simulator.seed(seed)
        self.state, _ = self.simulator.reset()
        return np.float32(self.state)

    def _advance(self, action: np.ndarray) -> mujoco_task_env.Advanced:
        self.state, reward, _, is_over, info = self.simulator.step(action)
        numbers, success = np.float32(self.state), bool(info["success"])
        return mujoco_task_env.Advanced(numbers, float(reward), success, bool(is_over))


def _simulator(task: str) -> Any:
    """Returns Meta-World's environment, which draws places anew in each episode."""
    try:
        with mujoco_drawing.import_errors():
            from metaworld import env_dict
    except mujoco_drawing.LibraryMissing:
        raise
    except ImportError as error:
        raise ImportError(
            f"tasks of Meta-World need metaworld (3.1.1), but {error}: run pip install "
            "--no-deps metaworld==3.1.1, which would otherwise bring an older MuJoCo."
        ) from error
    known = env_dict.ALL_V3_ENVIRONMENTS
    if task not in known:
        raise ValueError(f"MetaWorldEnv.task must be one of {', '.join(known)}, got {task!r}.")
    env = known[task]()
    # Its own interface sets one of fifty places, by a pickled object. Else it does the same.
    env._set_task_called, env._freeze_rand_vec, env.seeded_rand_vec = True, False, True
    env._partially_observable = False
    vars(env).pop(_SPACE, None)  # It was made for a hidden goal.
    return env
