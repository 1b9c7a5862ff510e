import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import ppo_agent
from ibc.networks import actor_critic

_SEED = tf.constant([0, 0])


def _agent(shared=False, learns_std=False, **options):
    network = actor_critic.ActorCritic(1, 1, [16], -1.0, learns_std, shared)
    given = {"minibatch_size": 32, "learning_rate": 3e-3} | options
    return ppo_agent.PpoAgent(network, 1, ppo_agent.PpoOptions(**given))


def _rollout(agent, number, reward=lambda seen, action: -tf.square(action - 0.5)):
    seen = tf.random.stateless_uniform([128, 1], [number, 1], -1, 1)
    action, log_prob, mean, value = agent.act(seen, tf.constant([number, 2]))
    gained = reward(seen, action)[:, 0]
    return ppo_agent.Rollout(seen, action, log_prob, mean, value, gained - value)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shared": True, "learns_std": True, "grad_norm": 0.5, "clip_value": True},
        {"shuffle": True, "bounds_coef": 1.0, "half_critic": False, "kl_threshold": 0.008},
    ],
)
def test_it_learns_the_best_action(options):
    agent = _agent(**options)
    for number in range(30):
        told = agent.update(_rollout(agent, number), _SEED)
    assert np.isfinite([float(value) for value in told.values()]).all()
    found = agent.greedy(tf.constant([[-0.5], [0.0], [0.5]]))
    np.testing.assert_allclose(found, 0.5, atol=0.2)


def test_the_learning_rate_follows_the_divergence():
    still, moving = _agent(kl_threshold=1e3), _agent(kl_threshold=1e-9, learning_rate=1e-3)
    for agent in (still, moving):
        agent.update(_rollout(agent, 0), _SEED)
    assert still.rate.numpy() > 3e-3 and moving.rate.numpy() < 1e-3
    constant = _agent()
    constant.update(_rollout(constant, 0), _SEED)
    assert constant.rate.numpy() == np.float32(3e-3)


def test_values_come_in_the_rewards_units():
    agent = _agent(learning_rate=1e-2)
    for number in range(60):
        agent.update(_rollout(agent, number, lambda seen, action: 1000 + 10 * seen), _SEED)
    assert np.abs(agent.value(tf.constant([[0.0]])) - 1000) < 100


def test_a_fixed_spread_stays_and_a_learned_one_does_not():
    for learns in (False, True):
        agent = _agent(learns_std=learns)
        for number in range(3):
            agent.update(_rollout(agent, number), _SEED)
        assert (agent.network.log_std.numpy()[0] != -1.0) == learns
