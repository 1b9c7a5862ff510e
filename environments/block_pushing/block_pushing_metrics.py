"""Metrics of the block-pushing tasks: distance to the goal and success."""

import gin
import gymnasium

from ibc.environments import metrics

AverageSuccessMetric = metrics.AverageSuccessMetric


@gin.configurable
class AverageFinalGoalDistance(metrics.EpisodeEndMetric):
    """Average distance (m) to the goal at the end of the episode."""

    def __init__(
        self,
        env: gymnasium.Env,
        name: str = "AverageFinalGoalDistance",
        buffer_size: int = 10,
        batch_size: int | None = None,
    ):
        """Creates the metric; see `EpisodeEndMetric`."""
        super().__init__(env, lambda e: e.goal_distance, name, buffer_size, batch_size)


def make_metrics(
    env: gymnasium.Env, num_episodes: int
) -> tuple[list[metrics.EpisodeEndMetric], AverageSuccessMetric]:
    """Returns all metrics over the last `num_episodes` episodes, and the one for success."""
    success = AverageSuccessMetric(env, buffer_size=num_episodes)
    return [AverageFinalGoalDistance(env, buffer_size=num_episodes), success], success
