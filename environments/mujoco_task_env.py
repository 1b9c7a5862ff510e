"""What tasks in MuJoCo share that are seen as numbers or in pictures: held actions, views."""

import abc
from typing import Any, NamedTuple

import gin
import gymnasium
import numpy as np
from gymnasium import spaces

from ibc.environments import mujoco_drawing
from ibc.utils import parameters

_RENDERED_PIXELS = 320


class Advanced(NamedTuple):
    """What a control step brings."""

    numbers: Any
    """What is observed as numbers."""
    reward: float
    """The simulator's."""
    success: bool | None
    """Whether the task is solved now; None where that is not told."""
    is_over: bool
    """Whether the simulator's time is up."""


@gin.configurable
class MujocoTaskEnv(gymnasium.Env, abc.ABC):
    """A task in MuJoCo whose episodes end when their time is up, and not before.

    Observation: numbers, float32; or {'rgb': uint8 [height, width, 3]}. Action: float32 [A] in
    [−1, 1]. Reward: the simulator's, summed while an action is held.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 50}  # noqa: RUF012 (Gymnasium's name)

    def __init__(
        self,
        model: Any,
        data: Any,
        control_seconds: float,
        numbers: spaces.Space,
        action_size: int,
        use_image_obs: bool = False,
        action_repeat: int = 1,
        episode_len: int | None = None,
        image_size: tuple[int, int] = (84, 84),
        camera: int = 0,
        effects: bool = False,
        render_mode: str | None = None,
    ):
        """Takes a scene that has been loaded.

        Args:
          model: `MjModel` of the simulation.
          data: `MjData` of the simulation.
          control_seconds: Duration of a control step.
          numbers: Space of what is observed without pictures.
          action_size: A.
          use_image_obs: Whether a picture is observed, and nothing else.
          action_repeat: Control steps for which an action is held.
          episode_len: Actions in an episode; as many as fit in the task's own time if None.
          image_size: Height and width of an observed picture, in pixels.
          camera: Number of the scene's camera.
          effects: Whether pictures show shadows and reflections; they take several times as long.
          render_mode: None or 'rgb_array'.

        Raises:
          ValueError: A parameter is unusable; the message names it.
        """
        owner = "MujocoTaskEnv"
        parameters.check_whole(owner, action_repeat=action_repeat)
        if episode_len is not None:
            parameters.check_whole(owner, episode_len=episode_len)
        if len(image_size) != 2:
            raise ValueError(f"{owner}.image_size must be (height, width), got {image_size!r}.")
        sides = {f"image_size[{axis}]": side for axis, side in enumerate(image_size)}
        parameters.check_whole(owner, **sides)
        parameters.check_whole(owner, least=0, camera=camera)
        if camera >= model.ncam:
            raise ValueError(
                f"{owner}.camera is {camera}, but the scene has cameras 0 to {model.ncam - 1}."
            )
        if render_mode not in (None, "rgb_array"):
            raise ValueError(
                f"{owner}.render_mode must be None or 'rgb_array', got {render_mode!r}."
            )
        self.render_mode, self.image_size = render_mode, tuple(image_size)
        self.control_frequency = 1.0 / (control_seconds * action_repeat)
        """Actions per second."""
        self.metadata = {**self.metadata, "render_fps": self.control_frequency}
        pixels = spaces.Box(0, 255, (*self.image_size, 3), np.uint8)
        self.observation_space = spaces.Dict({"rgb": pixels}) if use_image_obs else numbers
        self.action_space = spaces.Box(-1.0, 1.0, (action_size,), np.float32)
        self._is_picture, self._repeat, self._episode_len = (
            use_image_obs,
            action_repeat,
            episode_len,
        )
        self._drawer = mujoco_drawing.Drawer(model, data, camera, effects)
        self._steps = 0

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[Any, dict]:
        """Starts an episode; a seed starts the random numbers anew. Returns observation, {}."""
        super().reset(seed=seed, options=options)
        self._steps = 0
        return self._observed(self._begin(seed)), {}

    def step(self, action: np.ndarray) -> tuple[Any, float, bool, bool, dict]:
        """Holds an action [A], clipped to [−1, 1], for `action_repeat` control steps.

        Returns:
          Observation, reward, terminated (never), truncated, and where the task tells it
          {'success': whether it is solved now}.

        Raises:
          ValueError: The action has the wrong shape or is not finite.
        """
        action = np.asarray(action, np.float32)
        if action.shape != self.action_space.shape or not np.isfinite(action).all():
            raise ValueError(
                f"{type(self).__name__} needs actions of {self.action_space.shape[0]} finite "
                f"numbers, got {action}."
            )
        held, reward = np.clip(action, np.float32(-1), np.float32(1)), 0.0
        for _ in range(self._repeat):
            made = self._advance(held)
            reward += made.reward
            if made.is_over:
                break
        self._steps += 1
        is_late = made.is_over or self._steps == self._episode_len
        info = {} if made.success is None else {"success": made.success}
        return self._observed(made.numbers), float(reward), False, is_late, info

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

    @abc.abstractmethod
    def _begin(self, seed: int | None) -> Any:
        """Starts an episode of the simulator; returns what is observed as numbers."""

    @abc.abstractmethod
    def _advance(self, action: np.ndarray) -> Advanced:
        """Makes a control step with an action within its bounds, float32 [A]."""

    def _observed(self, numbers: Any) -> Any:
        return {"rgb": self.picture(*self.image_size)} if self._is_picture else numbers
