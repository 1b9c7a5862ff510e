"""The regression agent and its policy against float64 recomputation."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import greedy_policy, mse_agent
from tests import agent_testing


def _agent(network, **options):
    optimizer = tf.keras.optimizers.Adam(1e-2)
    return agent_testing.agent(mse_agent.MseBehavioralCloningAgent, network, optimizer, **options)


@pytest.mark.parametrize("training", [True, False])
def test_loss_compares_normalized_actions(training):
    agent = _agent(agent_testing.mlp_regression(act_denorm_layer=agent_testing.denormalize))
    observation, action = agent_testing.batch()
    normalized, _ = agent.cloning_network(observation, training=True)
    expected = ((normalized.numpy().astype(np.float64) - action.numpy()) ** 2).mean()
    info = agent.loss((observation, action), training=training)
    assert info.loss.numpy() == pytest.approx(expected, rel=1e-5)
    assert info.extra["mse_total_loss"].numpy() == pytest.approx(expected, rel=1e-5)


def test_policy_normalizes_denormalizes_and_clips():
    agent = _agent(
        agent_testing.mlp_regression(act_denorm_layer=agent_testing.denormalize),
        obs_norm_layer=agent_testing.doubled,
    )
    agent.cloning_network.variables[-1].assign([0.3, 9.0])
    time_step = agent_testing.time_step()
    doubled = agent_testing.doubled(time_step.observation)
    expected = np.clip(0.25 * agent.cloning_network.regress(doubled) + 0.5, 0, 1)
    assert expected[0, 1] == 1 and 0 < expected[0, 0] < 1
    for policy in (agent.policy, greedy_policy.SeededGreedyPolicy(agent.policy)):
        for seed in (None, 3, tf.constant([1, 2])):
            action = policy.action(time_step, seed=seed).action
            np.testing.assert_allclose(action, expected, rtol=1e-5)


def test_training_lowers_the_loss():
    agent, experience = _agent(agent_testing.mlp_regression()), agent_testing.batch()
    first, *_, last = agent_testing.losses(agent, experience, 61)
    assert last < 0.2 * first
