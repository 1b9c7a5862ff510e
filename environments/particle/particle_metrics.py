"""Metrics of the particle task: distances to the goals and success."""

import gin
import gymnasium

from ibc.environments import metrics


@gin.configurable
class AverageFirstGoalDistance(metrics.EpisodeEndMetric):
    """Average of each episode's smallest distance to the first goal."""

    def __init__(
        self,
        env: gymnasium.Env,
        name: str = "AverageFirstGoalDistance",
        buffer_size: int = 10,
        batch_size: int | None = None,
    ):
        """Creates the metric; see `EpisodeEndMetric`."""
        super().__init__(env, lambda e: e.smallest_first_distance, name, buffer_size, batch_size)


@gin.configurable
class AverageSecondGoalDistance(metrics.EpisodeEndMetric):
    """Average of each episode's smallest distance to the second goal."""

    def __init__(
        self,
        env: gymnasium.Env,
        name: str = "AverageSecondGoalDistance",
        buffer_size: int = 10,
        batch_size: int | None = None,
    ):
        """Creates the metric; see `EpisodeEndMetric`."""
        super().__init__(env, lambda e: e.smallest_second_distance, name, buffer_size, batch_size)


@gin.configurable
class AverageFinalSecondGoalDistance(metrics.EpisodeEndMetric):
    """Average distance to the second goal at the end of the episode."""

    def __init__(
        self,
        env: gymnasium.Env,
        name: str = "AverageFinalSecondGoalDistance",
        buffer_size: int = 10,
        batch_size: int | None = None,
    ):
        """Creates the metric; see `EpisodeEndMetric`."""
        super().__init__(env, lambda e: e.final_second_distance, name, buffer_size, batch_size)


def make_metrics(
    env: gymnasium.Env, num_episodes: int
) -> tuple[list[metrics.EpisodeEndMetric], metrics.AverageSuccessMetric]:
    """Returns all metrics over the last `num_episodes` episodes, and the one for success."""
    success = metrics.AverageSuccessMetric(env, buffer_size=num_episodes)
    distances = [
        AverageFirstGoalDistance(env, buffer_size=num_episodes),
        AverageSecondGoalDistance(env, buffer_size=num_episodes),
        AverageFinalSecondGoalDistance(env, buffer_size=num_episodes),
    ]
    return [*distances, success], success
