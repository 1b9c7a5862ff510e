"""Copies of an environment side by side, which go on by themselves when episodes end."""

import importlib
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import gin
import gymnasium
import numpy as np

from ibc.environments import tasks
from ibc.online import interaction_env


class Step(NamedTuple):
    """What a step of N copies has brought."""

    observation: np.ndarray
    """float32 [N, O]: what is acted upon next, the next episode's start where one has ended."""
    next_observation: np.ndarray
    """float32 [N, O]: what the step itself has led to."""
    reward: np.ndarray
    """float32 [N], the task's."""
    terminated: np.ndarray
    """bool [N]: episodes that ended by themselves."""
    timeout: np.ndarray
    """bool [N]: episodes whose time is up; never both."""
    reached: np.ndarray
    """bool [N]: episodes that ended at their goal, where the task says so."""
    told: dict[str, np.ndarray]
    """More about episodes that have ended, [N] each: the metrics of an evaluation."""

    @property
    def end(self) -> np.ndarray:
        """Which episodes are over."""
        return self.terminated | self.timeout


class Copies(Protocol):
    """N copies."""

    num_envs: int
    """N."""
    observation_size: int
    """O."""
    action_size: int
    """A."""

    def begin(self, seed: int) -> np.ndarray:
        """Begins new episodes everywhere; all that follows is decided by the seed and actions."""

    def step(self, actions: np.ndarray) -> Step:
        """Takes actions [N, A], clipped to ±1."""


class Vectorised:
    """A Gymnasium vector environment that begins new episodes in the step of the last one's end.

    Its infos have `final_obs` for all rows; `succeeded` and other bool or number arrays are told.
    """

    def __init__(self, env: gymnasium.vector.VectorEnv):
        """Wraps an environment whose actions are a Box within ±1."""
        self._env = env
        self.num_envs = env.num_envs
        self.observation_size = int(np.prod(env.single_observation_space.shape))
        self.action_size = int(np.prod(env.single_action_space.shape))

    @property
    def env(self) -> gymnasium.vector.VectorEnv:
        """The environment inside."""
        return self._env

    def begin(self, seed: int) -> np.ndarray:
        """See `Copies`."""
        seeds = np.random.SeedSequence(seed).generate_state(self.num_envs).tolist()
        return self._env.reset(seed=[int(each) for each in seeds])[0].astype(np.float32)

    def step(self, actions: np.ndarray) -> Step:
        """See `Copies`."""
        seen, rewards, terminated, truncated, infos = self._env.step(np.clip(actions, -1, 1))
        nothing = np.zeros(self.num_envs, bool)
        told = {
            name: value
            for name, value in infos.items()
            if isinstance(value, np.ndarray)
            and value.dtype.kind in "bif"
            and not name.startswith("_")
            and value.shape[:1] == (self.num_envs,)
            and name != "final_obs"
        }
        return Step(
            seen.astype(np.float32),
            np.asarray(infos["final_obs"], np.float32),
            rewards.astype(np.float32),
            terminated,
            truncated & ~terminated,
            infos.get("succeeded", nothing) & terminated,
            told,
        )


class Single(Protocol):
    """One environment, such as `interaction_env.InteractionEnv`."""

    observation_size: int
    """O."""
    gym: gymnasium.Env
    """The environment inside."""

    @property
    def action_size(self) -> int:
        """A."""

    def reset(self, seed: int) -> np.ndarray:
        """Begins the episode of a seed; returns what is seen, float32 [O]."""

    def step(self, action: np.ndarray) -> interaction_env.Outcome:
        """Takes an action [A] within ±1."""


Begun = Callable[[interaction_env.InteractionEnv], Single]
"""Has the episodes of an environment begin elsewhere."""


