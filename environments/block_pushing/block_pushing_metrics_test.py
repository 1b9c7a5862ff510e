"""Tests of the metrics of block pushing."""

import numpy as np
import pytest
from tf_agents.drivers import py_driver
from tf_agents.policies import random_py_policy

from ibc.environments import bridge
from ibc.environments.block_pushing import block_pushing


def test_metrics_read_the_end_of_every_episode():
    inner = block_pushing.BlockPush(goal_dist_tolerance=0.3)
    env = bridge.SeededGymnasiumWrapper(inner)
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
