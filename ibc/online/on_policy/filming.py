"""A video of an episode of the mean action, with what its steps are worth under the pictures."""

import functools
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ibc.online import episode_video, finishing, interaction_env
from ibc.online.on_policy import parts as parts_lib
from ibc.online.on_policy import raters
from ibc.utils import transitions

Worth = Callable[[transitions.Transitions], np.ndarray]
"""From the steps of an episode [T, ...] to what each is worth, [T]."""
NAMES = {
    "PPO": "the task's reward",
    "NEAR": "reward of the energy",
    "AMP": "reward of the discriminator",
}
"""What algorithms are rewarded by."""


def check(task: str) -> None:
    """Tries to draw a task.

    Raises:
      ImportError, OSError, ValueError: It cannot be drawn; the message says why.
    """
    episode_video.check(interaction_env.load(task))


def film(parts: parts_lib.Parts, folder: pathlib.Path) -> pathlib.Path:
    """Films the first of the episodes that evaluations of a policy run; returns the file.

    Actions are held as in training, and each step of a decision is drawn with its reward.

    Args:
      parts: As trained.
      folder: Of the run.
    """
    repeat, rater = parts.options.ppo.action_repeat, parts.rater
    worth: Worth = _task_rewards
    if isinstance(rater, raters.NearRater | raters.AmpRater):
        worth = functools.partial(rewards_of_decisions, rater.reward.learned, repeat)
    name = NAMES[parts.config.algorithm]
    env = interaction_env.load(parts.config.task)
    frames = parts.loop.done * parts.loop.frames_per_rollout
    return finishing.film(folder, env, held(parts.greedy, repeat), worth, name, False, frames)


def held(
    act: Callable[[np.ndarray], np.ndarray], repeat: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Returns a policy of one episode that decides in every `repeat`-th step.

    Args:
      act: From observations [1, O] to actions [1, A].
      repeat: Steps for which an action is held.
    """
    decided, asked = np.zeros(0), 0

    def act_or_stay(seen: np.ndarray) -> np.ndarray:
        nonlocal decided, asked
        if asked % repeat == 0:
            decided = act(seen)
        asked += 1
        return decided

    return act_or_stay


def rewards_of_decisions(
    learned: Callable[[tf.Tensor], tf.Tensor], repeat: int, steps: transitions.Transitions
) -> np.ndarray:
    """Returns for each step of an episode the reward of the decision that it belongs to, [T].

    Args:
      learned: From raw pairs [N, 2·O], from one decision to the next, to rewards [N].
      repeat: Steps for which an action is held.
      steps: Of the episode, [T, ...].
    """
    count = len(steps.observation)
    first = np.arange(0, count, repeat)
    last = np.minimum(first + repeat, count) - 1
    pairs = np.concatenate([steps.observation[first], steps.next_observation[last]], -1)
    rewards = np.asarray(learned(tf.constant(pairs, tf.float32)))
    return np.repeat(rewards, repeat)[:count]


def _task_rewards(steps: transitions.Transitions) -> np.ndarray:
    return np.asarray(steps.reward)
