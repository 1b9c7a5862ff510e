"""The task's own reward: what SAC learns from where nothing is imitated."""

from ibc.rewards import learned_reward


class TrueReward(learned_reward.LearnedReward):
    """r as the environment gave it."""

    reads = frozenset({"reward"})

    def reward(self, batch, expert, log_policy, key):
        """Returns the recorded rewards [B], see `LearnedReward`."""
        del expert, log_policy, key
        return batch.reward
