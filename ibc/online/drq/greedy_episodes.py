"""Episodes with mean actions, played side by side: what evaluations of DrQ-v2 are made of."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ibc.online.drq import loop as loop_lib
from ibc.online.drq import picture_env

_FIRST_SEED = 1_000_003


class Played(NamedTuple):
    """What an episode has brought."""

    value: float
    """Its return."""
    length: int
    """In frames."""
    succeeded: bool | None
    """Whether the task is solved; None where it does not tell."""
    measures: Mapping[str, float]
    """What the task measures of an episode, see `contract.Offer.episode_measures`."""


class _Open:
    """An episode that is being played."""

    def __init__(self, env: picture_env.PictureEnv, number: int):
        self._env = env
        self.frames = [begin(env, number)]
        self._value, self._length = 0.0, 0
        self.ended: Played | None = None

    def step(self, action: np.ndarray) -> None:
        """Takes an action; nothing happens once the episode has ended."""
        if self.ended:
            return
        outcome = self._env.step(action)
        self.frames.append(outcome.frame)
        self._value, self._length = self._value + outcome.reward, self._length + outcome.frames
        if outcome.terminated or outcome.timeout:
            measures = getattr(self._env.env.gym.unwrapped, "episode_measures", {})
            self.ended = Played(float(self._value), self._length, outcome.succeeded, measures)


def begin(env: picture_env.PictureEnv, number: int) -> np.ndarray:
    """Begins an episode of evaluations, always the same one; returns what is seen."""
    return env.reset(_FIRST_SEED + number)


def play(
    envs: Sequence[picture_env.PictureEnv],
    loop: loop_lib.Loop,
    numbers: Sequence[int],
    watch: Callable[[int], object] = lambda number: None,
) -> list[Played]:
    """Plays episodes with mean actions, with one call of the policy per step.

    Args:
      envs: As many episodes at a time.
      loop: Whose agent acts.
      numbers: Of the episodes.
      watch: Is called with the number of each one, before the next ones begin.

    Returns:
      What each of them has brought.
    """
    played = []
    for first in range(0, len(numbers), len(envs)):
        part = numbers[first : first + len(envs)]
        running = [_Open(env, number) for env, number in zip(envs, part, strict=False)]
        while not all(each.ended for each in running):
            actions = loop.greedy(np.stack([loop.latest(each.frames) for each in running]))
            for each, action in zip(running, actions, strict=True):
                each.step(action)
        played += [each.ended for each in running]
        for number in part:
            watch(number)
    return played


def summary(played: Sequence[Played]) -> tuple[dict[str, float], list[float]]:
    """Returns what an evaluation tells, and the return of each episode.

    The former are the means of `episode_reward` and of `episode_length`, in frames, of what the
    task measures, and `success_rate` where it tells it.
    """
    returns = [each.value for each in played]
    found = {
        "episode_reward": np.mean(returns),
        "episode_length": np.mean([each.length for each in played]),
    }
    solved = [each.succeeded for each in played]
    if None not in solved:
        found["success_rate"] = np.mean(solved)
    for name in played[0].measures:
        found[name] = np.mean([each.measures[name] for each in played])
    return {name: float(value) for name, value in found.items()}, returns
