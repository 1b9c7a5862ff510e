import types

import numpy as np
import pytest
from tf_agents.drivers import py_driver
from tf_agents.policies import random_py_policy

from ibc.environments import metrics, suite
from ibc.environments.block_pushing import block_pushing
from tests import environment_testing

_FIRST, _MID, _LAST = 0, 1, 2


def test_value_is_read_at_the_end_of_each_episode_only():
    env = types.SimpleNamespace(value=0.0)
    metric = metrics.EpisodeEndMetric(env, lambda e: e.value, "Name", buffer_size=10)
    for value, kind in ((9.0, _MID), (2.0, _LAST), (9.0, _FIRST), (9.0, _MID), (4.0, _LAST)):
        env.value = value
        metric(environment_testing.frame(kind))
    assert metric.result() == 3.0
    assert metric.name == "Name"


def test_only_the_latest_episodes_count():
    env = types.SimpleNamespace(value=0.0)
    metric = metrics.EpisodeEndMetric(env, lambda e: e.value, "Name", buffer_size=2)
    for env.value in (100.0, 1.0, 2.0):
        metric(environment_testing.frame(_LAST))
    assert metric.result() == 1.5
    metric.reset()
    assert metric.result() == 0.0


def test_rows_of_a_batch_have_their_own_environments():
    envs = [types.SimpleNamespace(succeeded=flag) for flag in (True, False, True)]
    metric = metrics.AverageSuccessMetric(envs)
    metric(environment_testing.frame([_MID, _LAST, _LAST]))
    assert metric.result() == 0.5
    metric(environment_testing.frame([_LAST, _MID, _MID]))
    assert metric.result() == pytest.approx(2 / 3)
    assert metric.name == "AverageSuccessMetric"


def test_batch_that_fits_no_environments_is_refused():
    metric = metrics.AverageSuccessMetric(types.SimpleNamespace(succeeded=True))
    with pytest.raises(ValueError, match=r"reads 1 environment\(s\), but was given frames of 2"):
        metric(environment_testing.frame([_LAST, _LAST]))


def test_metrics_read_the_end_of_every_episode(opened):
    inner = opened(block_pushing.BlockPush(goal_dist_tolerance=0.3))
    env = suite.SeededGymnasiumWrapper(inner)
    metrics, success = inner.get_metrics(10)
    distances, successes = [], []

    def note(frame) -> None:
        if frame.next_step_type == 2:
            distances.append(inner.goal_distance)
            successes.append(inner.succeeded)

    policy = random_py_policy.RandomPyPolicy(env.time_step_spec(), env.action_spec(), seed=0)
    driver = py_driver.PyDriver(env, policy, [note, *metrics], max_episodes=3, max_steps=60)
    env.seed(1)
    driver.run(env.reset(), policy.get_initial_state())
    assert successes
    assert metrics[0].name == "AverageFinalGoalDistance"
    assert metrics[0].result() == pytest.approx(np.mean(distances), rel=1e-6)
    assert success.result() == pytest.approx(np.mean(successes))
