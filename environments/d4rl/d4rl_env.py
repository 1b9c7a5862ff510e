"""What all D4RL environments share: seeds, scores, pictures and the bounds of actions."""

import abc
import contextlib
import importlib
from typing import Any

import gymnasium
import numpy as np

from ibc.environments import mujoco_drawing
from ibc.environments.d4rl import task as d4rl_tasks

_PICTURE_SIZE = 480


class D4RLEnv(gymnasium.Env, abc.ABC):
    """A maintained environment with the observations, rewards and episode ends of D4RL.

    Observation (float32 [observation_size]) and action (float32 [action_size] in [−1, 1], clipped)
    are those of D4RL's data sets.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 30}  # noqa: RUF012 (Gymnasium's name)

    control_frequency = 30.0
    """Frames per second of videos."""

    camera: mujoco_drawing.Camera
    """From where pictures are taken."""

    has_goal = True
    """Whether there is something to achieve besides a high return."""

    def __init__(
        self,
        family: d4rl_tasks.Family,
        simulator: gymnasium.Env,
        physics: gymnasium.Env,
        render_mode: str | None,
        observation_bound: float = np.inf,
    ):
        """Wraps a maintained environment.

        Args:
          family: Sizes and reference scores.
          simulator: The maintained environment.
          physics: The `MujocoEnv` in it, maybe the same.
          render_mode: None or 'rgb_array'.
          observation_bound: Largest absolute value in an observation.

        Raises:
          ValueError: The render mode is unknown.
        """
        if render_mode not in (None, *self.metadata["render_modes"]):
            raise ValueError(
                f"{type(self).__name__}.render_mode must be None or 'rgb_array', "
                f"got {render_mode!r}."
            )
        self.family = family
        self.simulator = simulator
        self.model, self.data = physics.model, physics.data
        self.render_mode = render_mode
        self.observation_space = gymnasium.spaces.Box(
            -observation_bound, observation_bound, (family.observation_size,), np.float32
        )
        self.action_space = gymnasium.spaces.Box(-1.0, 1.0, (family.action_size,), np.float32)
        self._drawer = mujoco_drawing.Drawer(self.model, self.data, self.camera)
        self._start_counting()

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[np.ndarray, dict]:
        """Starts an episode; a seed reseeds every generator first. Returns observation, {}."""
        super().reset(seed=seed, options=options)
        observation = self._reset_simulator(seed)
        self._start_counting()
        return np.float32(observation), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Applies an action [action_size].

        Returns:
          Observation, reward, terminated, truncated (never), {'goal_achieved': bool}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        action = np.asarray(action, np.float64)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise ValueError(
                f"{type(self).__name__} needs actions of {self.action_space.shape[0]} finite "
                f"numbers, got {action}."
            )
        observation, reward, terminated = self._advance(np.clip(action, -1.0, 1.0))
        self.episode_return += reward
        self.goal_steps += self.goal_achieved
        info = {"goal_achieved": self.goal_achieved}
        return np.float32(observation), float(reward), bool(terminated), False, info

    def restore(self, observation: np.ndarray) -> np.ndarray:
        """Goes to the state that an episode with this first observation started from.

        What observations do not tell is as it is at the start of every episode.

        Args:
          observation: [observation_size].

        Returns:
          The observation in the state restored.
        """
        self.reset()
        restored = self._restore(np.asarray(observation, np.float64))
        self._start_counting()
        return np.float32(restored)

    def render(self) -> np.ndarray | None:
        """Returns a picture of the scene, uint8 [480, 480, 3].

        Raises:
          OSError: Nothing on this machine can draw; the message says what to install.
        """
        return None if self.render_mode is None else self.picture(_PICTURE_SIZE, _PICTURE_SIZE)

    def picture(self, height: int, width: int) -> np.ndarray:
        """Returns a picture of the scene, uint8 [height, width, 3], drawn at this size.

        Raises:
          OSError: Nothing on this machine can draw; the message says what to install.
        """
        return self._drawer.draw(height, width)

    def close(self) -> None:
        """Releases the simulator; may be called twice."""
        self._drawer.close()
        self.simulator.close()

    @property
    @abc.abstractmethod
    def goal_achieved(self) -> bool:
        """Whether the goal is achieved as things stand."""

    @property
    def succeeded(self) -> bool:
        """Whether the episode so far is a success: if not overridden, the goal is achieved now."""
        return self.goal_achieved

    @property
    def normalized_return(self) -> float:
        """The return of the episode so far: 0 as random actions, 100 as D4RL's expert."""
        return self.family.normalized_return(self.episode_return)

    def get_metrics(self, num_episodes: int) -> tuple[list, object]:
        """Returns metrics averaging the last `num_episodes` episodes, and the telling one."""
        from ibc.environments.d4rl import d4rl_metrics  # imports TensorFlow

        return d4rl_metrics.make_metrics(self, num_episodes)

    def _reset_simulator(self, seed: int | None) -> np.ndarray:
        """Starts an episode of the simulator; returns the observation."""
        return self.simulator.reset(seed=seed)[0]

    @abc.abstractmethod
    def _advance(self, action: np.ndarray) -> tuple[np.ndarray, float, bool]:
        """Applies an action within its bounds; returns observation, reward, terminated."""

    @abc.abstractmethod
    def _restore(self, observation: np.ndarray) -> np.ndarray:
        """See `restore`; the simulator has just been reset."""

    def _start_counting(self) -> None:
        self.episode_return = 0.0
        self.goal_steps = 0


class WholeEnv(D4RLEnv):
    """A maintained environment that is its own `MujocoEnv`, made without arguments."""

    family: d4rl_tasks.Family
    target: str
    """'module:class' of the maintained environment."""

    def __init__(self, render_mode: str | None = None):
        """Loads the scene; `render_mode` is None or 'rgb_array'."""
        simulator = make_simulator(self.target, render_mode=render_mode)
        super().__init__(self.family, simulator, simulator, render_mode)


def make_simulator(target: str, **arguments: Any) -> gymnasium.Env:
    """Imports the class of a maintained environment and makes one.

    Args:
      target: 'module:class'.
      **arguments: Arguments of its constructor.

    Raises:
      ImportError: A simulator is not installed; the message says how to install it.
    """
    # It prints a notice about Adroit's rewards, which are computed here instead.
    with contextlib.suppress(ImportError):
        import farama_notifications

        farama_notifications.notifications.pop("gymnasium_robotics", None)
    module, _, name = target.partition(":")
    try:
        with mujoco_drawing.import_errors():
            simulator = getattr(importlib.import_module(module), name)
    except mujoco_drawing.LibraryMissing:
        raise
    except (ImportError, gymnasium.error.DependencyNotInstalled) as error:
        raise ImportError(
            f"D4RL tasks need mujoco (3.3 or 3.4) and gymnasium-robotics (1.4), but {error}: run "
            "pip install 'ibc-tf[d4rl]', or in the repository pip install --no-deps -r "
            "requirements.txt."
        ) from error
    return simulator(**arguments)
