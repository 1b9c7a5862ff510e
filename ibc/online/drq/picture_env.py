"""A task as an agent of pictures meets it: one frame, a held action, the next frame."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ibc.data import video_files
from ibc.environments import video
from ibc.online import interaction_env
from ibc.online.drq import options as options_lib


class Step(NamedTuple):
    """What an agent's step brings."""

    frame: np.ndarray
    """As `PictureEnv.reset` returns it."""
    frames: int
    """For how many the action was held."""
    reward: float
    """Sum over the frames of the held action."""
    terminated: bool
    """Whether the episode is over for good."""
    timeout: bool
    """Whether its time is up."""
    succeeded: bool | None
    """At the end of an episode, whether the task is solved; None where it does not tell."""


class PictureEnv:
    """Draws the task, or passes on what it observes, and holds actions."""

    def __init__(self, env: interaction_env.InteractionEnv, options: options_lib.Drq):
        """Wraps an environment.

        Args:
          env: With actions within ±1.
          options: What is seen, and for how long an action is held.
        """
        self.env, self._options = env, options
        self._draw: Callable[[], np.ndarray] | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """Of an observation: stacked pictures [H, W, C], or [O]."""
        if self._options.observation == "state":
            return (self.env.observation_size,)
        side = self._options.image_size
        return (side, side, 3 * self._options.frame_stack)

    def reset(self, seed: int) -> np.ndarray:
        """Begins the episode of a seed; returns its first frame.

        Returns:
          A picture uint8 [H, W, 3], or float32 [O].

        Raises:
          ValueError: The task draws no pictures.
        """
        seen = self.env.reset(seed)
        if self._options.observation == "state":
            return seen
        if self._draw is None:
            self._draw = self.camera(self._options.image_size)
        return self._draw()

    def step(self, action: np.ndarray) -> Step:
        """Holds an action [A] within ±1 for some frames, fewer where the episode ends."""
        reward, held, is_end = 0.0, 0, False
        while held < self._options.action_repeat and not is_end:
            outcome = self.env.step(action)
            reward, held, is_end = reward + outcome.reward, held + 1, outcome.is_end
        frame = outcome.observation if self._draw is None else self._draw()
        end = outcome.terminated, outcome.timeout, outcome.succeeded
        return Step(frame, held, reward, *end)

    def camera(
        self, side: int, why: str = "drq.observation is 'pixels'"
    ) -> Callable[[], np.ndarray]:
        """Returns what draws the task as it is, uint8 [side, side, 3], once it was reset.

        Args:
          side: Pixels.
          why: Pictures are needed, for the error.

        Raises:
          ValueError: The task draws no pictures.
        """
        inner = self.env.gym.unwrapped
        if hasattr(inner, "picture"):
            return lambda: inner.picture(side, side)
        try:
            paint = video.painter(inner)
        except ValueError as error:
            reason = str(error).removeprefix("--video: ")
            raise ValueError(f"{why}, but {reason}") from None
        return lambda: video_files.resized(np.asarray(paint())[np.newaxis], side, side)[0]
