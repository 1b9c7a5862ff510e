"""A task of DeepMind's control suite as a Gymnasium environment, with states or pictures."""

import importlib
import os
from collections.abc import Mapping
from typing import Any

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments import mujoco_drawing
from ibc.utils import parameters

# Finger and reacher reward where the target is reached; the others how well things are going.
_WITH_GOALS = ("finger", "reacher")
_RENDERED_PIXELS = 320
_GL = "MUJOCO_GL"


@gin.configurable
class DmControlEnv(gymnasium.Env):
    """A task of the suite: the same random numbers, states and rewards for the same seed.

    Observation: the suite's parts, float32, by their names; or {'rgb': uint8 [height, width, 3]}.
    Action: float32 [A] in [−1, 1]. Reward: the suite's, in [0, 1], summed while an action is held.
    Episodes end when their time is up.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012 (Gymnasium's name)

    def __init__(
        self,
        domain: str,
        task: str,
        use_image_obs: bool = False,
        action_repeat: int = 1,
        episode_len: int | None = None,
        image_size: tuple[int, int] = (84, 84),
        camera: int = 0,
        effects: bool = False,
        render_mode: str | None = None,
    ):
        """Loads the scene.

        Args:
          domain: A module of the suite, such as 'walker'.
          task: One of its tasks, such as 'run'.
          use_image_obs: Whether a picture is observed, and nothing else.
          action_repeat: Control steps for which an action is held.
          episode_len: Actions in an episode; as many as fit in the suite's time limit if None.
          image_size: Height and width of an observed picture, in pixels.
          camera: Number of the scene's camera.
          effects: Whether pictures show shadows and reflections; they take several times as long.
          render_mode: None or 'rgb_array'.

        Raises:
          ImportError: The suite is not installed; the message says how to install it.
          ValueError: A parameter is unusable; the message names it.
        """
        owner = "DmControlEnv"
        parameters.check_whole(owner, action_repeat=action_repeat)
        if episode_len is not None:
            parameters.check_whole(owner, episode_len=episode_len)
        if len(image_size) != 2:
            raise ValueError(f"{owner}.image_size must be (height, width), got {image_size!r}.")
        parameters.check_whole(owner, **{"image_size[0]": image_size[0]})
        parameters.check_whole(owner, **{"image_size[1]": image_size[1]})
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"{owner}.render_mode must be None or 'rgb_array', got {render_mode!r}."
            )
        self.render_mode, self.image_size = render_mode, tuple(image_size)
        self._repeat, self._episode_len = action_repeat, episode_len
        self._is_picture, self._has_goal = use_image_obs, domain in _WITH_GOALS
        self._random = np.random.RandomState()
        self.suite = self._load(domain, task)
        """The suite's own environment."""
        self.physics = self.suite.physics
        cameras = self.physics.model.ncam
        parameters.check_whole(owner, least=0, camera=camera)
        if camera >= cameras:
            raise ValueError(
                f"{owner}.camera is {camera}, but {domain} has cameras 0 to {cameras - 1}."
            )
        model, data = self.physics.model.ptr, self.physics.data.ptr
        self._drawer = mujoco_drawing.Drawer(model, data, camera, effects)
        self.metadata = {**self.metadata, "render_fps": self.control_frequency}
        self.observation_space = self._observation_space()
        size = self.suite.action_spec().shape
        self.action_space = spaces.Box(-1.0, 1.0, size, np.float32)
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict | None = None
    ) -> tuple[dict[str, np.ndarray], dict]:
        """Starts an episode; a seed starts the random numbers anew. Returns observation, {}."""
        super().reset(seed=seed, options=options)
        if seed is not None:
            self._seed(seed)
        self._steps = 0
        return self._observed(self.suite.reset().observation), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict]:
        """Holds an action [A], clipped to [−1, 1], for `action_repeat` control steps.

        Returns:
          Observation, reward, terminated (never), truncated, and in the tasks with a target
          {'success': whether it is reached now}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        held, reward = self._applied(action), 0.0
        for _ in range(self._repeat):
            made = self.suite.step(held)
            reward += made.reward
            if made.last():
                break
        self._steps += 1
        is_late = self._steps == self._episode_len or made.last()
        info = {"success": bool(made.reward > 0)} if self._has_goal else {}
        return self._observed(made.observation), float(reward), False, bool(is_late), info

    def render(self) -> np.ndarray | None:
        """Returns a picture of the scene, uint8 [320, 320, 3].

        Raises:
          OSError: Nothing on this machine can draw; the message says what to install.
        """
        if self.render_mode is None:
            return None
        return self.picture(_RENDERED_PIXELS, _RENDERED_PIXELS)

    def picture(self, height: int, width: int) -> np.ndarray:
        """Returns a picture of the scene, uint8 [height, width, 3], drawn at this size.

        Raises:
          OSError: Nothing on this machine can draw; the message says what to install.
        """
        return self._drawer.draw(height, width)

    def close(self) -> None:
        """Ends what draws; may be called twice."""
        self._drawer.close()

    @property
    def control_frequency(self) -> float:
        """Actions per second."""
        return 1.0 / (self.suite.control_timestep() * self._repeat)

    def _load(self, domain: str, task: str) -> Any:
        """Returns the suite's environment, which draws from `_random`."""
        module = suite_module(domain)
        if task not in module.SUITE:
            raise ValueError(
                f"DmControlEnv.task must be one of {', '.join(module.SUITE)} for {domain}, "
                f"got {task!r}."
            )
        return module.SUITE[task](random=self._random)

    def _seed(self, seed: int) -> None:
        self._random.seed(seed)

    def _applied(self, action: np.ndarray) -> np.ndarray:
        """Returns an action as the published wrapper hands it on: float32 arithmetic, twice."""
        action = np.asarray(action, np.float32)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise ValueError(
                f"{type(self).__name__} needs actions of {self.action_space.shape[0]} finite "
                f"numbers, got {action}."
            )
        one = np.float32(1)
        return np.float64(np.clip(action, -one, one) + one - one)

    def _observed(self, parts: Mapping[str, Any]) -> dict[str, np.ndarray]:
        if self._is_picture:
            return {"rgb": self.picture(*self.image_size)}
        return {name: np.float32(np.atleast_1d(part)) for name, part in parts.items()}

    def _observation_space(self) -> spaces.Dict:
        if self._is_picture:
            return spaces.Dict({"rgb": spaces.Box(0, 255, (*self.image_size, 3), np.uint8)})
        shapes = {
            name: np.atleast_1d(np.zeros(part.shape)).shape
            for name, part in self.suite.observation_spec().items()
        }
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
    chosen = os.environ.get(_GL)
    try:
        import mujoco  # noqa: F401  (chooses by the user's own MUJOCO_GL)

        # Else it loads OpenGL's libraries, which do not get along with TensorFlow.
        os.environ[_GL] = "disable"
        from dm_control import suite  # noqa: F401
    except ImportError as error:
        raise ImportError(
            f"tasks of the control suite need dm-control (1.0.36), but {error}: run pip install "
            "'ibc-tf[suite]', or in the repository pip install --no-deps -r requirements.txt."
        ) from error
    finally:
        os.environ.pop(_GL, None)
        if chosen is not None:
            os.environ[_GL] = chosen
    try:
        return importlib.import_module(f"dm_control.suite.{domain}")
    except ModuleNotFoundError as error:
        raise ValueError(f"DmControlEnv.domain: the suite has no {domain!r}.") from error
