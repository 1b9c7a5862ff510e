"""Metrics of the maze: the goal, the way there, and how far it is from demonstrations."""

import gin
import gymnasium

from ibc.environments import metrics


@gin.configurable
class Goal(metrics.AttributeMetric):
    """Share of episodes that ended at the goal, whichever way."""

    attribute = "succeeded"


@gin.configurable
class Corridor(metrics.AttributeMetric):
    """Share of episodes that ended at the goal and visited both legs of the corridor."""

    attribute = "corridor"


@gin.configurable
class DtwToDemos(metrics.AttributeMetric):
    """Average dynamic time warping distance of the path from twenty demonstrations, pixels."""

    attribute = "dtw_to_demos"


def make_metrics(
    env: gymnasium.Env, num_episodes: int
) -> tuple[list[metrics.EpisodeEndMetric], metrics.EpisodeEndMetric]:
    """Returns all metrics over the last `num_episodes` episodes, and `Corridor`.

    `Goal` is there under the name of success, too, which what knows no task looks for.
    """
    kinds = (Goal, Corridor, DtwToDemos, metrics.AverageSuccessMetric)
    made = [metric(env, buffer_size=num_episodes) for metric in kinds]
    return made, made[1]
