import types

import pytest

from ibc.environments.d4rl import d4rl_metrics
from ibc.environments.d4rl import task as d4rl_tasks
from tests import environment_testing


def _environment(has_goal=True, elements=()):
    family = d4rl_tasks.KITCHEN
    env = types.SimpleNamespace(has_goal=has_goal, elements=elements, completed=())
    env.finish = lambda **values: vars(env).update(values)
    env.normalized_return = family.normalized_return(0.0)
    env.succeeded = False
    return env


def _play(env, metrics, **outcome):
    """Ends an episode with an outcome; what holds in its midst must not count."""
    for metric in metrics:
        metric(environment_testing.frame([1]))
    env.finish(**outcome)
    for metric in metrics:
        metric(environment_testing.frame([2]))


def _results(metrics):
    return {metric.name: pytest.approx(float(metric.result())) for metric in metrics}


def test_kitchen_reports_score_and_elements_by_name():
    env = _environment(elements=("microwave", "light switch"))
    metrics, telling = d4rl_metrics.make_metrics(env, 2)
    _play(env, metrics, completed=("microwave",), normalized_return=25.0, succeeded=False)
    both = ("light switch", "microwave")
    _play(env, metrics, completed=both, normalized_return=50.0, succeeded=True)
    assert _results(metrics) == {
        "NormalizedReturn": 37.5,
        "D4RLSuccess": 0.5,
        "KitchenScore": 1.5,
        "Completed_microwave": 1.0,
        "Completed_light_switch": 0.5,
    }
    assert telling.name == "D4RLSuccess"


def test_without_a_goal_the_normalized_return_tells():
    env = _environment(has_goal=False)
    metrics, telling = d4rl_metrics.make_metrics(env, 1)
    _play(env, metrics, normalized_return=80.0)
    assert _results(metrics) == {"NormalizedReturn": 80.0}
    assert telling is metrics[0]


def test_success_is_that_of_each_episode():
    env = _environment()
    metrics, success = d4rl_metrics.make_metrics(env, 4)
    for succeeded in (True, False, False, False):
        _play(env, metrics, succeeded=succeeded)
    assert float(success.result()) == 0.25
