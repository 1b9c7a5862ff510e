"""A video of an episode, with what each of its steps was worth drawn under the pictures."""

import os
from collections.abc import Callable, Iterator

import gymnasium
import numpy as np

from ibc.environments import caption, contract, running_curve, video
from ibc.online import episode_rows, interaction_env
from ibc.utils import transitions


def check(env: interaction_env.InteractionEnv) -> None:
    """Tries to draw the first picture of an episode.

    Raises:
      ImportError, OSError: What draws the task, or ffmpeg, is not installed.
      ValueError: The task draws no pictures.
    """
    video.find_ffmpeg()
    env.reset(0)
    _painter(env)


def play(
    env: interaction_env.InteractionEnv,
    act: Callable[[np.ndarray], np.ndarray],
    absorbing: bool,
    seed: int = 0,
) -> transitions.Transitions:
    """Plays an episode and returns its steps, without a row in the absorbing state.

    Args:
      env: The environment.
      act: From observations [1, O] to actions [1, A] within ±1.
      absorbing: See `episode_rows.rows_of`.
      seed: Of the episode.

    Returns:
      [T, ...].
    """
    parts, seen = [], env.reset(seed)
    while True:
        action = act(seen[np.newaxis])[0]
        outcome = env.step(action)
        step = (seen, action, np.float32(outcome.reward), outcome.observation)
        parts.append(episode_rows.Steps(*(field[np.newaxis] for field in step)))
        if outcome.is_end:
            break
        seen = outcome.observation
    steps = episode_rows.Steps(*map(np.concatenate, zip(*parts, strict=True)))
    rows = episode_rows.rows_of(steps, outcome.terminated, outcome.timeout, absorbing=absorbing)
    return episode_rows.taken(rows, slice(0, len(parts)))


def write(
    env: interaction_env.InteractionEnv,
    steps: transitions.Transitions,
    rewards: np.ndarray,
    name: str,
    path: str | os.PathLike,
    seed: int = 0,
) -> None:
    """Plays an episode's actions again and films it.

    It is played twice because what a step is worth may depend on the whole episode, whose pictures
    would fill the memory.

    Args:
      env: The environment, which begins the same episode by the same seed.
      steps: What `play` returned, [T, ...].
      rewards: What is drawn, [T].
      name: Of these numbers.
      path: Of the mp4; its folder is made if missing.
      seed: Of the episode.

    Raises:
      OSError: The file could not be written.
    """
    frames = _frames(env, steps, rewards, name, seed)
    video.write(frames, path, contract.frequency_of(env.gym.unwrapped))


def _frames(env, steps, rewards, name, seed) -> Iterator[np.ndarray]:
    env.reset(seed)
    paint, total = _painter(env), 0.0
    for done in range(len(rewards) + 1):
        if done:
            total += env.step(steps.action[done - 1]).reward
        picture = caption.below(_even(paint()), caption.text(seed, done, total))
        yield running_curve.below(picture, rewards, done, name)


def _painter(env: interaction_env.InteractionEnv) -> Callable[[], np.ndarray]:
    inner: gymnasium.Env = env.gym.unwrapped
    return video.painter(inner)


def _even(picture: np.ndarray) -> np.ndarray:
    """Returns a picture [height, width, 3] of even sizes, as videos have; the last row may go."""
    height, width = picture.shape[:2]
    return picture[: height - height % 2, : width - width % 2]
