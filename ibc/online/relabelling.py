"""Puts a learned reward in the place of the task's, where it is not computed at update."""

import numpy as np
import tensorflow as tf

from ibc.online import episode_rows, expert_data
from ibc.rewards import learned_reward
from ibc.utils import keys, transitions

Moment = learned_reward.Moment


def of_step(
    learned: learned_reward.LearnedReward, rows: transitions.Transitions
) -> transitions.Transitions:
    """Returns the row of a step, and maybe one in the absorbing state, with the step's reward.

    A row in the absorbing state keeps its reward, 0.
    """
    reward = learned.reward_of_step(episode_rows.taken(rows, slice(0, 1)))
    return rows._replace(reward=np.append(np.float32([reward]), rows.reward[1:]))


def of_episode(
    learned: learned_reward.LearnedReward, rows: transitions.Transitions
) -> transitions.Transitions:
    """Returns the rows of an episode with its rewards; one in the absorbing state keeps its own."""
    is_step = rows.absorbing == 0
    rewards = rows.reward.copy()
    rewards[is_step] = learned.rewards_of_episode(episode_rows.taken(rows, is_step))
    return rows._replace(reward=rewards)


def of_expert(
    learned: learned_reward.LearnedReward, expert: expert_data.ExpertData
) -> transitions.Transitions:
    """Returns the expert's rows with the rewards that an agent would have got for them."""
    parts = []
    for place in expert.trajectories():
        rows = episode_rows.taken(expert.rows, place)
        if learned.moment is Moment.EPISODE_END:
            rows = of_episode(learned, rows)
        elif learned.moment is Moment.COLLECTION:
            is_step = rows.absorbing == 0
            rewards = rows.reward.copy()
            rewards[is_step] = _one_by_one(learned, episode_rows.taken(rows, is_step))
            rows = rows._replace(reward=rewards)
        parts.append(rows)
    return episode_rows.joined(parts)


def of_shown(
    learned: learned_reward.LearnedReward,
    steps: transitions.Transitions,
    expert: transitions.Transitions,
    log_policy: learned_reward.LogPolicy,
    key: keys.Key,
) -> np.ndarray:
    """Returns what the steps of a whole episode are worth, whenever the reward is computed.

    Args:
      learned: The reward; not one that composes batches of its own, see `LearnedReward`.
      steps: [T, ...], without a row in the absorbing state.
      expert: What rewards at update are computed against.
      log_policy: Of the policy as it is now.
      key: For what is drawn.

    Returns:
      float32 [T].
    """
    if learned.moment is Moment.UPDATE:
        batch = transitions.Transitions(*map(tf.constant, steps))
        return np.asarray(learned.reward(batch, expert, log_policy, key))
    if learned.moment is Moment.EPISODE_END:
        return np.asarray(learned.rewards_of_episode(steps), np.float32)
    return _one_by_one(learned, steps)


def _one_by_one(
    learned: learned_reward.LearnedReward, steps: transitions.Transitions
) -> np.ndarray:
    """Returns the rewards [T] of an episode's steps, and forgets them."""
    learned.begin_episode()
    each = [episode_rows.taken(steps, [row]) for row in range(len(steps.step))]
    rewards = np.float32([learned.reward_of_step(step) for step in each])
    learned.begin_episode()
    return rewards
