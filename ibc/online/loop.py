"""The loop of interaction: act, remember, learn, evaluate."""

import dataclasses
import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from ibc.online import (
    episode_rows,
    interaction_env,
    learner,
    relabelling,
    replay,
)
from ibc.rewards import learned_reward
from ibc.utils import transitions

Moment = learned_reward.Moment


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how often, in steps of interaction."""

    steps: int
    """In all."""
    start: int = 1000
    """The first with an update."""
    interval: int = 1
    """Per update."""
    batch_size: int = 256
    """Rows of the agent, and of the expert, in an update."""
    evaluation_interval: int = 10_000
    """Per evaluation."""
    logging_interval: int = 1000
    """Per look at what updates tell."""


class Watcher:
    """What is told of a run as it goes on; each method does nothing by default."""

    def episode_ended(self, step: int, episode_return: float) -> None:
        """Takes the task's return of an episode of collection."""

    def updated(self, step: int, scalars: Mapping[str, float]) -> None:
        """Takes the scalars of an update."""

    def evaluated(self, step: int) -> float | None:
        """Evaluates; returns the normalized return if there is one, for rewards that anneal."""

    def between_episodes(self, step: int) -> bool:
        """May save the replay and then the checkpoint; returns whether to go on."""
        return True


class Loop:
    """Collects with the agent's actor, and learns.

    Between episodes, nothing is left but what is in variables and in the replay: a run that is
    restored there from both goes on with the same numbers, in every environment that begins its
    episodes by their seeds. The open episode of an interrupted run is done again.
    """

    def __init__(
        self,
        env: interaction_env.InteractionEnv,
        trained: learner.Learner,
        memory: replay.Replay,
        schedule: Schedule,
        expert: transitions.Transitions | None = None,
        absorbing: bool = True,
        seed: int = 0,
    ):
        """Begins nothing yet.

        Args:
          env: Where the agent acts.
          trained: What learns.
          memory: Its replay, empty, prefilled or restored.
          schedule: How long and how often.
          expert: Transitions with rewards, see `relabelling.of_expert`; None where nobody is
            imitated.
          absorbing: Whether there is an absorbing state, see `episode_rows.rows_of`.
          seed: Of episodes, actions and batches.
        """
        self._env, self._learner, self._memory = env, trained, memory
        self._learned = trained.learned
        self._schedule, self._absorbing, self._seed = schedule, absorbing, seed
        self._expert = None if expert is None else memory.layout.pack(expert)
        self._open: list[transitions.Transitions] = []
        self._time, self._return = 0, 0.0
        self._step = self._episode = 0
        self._next_action: np.ndarray | None = None
        # Steps and episodes done, rows in the replay, and what the next episode begins with.
        self._counts = tf.Variable(tf.zeros([3], tf.int64), trainable=False)
        self._action = tf.Variable(tf.zeros([env.action_size]), trainable=False)
        self.checkpoint = tf.train.Checkpoint(
            learner=trained, counts=self._counts, action=self._action
        )
        """All variables, of agent, optimizers and reward too; as they are between episodes and
        at the end."""

    @property
    def step(self) -> int:
        """Steps of interaction so far."""
        return self._step

    def resume(self) -> int:
        """Goes to where variables restored from a checkpoint say.

        Returns:
          How many rows the replay had, for `ReplayFiles.restore`.
        """
        self._step, self._episode, rows = self._counts.numpy().tolist()
        self._next_action = self._action.numpy() if self._step else None
        return rows

    def run(self, watcher: Watcher) -> None:
        """Goes on until all steps are done or the watcher stops it.

        Raises:
          FloatingPointError: What an update tells is not finite.
        """
        observation = self._begin_episode()
        while self._step < self._schedule.steps:
            if self._next_action is None:
                self._next_action = self._learner.act(observation, (self._seed, 0))
            observation, has_ended = self._interact(observation, watcher)
            told = self._learn(observation)
            if told and self._step % self._schedule.logging_interval == 0:
                watcher.updated(self._step, self._checked(told))
            if self._step % self._schedule.evaluation_interval == 0:
                normalized = watcher.evaluated(self._step)
                if normalized is not None:
                    self._learned.after_evaluation(normalized)
            if has_ended:
                self._store()
                if not watcher.between_episodes(self._step):
                    return
        self._store()

    def _store(self) -> None:
        """Puts into variables where the loop is."""
        self._counts.assign([self._step, self._episode, self._memory.total])
        if self._next_action is not None:
            self._action.assign(self._next_action)

    def _begin_episode(self) -> np.ndarray:
        self._time, self._return = 0, 0.0
        self._learned.begin_episode()
        return self._seen(self._env.reset(episode_seed(self._seed, self._episode)))

    def _seen(self, observation: np.ndarray) -> np.ndarray:
        return episode_rows.with_bit(observation) if self._absorbing else observation

    def _interact(self, observation: np.ndarray, watcher: Watcher) -> tuple[np.ndarray, bool]:
        """Makes a step and remembers it; returns what is acted upon next, and if that is new."""
        outcome = self._env.step(self._next_action)
        self._step += 1
        self._return += outcome.reward
        size = self._env.observation_size
        steps = episode_rows.Steps(
            observation[np.newaxis, :size],
            self._next_action[np.newaxis],
            np.float32([outcome.reward]),
            outcome.observation[np.newaxis],
        )
        self._remember(
            episode_rows.rows_of(
                steps, outcome.terminated, outcome.timeout, self._step, self._time, self._absorbing
            )
        )
        self._time += 1
        if not outcome.is_end:
            return self._seen(outcome.observation), False
        if self._open:
            self._memory.append(
                relabelling.of_episode(self._learned, episode_rows.joined(self._open))
            )
            self._open = []
        self._memory.end_trajectory()
        watcher.episode_ended(self._step, self._return)
        self._episode += 1
        return self._begin_episode(), True

    def _remember(self, rows: transitions.Transitions) -> None:
        """Puts a step's rows into the replay, or keeps them until the episode has ended."""
        if self._learned.moment is Moment.EPISODE_END:
            self._open.append(rows)
            return
        if self._learned.moment is Moment.COLLECTION:
            rows = relabelling.of_step(self._learned, rows)
        self._memory.append(rows)

    def _learn(self, observation: np.ndarray) -> Mapping[str, tf.Tensor]:
        """Makes an update if it is time for one, and chooses the next action either way."""
        schedule, seed = self._schedule, (self._seed, self._step)
        is_due = self._step >= schedule.start and self._step % schedule.interval == 0
        if not is_due or not len(self._memory):
            self._next_action = self._learner.act(observation, seed)
            return {}
        rows = self._memory.sample(schedule.batch_size, [*seed, 0])
        expert = rows
        if self._expert is not None:
            expert = replay.draw(self._expert, schedule.batch_size, [*seed, 1])
        progress = learned_reward.Progress(self._step, self._memory.num_trajectories)
        told, self._next_action = self._learner.step(rows, expert, progress, observation, seed)
        if not np.isfinite(self._next_action).all():
            self._checked(told | {"the action": np.nan})
        return told

    def _checked(self, told: Mapping[str, tf.Tensor]) -> dict[str, float]:
        scalars = {name: float(value) for name, value in told.items()}
        for name, value in scalars.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} at step {self._step} of interaction (reward: "
                    f"{type(self._learned).__name__}): give smaller learning rates."
                )
        return scalars


def episode_seed(seed: int, episode: int) -> int:
    """Returns the seed of an episode of collection, unlike those of other runs, 31 bits."""
    return int(np.random.SeedSequence([seed, episode]).generate_state(1)[0] >> 1)
