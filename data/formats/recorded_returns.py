"""Returns of recorded episodes, of which some hold running counts in place of rewards.

D4RL's kitchen recordings hold in each step how many elements were completed so far; an environment,
and what is recorded in it, gives an element's reward in one step.
"""

from collections.abc import Sequence

import numpy as np

from ibc.environments.d4rl import d4rl_tasks


def episode_returns(
    rewards: Sequence[np.ndarray], family: d4rl_tasks.Family | None = None
) -> np.ndarray:
    """Returns each episode's return [num_episodes], float64.

    It is the sum of the rewards, but the largest of running counts.

    Args:
      rewards: Rewards [n] of each episode of one recording.
      family: The environment it is of, if known.
    """
    combine = np.max if are_running_counts(rewards, family) else np.sum
    return np.array([combine(np.float64(episode)) for episode in rewards])


def are_running_counts(
    rewards: Sequence[np.ndarray], family: d4rl_tasks.Family | None = None
) -> bool:
    """Whether the rewards of one recording count all that was done so far.

    Each element is completed once. An episode whose rewards exceed the number of elements in sum
    holds counts; else rewards that fall are those of single steps. Where neither is seen, a
    reward that stays to the end is taken for a count.

    Args:
      rewards: Rewards [n] of each episode.
      family: The environment; only the kitchens' recordings have such counts.
    """
    if family is None or not family.rewards_accumulate:
        return False
    elements = len(family.arguments["elements"])
    if any(np.sum(np.float64(episode)) > elements for episode in rewards):
        return True
    return not any((np.diff(np.float64(episode)) < 0).any() for episode in rewards)
