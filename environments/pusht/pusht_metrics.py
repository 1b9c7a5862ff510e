"""Metrics of Push-T: the published score, the reward at the end, what is solved, standing still."""

import gin
import gymnasium

from ibc.environments import metrics


@gin.configurable
class AverageMaxReward(metrics.AttributeMetric):
    """Average of each episode's largest reward: the published score."""

    attribute = "max_reward"


@gin.configurable
class AverageFinalReward(metrics.AttributeMetric):
    """Average reward of each episode's last step."""

    attribute = "final_reward"


@gin.configurable
class AverageStandingStill(metrics.AttributeMetric):
    """Average share of each episode's steps in which the disc moved less than a pixel."""

    attribute = "standing_still"


def make_metrics(
    env: gymnasium.Env, num_episodes: int
) -> tuple[list[metrics.EpisodeEndMetric], metrics.EpisodeEndMetric]:
    """Returns all metrics over the last `num_episodes` episodes, and the score.

    An episode is a success if the block covered more than 95 % of the goal.
    """
    kinds = (
        AverageMaxReward,
        AverageFinalReward,
        metrics.AverageSuccessMetric,
        AverageStandingStill,
    )
    made = [metric(env, buffer_size=num_episodes) for metric in kinds]
    return made, made[0]
