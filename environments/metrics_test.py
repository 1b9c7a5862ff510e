"""Tests of metrics that read the environment at the end of episodes."""

import types

import numpy as np
import pytest
from tf_agents.drivers import py_driver
from tf_agents.policies import random_py_policy
from tf_agents.trajectories import trajectory

from ibc.environments import metrics, suite
from ibc.environments.block_pushing import block_pushing

_FIRST, _MID, _LAST = 0, 1, 2


def _frame(next_step_type):
    """A frame as the driver emits it; arrays for batched ones."""
    next_step_type = np.asarray(next_step_type)
    zeros = np.zeros(next_step_type.shape, np.float32)
    return trajectory.Trajectory(
        step_type=np.full_like(next_step_type, _MID),
        observation=zeros,
        action=zeros,
        policy_info=(),
        next_step_type=next_step_type,
        reward=zeros,
        discount=zeros,
    )


def test_value_is_read_at_the_end_of_each_episode_only():
    env = types.SimpleNamespace(value=0.0)
    metric = metrics.EpisodeEndMetric(env, lambda e: e.value, "Name", buffer_size=10)
    for value, kind in ((9.0, _MID), (2.0, _LAST), (9.0, _FIRST), (9.0, _MID), (4.0, _LAST)):
        env.value = value
        metric(_frame(kind))
    assert metric.result() == 3.0
    assert metric.name == "Name"


def test_only_the_latest_episodes_count():
    env = types.SimpleNamespace(value=0.0)
    metric = metrics.EpisodeEndMetric(env, lambda e: e.value, "Name", buffer_size=2)
    for env.value in (100.0, 1.0, 2.0):
        metric(_frame(_LAST))
    assert metric.result() == 1.5
    metric.reset()
    assert metric.result() == 0.0


def test_rows_of_a_batch_have_their_own_environments():
    envs = [types.SimpleNamespace(succeeded=flag) for flag in (True, False, True)]
    metric = metrics.AverageSuccessMetric(envs)
    metric(_frame([_MID, _LAST, _LAST]))
    assert metric.result() == 0.5
    metric(_frame([_LAST, _MID, _MID]))
    assert metric.result() == pytest.approx(2 / 3)
    assert metric.name == "AverageSuccessMetric"


def test_batch_that_fits_no_environments_is_refused():
    metric = metrics.AverageSuccessMetric(types.SimpleNamespace(succeeded=True))
    with pytest.raises(ValueError, match=r"reads 1 environment\(s\), but was given frames of 2"):
        metric(_frame([_LAST, _LAST]))


def test_metrics_read_the_end_of_every_episode():
    inner = block_pushing.BlockPush(goal_dist_tolerance=0.3)
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
    inner.close()
