"""How well a reward tells the expert from others."""

from collections.abc import Mapping

import numpy as np
import tensorflow as tf
from scipy import stats

from ibc.rewards import learned_reward
from ibc.utils import keys, transitions


def auc(better: np.ndarray, worse: np.ndarray) -> float:
    """Returns the probability that one of `better` is above one of `worse`; ties count half.

    Args:
      better: Numbers [N].
      worse: Numbers [M].
    """
    statistic = stats.mannwhitneyu(better, worse, method="asymptotic").statistic
    return float(statistic / (len(better) * len(worse)))


def measure(
    learned: learned_reward.LearnedReward,
    batches: Mapping[str, transitions.Transitions],
    expert: transitions.Transitions,
    log_policy: learned_reward.LogPolicy,
    key: keys.Key,
) -> dict[str, float]:
    """Measures a reward that is computed at update.

    All batches are rated as one: what GMMIL says of a row depends on the rows beside it.

    Args:
      learned: The reward.
      batches: Transitions of 'expert' (not trained with, if there are such), 'agent' and 'random'.
      expert: What rewards are computed against, see `LearnedReward`.
      log_policy: Of the policy as it is now.
      key: For what is drawn.

    Returns:
      `reward_<name>`, mean rewards of each batch, and `auc_<name>`, how probably an expert's
      transition is worth more than another's.
    """
    together = transitions.Transitions(
        *(tf.concat(fields, 0) for fields in zip(*batches.values(), strict=True))
    )
    values = np.asarray(learned.reward(together, expert, log_policy, key))
    ends = np.cumsum([len(batch.reward) for batch in batches.values()])
    return compare(dict(zip(batches, np.split(values, ends[:-1]), strict=True)))


def compare(rewards: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Compares rewards.

    Args:
      rewards: Of 'expert', and of others, [N] each.

    Returns:
      See `measure`.
    """
    means = {f"reward_{name}": float(values.mean()) for name, values in rewards.items()}
    others = {name: values for name, values in rewards.items() if name != "expert"}
    return means | {f"auc_{name}": auc(rewards["expert"], v) for name, v in others.items()}


def random_actions(batch: transitions.Transitions, key: keys.Key) -> transitions.Transitions:
    """Returns transitions with other actions, uniform within ±1."""
    action = tf.random.stateless_uniform(batch.action.shape, key.seed, -1.0, 1.0)
    return batch._replace(action=action)
