"""Metrics of the D4RL tasks, besides the average return: success, completed elements, scores."""

import gin
import gymnasium

from ibc.environments import metrics


@gin.configurable
class D4RLSuccess(metrics.AttributeMetric):
    """Share of episodes that were successes, each counted by itself.

    The hand has to achieve its goal on more than `adroit.SUCCESS_STEPS` steps; the kitchen and the
    mazes end their episodes when the goal is achieved.
    """

    attribute = "succeeded"


@gin.configurable
class NormalizedReturn(metrics.AttributeMetric):
    """Average return on D4RL's scale: 0 as random actions, 100 as its expert."""

    attribute = "normalized_return"


@gin.configurable
class KitchenScore(metrics.EpisodeEndMetric):
    """Average number of elements completed in an episode."""

    def __init__(
        self,
        env: gymnasium.Env,
        name: str = "KitchenScore",
        buffer_size: int = 10,
        batch_size: int | None = None,
    ):
        """Creates the metric; see `EpisodeEndMetric`."""
        super().__init__(env, lambda e: len(e.completed), name, buffer_size, batch_size)


def make_metrics(
    env: gymnasium.Env, num_episodes: int
) -> tuple[list[metrics.EpisodeEndMetric], metrics.EpisodeEndMetric]:
    """Returns all metrics over the last `num_episodes` episodes, and the most telling one.

    The return itself, which is reported first everywhere, is none of them: whoever runs episodes
    averages it.
    """
    metrics = [NormalizedReturn(env, buffer_size=num_episodes)]
    if env.has_goal:
        metrics.append(D4RLSuccess(env, buffer_size=num_episodes))
    elements = getattr(env, "elements", ())
    if elements:
        metrics.append(KitchenScore(env, buffer_size=num_episodes))
    for element in elements:
        metrics.append(_completion_metric(env, element, num_episodes))
    return metrics, metrics[1] if env.has_goal else metrics[0]


def _completion_metric(
    env: gymnasium.Env, element: str, num_episodes: int
) -> metrics.EpisodeEndMetric:
    """Returns the share of episodes in which a kitchen's element was completed."""
    name = f"Completed_{element.replace(' ', '_')}"
    return metrics.EpisodeEndMetric(env, lambda e: element in e.completed, name, num_episodes)
