"""The mixture density agent and its policy against the network's own distributions."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import greedy_policy, mdn_agent
from tests import agent_testing


def _agent(network=None, learning_rate=1e-2, **options):
    network, optimizer = (
        network or agent_testing.mlp_mixture(),
        tf.keras.optimizers.Adam(learning_rate),
    )
    return agent_testing.agent(mdn_agent.MdnBehavioralCloningAgent, network, optimizer, **options)


def _negative_log_likelihood(mixture, action):
    """−log Σₖ πₖ ∏ N(a; μₖ, σₖ), averaged, in float64."""
    logits = mixture.mixture_distribution.logits.numpy().astype(np.float64)
    weights = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    mean = mixture.components_distribution.loc.numpy().astype(np.float64)
    scale = mixture.components_distribution.stddev().numpy().astype(np.float64)
    z = (action.numpy()[:, None] - mean) / scale
    densities = np.exp(-0.5 * z**2) / (np.sqrt(2 * np.pi) * scale)
    return -np.log((weights * densities.prod(-1)).sum(1)).mean()


@pytest.mark.parametrize("training", [True, False])
def test_loss_is_the_likelihood_of_normalized_actions(training):
    network = agent_testing.mlp_mixture(
        act_denorm_layer=agent_testing.denormalize, test_temperature=9.0, test_variance_exponent=3.0
    )
    agent = _agent(network)
    observation, action = agent_testing.batch()
    normalized, _ = agent.cloning_network(observation, training=True)
    expected = _negative_log_likelihood(normalized, action)
    info = agent.loss((observation, action), training=training)
    assert info.loss.numpy() == pytest.approx(expected, rel=1e-5)
    assert info.extra["mdn_total_loss"].numpy() == pytest.approx(expected, rel=1e-5)


def test_policy_normalizes_denormalizes_and_clips():
    gin.parse_config("MdnPolicy.greedy_samples = False")
    agent = _agent(
        agent_testing.mlp_mixture(act_denorm_layer=agent_testing.denormalize),
        obs_norm_layer=agent_testing.doubled,
    )
    means, logits = agent.cloning_network.variables[-5], agent.cloning_network.variables[-1]
    means.assign([0.3, 9.0, -0.7, -0.4, 0.5, 0.5])
    logits.assign([5.0, 0.0, 0.0])
    time_step = agent_testing.time_step()
    doubled = agent_testing.doubled(time_step.observation)
    mixture = agent.cloning_network.mixture(doubled)
    heaviest = mixture.components_distribution.loc.numpy()[:, 0]
    expected = np.clip(0.25 * heaviest + 0.5, 0, 1)
    assert expected[0, 1] == 1 and 0 < expected[0, 0] < 1
    greedy = greedy_policy.SeededGreedyPolicy(agent.policy)
    for seed in (None, 3, tf.constant([1, 2])):
        np.testing.assert_allclose(greedy.action(time_step, seed=seed).action, expected, rtol=1e-5)
        drawn = agent.policy.action(time_step, seed=seed).action.numpy()
        assert np.all((drawn >= 0) & (drawn <= 1))
    np.testing.assert_allclose(
        greedy.distribution(time_step).action.sample(),
        agent.policy.distribution(time_step).action.mode(),
        rtol=1e-5,
    )


def test_policy_draws_from_the_mixture_by_seed():
    agent = _agent(agent_testing.mlp_mixture(act_denorm_layer=agent_testing.denormalize))
    time_step = agent_testing.time_step(2000)
    same = tf.nest.map_structure(lambda x: tf.repeat(x[:1], 2000, axis=0), time_step)
    drawn = agent.policy.action(same, seed=tf.constant([1, 2])).action
    np.testing.assert_array_equal(drawn, agent.policy.action(same, seed=tf.constant([1, 2])).action)
    mixture, _ = agent.cloning_network(agent_testing.time_step(1).observation)
    # Clipping to [0, 1] cuts the tails of components half a unit wide.
    unclipped = mixture.sample(20000, seed=1).numpy()[:, 0]
    np.testing.assert_allclose(drawn.numpy().mean(0), np.clip(unclipped, 0, 1).mean(0), atol=0.03)


def test_greedy_policy_samples_by_seed_unless_told_otherwise():
    agent, time_step = _agent(), agent_testing.time_step()
    greedy = greedy_policy.SeededGreedyPolicy(agent.policy)
    first, again, other = (
        greedy.action(time_step, seed=tf.constant([1, n])).action.numpy() for n in (2, 2, 3)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("compiled", [False, True])
def test_training_raises_the_likelihood(compiled):
    tf.keras.utils.set_random_seed(0)  # Of first weights, some of which end at a spike.
    agent = _agent(learning_rate=3e-3, jit_compile=compiled)
    first, *_, last = agent_testing.losses(agent, agent_testing.batch(), 61)
    assert last < first - 1


def test_collapsed_components_have_a_floor_and_outliers_stay_finite():
    tf.keras.utils.set_random_seed(0)
    agent = _agent(learning_rate=0.1)
    observation, action = agent_testing.batch(64)
    variables = agent.cloning_network.variables
    for head in variables[-6:]:
        head.assign(tf.zeros_like(head))
    variables[-3].assign(tf.fill([6], -30.0))
    floor = 2 * (-7 + 0.5 * np.log(2 * np.pi))
    losses = agent_testing.losses(agent, (observation, tf.zeros_like(action)), 3)
    assert losses == pytest.approx([floor] * 3, rel=1e-5)
    losses = agent_testing.losses(agent, (observation, 100 * action), 50)
    assert losses[0] > 1e8 and np.all(np.isfinite(losses))
    assert losses[-1] < 1e-4 * losses[0]
