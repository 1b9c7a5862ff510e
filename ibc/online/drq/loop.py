"""The loop of interaction: act, remember whole episodes, learn."""

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from ibc.agents import drq_v2_agent, noise_schedule, plain_actor
from ibc.online import frame_replay
from ibc.online import loop as loop_lib
from ibc.online.drq import options as options_lib
from ibc.online.drq import picture_env

AfterEpisode = Callable[["Loop", Mapping[str, float]], bool]
"""Takes the loop and what an episode and its last update tell; returns whether to go on."""


class Span(NamedTuple):
    """Which episode of the run one is."""

    number: int
    """From 0."""
    first_frame: int
    """Frames before it."""
    last_frame: int
    """Frames when it has ended."""


Remember = Callable[[frame_replay.Episode, Span], Mapping[str, float]]
"""Adds an episode that has ended to the replay; returns scalars to log."""


@dataclasses.dataclass
class _Open:
    """The episode that is being played."""

    frames: list[np.ndarray]
    actions: list[np.ndarray] = dataclasses.field(default_factory=list)
    rewards: list[float] = dataclasses.field(default_factory=list)
    discounts: list[float] = dataclasses.field(default_factory=list)

    def ended(self) -> frame_replay.Episode:
        """Returns it as the replay keeps it."""
        actions, rewards, discounts = (
            np.array(values, np.float32) for values in (self.actions, self.rewards, self.discounts)
        )
        return frame_replay.Episode(np.stack(self.frames), actions, rewards, discounts)


class Loop:
    """Collects with noisy actions, and learns from the episodes that have ended.

    Between episodes, nothing is left but what is in variables and in the replay: a run that is
    restored there goes on with the same numbers. The open episode of an interrupted run is played
    again.
    """

    def __init__(
        self,
        env: picture_env.PictureEnv,
        agent: drq_v2_agent.DrqV2Agent,
        replay: frame_replay.FrameReplay,
        options: options_lib.Drq,
        seed: int,
        remember: Remember | None = None,
    ):
        """Begins nothing yet.

        Args:
          env: Where the agent acts.
          agent: What learns.
          replay: Empty, or restored.
          options: When and how much.
          seed: Of episodes, actions and batches.
          remember: How an episode is added to the replay; as it is if None.
        """
        self._env, self._agent, self._replay = env, agent, replay
        self._options, self._seed = options, seed
        self._remember = remember or self._add
        self._std = noise_schedule.parse(options.stddev_schedule)
        self._std_now: float | None = None
        self._update = tf.function(self._updated, autograph=False)
        self._act = tf.function(self._noisy, autograph=False)
        self._greedy = tf.function(self._mean, autograph=False, reduce_retracing=True)
        # Agent's steps, frames, episodes, and how many of these the replay holds.
        self._counts = tf.Variable(tf.zeros([4], tf.int64), trainable=False)
        self.checkpoint = tf.train.Checkpoint(agent=agent, counts=self._counts)
        """All variables, as they are between episodes."""

    @property
    def frames(self) -> int:
        """Steps of the environment so far."""
        return int(self._counts[1])

    @property
    def episodes(self) -> int:
        """Episodes so far; as many were added to the replay."""
        return int(self._counts[2])

    @property
    def episodes_held(self) -> int:
        """How many of them the replay holds."""
        return int(self._counts[3])

    def run(self, frames: int, after_episode: AfterEpisode) -> None:
        """Plays whole episodes until there are as many frames, or it is told to stop.

        Raises:
          FloatingPointError: What an update tells is not finite.
        """
        while self.frames < frames:
            told = self._play_episode()
            if not after_episode(self, told):
                return

    def actor(self) -> plain_actor.BoundedMean:
        """Returns the mean action of observations as what is exported."""
        encoder, actor = self._agent.encoder, self._agent.actor
        weights = [*encoder.variables, *actor.variables]
        return plain_actor.BoundedMean(lambda seen: actor(encoder(seen)), weights)

    def greedy(self, observations: np.ndarray) -> np.ndarray:
        """Returns mean actions [N, A] for observations [N, ...]."""
        return self._greedy(tf.constant(observations)).numpy()

    def _play_episode(self) -> dict[str, float]:
        step, frames, episode, _ = self._counts.numpy().tolist()
        open_episode = _Open([self._env.reset(loop_lib.episode_seed(self._seed, episode))])
        told: dict[str, float] = {}
        length = 0
        while True:
            action = self._choose(open_episode, step)
            outcome = self._env.step(action)
            open_episode.frames.append(outcome.frame)
            open_episode.actions.append(action)
            open_episode.rewards.append(outcome.reward)
            open_episode.discounts.append(float(not outcome.terminated))
            step, length = step + 1, length + outcome.frames
            told |= self._learn(step)
            if outcome.terminated or outcome.timeout:
                break
        told |= self._remember(open_episode.ended(), Span(episode, frames, frames + length))
        held = len(self._replay.episodes)
        self._counts.assign([step, frames + length, episode + 1, held])
        return told | {
            "episode_reward": sum(open_episode.rewards),
            "episode_length": length,
            "buffer_size": len(self._replay),
        }

    def _add(self, episode: frame_replay.Episode, span: Span) -> Mapping[str, float]:
        del span
        self._replay.add(episode)
        return {}

    def _choose(self, open_episode: _Open, step: int) -> np.ndarray:
        size = self._env.env.action_size
        if step < self._options.num_expl_steps:
            return np.random.default_rng([self._seed, step]).uniform(-1, 1, size).astype(np.float32)
        self._set_std(step)
        seen = self.latest(open_episode.frames)[np.newaxis]
        return self._act(tf.constant(seen), tf.constant([self._seed, step], tf.int32)).numpy()[0]

    def latest(self, frames: list[np.ndarray]) -> np.ndarray:
        """Returns what is seen after some frames of an episode."""
        stack = self._options.stack
        if stack == 1:
            return frames[-1]
        newest = [frames[max(len(frames) - back, 0)] for back in range(stack, 0, -1)]
        return np.concatenate(newest, -1)

    def _learn(self, step: int) -> dict[str, float]:
        options = self._options
        first = options.num_seed_frames // options.action_repeat
        if step < first or step % options.update_every_steps or not len(self._replay):
            return {}
        self._set_std(step)
        batch = self._replay.sample(options.batch_size, [self._seed, step])
        info = self._update(drq_v2_agent.Batch(*map(tf.constant, batch))).numpy().tolist()
        told = dict(zip(drq_v2_agent.DrqInfo._fields, info, strict=True))
        for name, value in told.items():
            if not math.isfinite(value):
                raise FloatingPointError(
                    f"{name} is {value} at step {step} of the agent: give a smaller drq.lr."
                )
        return told

    def _set_std(self, step: int) -> None:
        std = self._std(step)
        if std != self._std_now:
            self._agent.std.assign(std)
            self._std_now = std

    def _updated(self, batch: drq_v2_agent.Batch) -> tf.Tensor:
        """Makes an update; returns what it tells side by side, to be fetched at once."""
        return tf.stack(self._agent.update(batch, self._agent.draws(batch.reward.shape[0])))

    def _noisy(self, observation: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        step = ts.restart(observation, observation.shape[0])
        return self._agent.collect_policy.action(step, seed=seed).action

    def _mean(self, observation: tf.Tensor) -> tf.Tensor:
        return self._agent.actor(self._agent.encoder(observation))
