"""Metrics of the particle task: distances to the goals and success."""

import gin
import gymnasium

from ibc.environments import metrics


@gin.configurable
class AverageFirstGoalDistance(metrics.AttributeMetric):
    """Average of each episode's smallest distance to the first goal."""

    attribute = "smallest_first_distance"


@gin.configurable
class AverageSecondGoalDistance(metrics.AttributeMetric):
    """Average of each episode's smallest distance to the second goal."""

    attribute = "smallest_second_distance"


@gin.configurable
class AverageFinalSecondGoalDistance(metrics.AttributeMetric):
    """Average distance to the second goal at the end of the episode."""

    attribute = "final_second_distance"


def make_metrics(
    env: gymnasium.Env, num_episodes: int
) -> tuple[list[metrics.EpisodeEndMetric], metrics.AverageSuccessMetric]:
    """Returns all metrics over the last `num_episodes` episodes, and the one for success."""
    success = metrics.AverageSuccessMetric(env, buffer_size=num_episodes)
    distances = (
        AverageFirstGoalDistance,
        AverageSecondGoalDistance,
        AverageFinalSecondGoalDistance,
    )
    return [*(metric(env, buffer_size=num_episodes) for metric in distances), success], success
