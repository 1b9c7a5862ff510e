"""What a run measures of its learned reward at evaluations."""

from collections.abc import Iterable, Sequence

import numpy as np
import tensorflow as tf

from ibc.online import (
    episode_rows,
    episode_video,
    expert_data,
    interaction_env,
    relabelling,
    replay,
)
from ibc.rewards import learned_reward, measurements
from ibc.utils import keys, transitions

_ROWS = 512
_HELD_OUT = 25
_MORE_SEED = 2


def held_out(
    shown: Sequence[expert_data.Demonstration], trajectories: int, absorbing: bool
) -> expert_data.ExpertData | None:
    """Returns the expert's next trajectories after those that are learned from, None without any.

    Args:
      shown: All of the expert's.
      trajectories: How many are learned from, the first ones; 0 for all.
      absorbing: See `episode_rows.rows_of`.
    """
    others = shown[trajectories : trajectories + _HELD_OUT] if trajectories else ()
    return expert_data.make(others, absorbing) if others else None


def drawn(
    layout: replay.Layout, expert: expert_data.ExpertData, seed: int
) -> transitions.Transitions:
    """Returns some of the expert's transitions, tensors [B, ...], as the seed says."""
    rows = layout.unpack(replay.draw(layout.pack(expert.rows), _ROWS, seed))
    return transitions.Transitions(*map(tf.constant, rows))


class Measuring:
    """Measures a learned reward on the expert's, the agent's and random transitions."""

    def __init__(
        self,
        learned: learned_reward.LearnedReward,
        memory: replay.Replay,
        expert: expert_data.ExpertData,
        others: expert_data.ExpertData | None,
        env: interaction_env.InteractionEnv,
        absorbing: bool,
        seed: int,
    ):
        """Measures nothing yet; plays some random episodes where whole ones are needed.

        Args:
          learned: The reward.
          memory: The agent's transitions.
          expert: What is learned from.
          others: What is measured on, see `held_out`; None for what is learned from.
          env: Where random episodes are played; not the one that is learned in.
          absorbing: See `episode_rows.rows_of`.
          seed: Of the run.
        """
        self._learned, self._memory, self._expert = learned, memory, expert
        self._others, self._seed = others or expert, seed
        self._random: list[transitions.Transitions] = []
        if learned.moment is not learned_reward.Moment.UPDATE:
            self._random = _random_episodes(env, absorbing, seed)

    def measure(self, log_policy: learned_reward.LogPolicy) -> dict[str, float]:
        """Returns mean rewards and how well they rank the expert, see `measurements.measure`.

        Nothing for a reward that composes batches of its own, or before anything was collected.
        """
        if not len(self._memory) or self._learned.composes_batches:
            return {}
        if self._learned.moment is learned_reward.Moment.UPDATE:
            return self._of_batches(log_policy)
        return self._of_episodes(log_policy)

    def _of_batches(self, log_policy: learned_reward.LogPolicy) -> dict[str, float]:
        key = keys.Key(tf.constant([self._seed, _MORE_SEED]))
        layout = self._memory.layout
        latest = layout.unpack(self._memory.latest(_ROWS))
        agent = transitions.Transitions(*map(tf.constant, latest))
        batches = {
            "expert": drawn(layout, self._others, self._seed),
            "agent": agent,
            "random": measurements.random_actions(agent, key),
        }
        reference = drawn(layout, self._expert, self._seed)
        return measurements.measure(self._learned, batches, reference, log_policy, key)

    def _of_episodes(self, log_policy: learned_reward.LogPolicy) -> dict[str, float]:
        """Rates whole episodes; the agent's steps keep the rewards that they were given."""
        latest = self._memory.layout.unpack(self._memory.latest(_ROWS))
        shown = (
            episode_rows.taken(self._others.rows, place) for place in self._others.trajectories()
        )
        return measurements.compare(
            {
                "expert": self._rated(shown, log_policy),
                "agent": np.asarray(latest.reward)[np.asarray(latest.absorbing) == 0],
                "random": self._rated(self._random, log_policy),
            }
        )

    def _rated(
        self, episodes: Iterable[transitions.Transitions], log_policy: learned_reward.LogPolicy
    ) -> np.ndarray:
        """Returns the rewards of episodes' steps, of as many as are enough."""
        learned = self._learned.aside()
        reference = drawn(self._memory.layout, self._expert, self._seed)
        key, rewards = keys.Key(tf.constant([self._seed, _MORE_SEED])), np.zeros(0)
        for rows in episodes:
            steps = episode_rows.taken(rows, rows.absorbing == 0)
            more = relabelling.of_shown(learned, steps, reference, log_policy, key)
            rewards = np.append(rewards, more)
            if len(rewards) >= _ROWS:
                break
        return rewards


def _random_episodes(
    env: interaction_env.InteractionEnv, absorbing: bool, seed: int
) -> list[transitions.Transitions]:
    """Plays episodes of uniform actions, as many as are enough."""
    random, found = np.random.default_rng(seed), []

    def act(seen: np.ndarray) -> np.ndarray:
        return random.uniform(-1, 1, [len(seen), env.action_size]).astype(np.float32)

    while sum(len(steps.step) for steps in found) < _ROWS:
        found.append(episode_video.play(env, act, absorbing, seed=len(found)))
    return found