class Separate:
    """Environments of their own, one after the other."""

    def __init__(self, envs: Sequence[Single]):
        """Takes N environments of one task."""
        self._envs, self.num_envs = envs, len(envs)
        self.observation_size, self.action_size = envs[0].observation_size, envs[0].action_size
        self._seed, self._episodes = 0, [0] * len(envs)

    def begin(self, seed: int) -> np.ndarray:
        """See `Copies`."""
        self._seed, self._episodes = seed, [0] * self.num_envs
        return np.stack([self._reset(row) for row in range(self.num_envs)])

    def _reset(self, row: int) -> np.ndarray:
        drawn = np.random.SeedSequence([self._seed, row, self._episodes[row]]).generate_state(1)
        self._episodes[row] += 1
        return self._envs[row].reset(int(drawn[0] >> 1))

    def step(self, actions: np.ndarray) -> Step:
        """See `Copies`."""
        found = [env.step(action) for env, action in zip(self._envs, actions, strict=True)]
        reached = [
            outcome.terminated and bool(getattr(env.gym.unwrapped, "succeeded", False))
            for env, outcome in zip(self._envs, found, strict=True)
        ]
        following = [
            self._reset(row) if outcome.is_end else outcome.observation
            for row, outcome in enumerate(found)
        ]
        return Step(
            np.stack(following),
            np.stack([outcome.observation for outcome in found]),
            np.float32([outcome.reward for outcome in found]),
            np.array([outcome.terminated for outcome in found]),
            np.array([outcome.timeout for outcome in found]),
            np.array(reached),
            {},
        )


class Repeated:
    """Holds each action for several steps, or until the episode ends.

    Where one ends before the others' last step, its next episode begins with what is left of them.
    """

    def __init__(self, copies: Copies, repeat: int):
        """Wraps copies."""
        self._copies, self._repeat = copies, repeat
        self.num_envs, self.observation_size = copies.num_envs, copies.observation_size
        self.action_size = copies.action_size
        self.begin = copies.begin

    def step(self, actions: np.ndarray) -> Step:
        """See `Copies`; rewards are summed up to the end."""
        first = self._copies.step(actions)
        total = first
        for _ in range(self._repeat - 1):
            step = self._copies.step(actions)
            over = total.end
            column = over[:, np.newaxis]
            told = {
                name: np.where(over, total.told[name], value)
                for name, value in step.told.items()
                if value.ndim == 1
            }
            total = Step(
                step.observation,
                np.where(column, total.next_observation, step.next_observation),
                total.reward + np.where(over, 0, step.reward),
                np.where(over, total.terminated, step.terminated),
                np.where(over, total.timeout, step.timeout),
                np.where(over, total.reached, step.reached),
                told,
            )
        return total


def import_configurables(task: str) -> None:
    """Imports a task's environments, so that gin knows their names.

    Raises:
      ValueError: Unknown task.
      ImportError: A simulator is not installed.
    """
    description = tasks.get_task(tasks.gym_name(task))
    description.import_configurables()
    entry = gymnasium.spec(description.environment_id()).vector_entry_point
    if isinstance(entry, str):
        importlib.import_module(entry.partition(":")[0])


def load_judged(task: str, number: int, repeat: int = 1) -> Copies:
    """Loads copies for evaluation, see `load`.

    What gin binds in the scope 'evaluation' counts for these alone: measures that take time, say.
    """
    with gin.config_scope("evaluation"):
        return load(task, number, repeat)


def load(task: str, number: int, repeat: int = 1, begun: Begun | None = None) -> Copies:
    """Loads copies of a task's environment, vectorised where it says how.

    Args:
      task: As for `interaction_env.load`.
      number: N.
      repeat: Steps for which an action is held.
      begun: Wraps each environment that is not vectorised, so that episodes begin elsewhere.

    Raises:
      ValueError: Unknown task, or none that can be learned by interaction.
      ImportError: A simulator is not installed.
    """
    name = tasks.gym_name(task)
    description = tasks.get_task(name)
    description.register()
    env_id = description.environment_id()
    copies: Copies
    if gymnasium.spec(env_id).vector_entry_point is not None and not description.is_foreign:
        mode = gymnasium.VectorizeMode.VECTOR_ENTRY_POINT
        copies = Vectorised(gymnasium.make_vec(env_id, number, vectorization_mode=mode))
    else:
        envs = (interaction_env.load(task) for _ in range(number))
        copies = Separate([begun(env) if begun else env for env in envs])
    return copies if repeat == 1 else Repeated(copies, repeat)
