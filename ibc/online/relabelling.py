"""Puts a learned reward in the place of the task's, where it is not computed at update."""

import numpy as np

from ibc.online import episode_rows, expert_data
from ibc.rewards import learned_reward
from ibc.utils import transitions

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
            learned.begin_episode()
            is_step = rows.absorbing == 0
            steps = [episode_rows.taken(rows, [row]) for row in np.flatnonzero(is_step)]
            rewards = rows.reward.copy()
            rewards[is_step] = [learned.reward_of_step(step) for step in steps]
            rows = rows._replace(reward=rewards)
        parts.append(rows)
    learned.begin_episode()
    return episode_rows.joined(parts)
