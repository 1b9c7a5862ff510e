"""The autoregressive agent and policy against float64 recomputation, and on a known answer."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import autoregressive_agent, greedy_policy
from ibc.networks import mlp_ebm
from tests import agent_testing


def _agent(**options):
    gin.parse_config("""
        MLPEBM.width = 16
        MLPEBM.rate = 0.0
        IbcPolicy.num_action_samples = 256
        autoregressive_dfo.num_iterations = 3
    """)
    network = mlp_ebm.AutoregressiveEBM(agent_testing.OBS_SPEC, tf.TensorSpec([2]))
    return agent_testing.agent(
        autoregressive_agent.AutoregressiveBCAgent,
        network,
        tf.keras.optimizers.Adam(1e-2),
        **{"num_counter_examples": 16, **options},
    )


def test_loss_is_info_nce_of_every_dimension_at_every_iteration(monkeypatch):
    agent, (observation, action) = _agent(softmax_temperature=0.5), agent_testing.batch()
    network, scored = agent.cloning_network, []
    score = network.score_dimension

    def recorded(encoding, dimension, actions, training=False, dropout_key=None):
        predictions = score(encoding, dimension, actions, training)
        scored.append((dimension, training, actions.numpy(), predictions.numpy()))
        return predictions

    monkeypatch.setattr(network, "score_dimension", recorded)
    info = agent.loss((observation, action), training=True)
    sampling = [(j, actions) for j, training, actions, _ in scored if not training]
    assert [j for j, _ in sampling] == [0, 1, 0, 1, 1]
    losses = []
    for j, training, actions, predictions in scored:
        if not training:
            continue
        assert actions.shape == (8, 3 * 16 + 1, j + 1)
        np.testing.assert_array_equal(actions[:, -1], action[:, : j + 1])
        # The samples are those that the sampler scored on its way.
        for iteration, seen in enumerate([a for k, a in sampling if k == j]):
            part = actions[:, 16 * iteration : 16 * (iteration + 1)]
            np.testing.assert_array_equal(part, seen[..., : j + 1])
        logits = predictions.astype(np.float64) / 0.5
        for iteration in range(3):
            others = logits[:, 16 * iteration : 16 * (iteration + 1)]
            total = np.exp(others).sum(1) + np.exp(logits[:, -1])
            losses.append(np.log(total) - logits[:, -1])
    assert len(losses) == 6
    assert info.loss.numpy() == pytest.approx(np.mean(losses), rel=1e-5)
    assert info.extra["ebm_total_loss"].numpy() == pytest.approx(np.mean(losses), rel=1e-5)
    of_true = [-predictions[:, -1].mean() for _, training, _, predictions in scored if training]
    assert info.extra["energy_true_action"].numpy() == pytest.approx(np.mean(of_true), rel=1e-5)


def test_every_energy_learns():
    agent, experience = _agent(), agent_testing.batch()
    before = [variable.numpy() for variable in agent.cloning_network.trainable_variables]
    agent.train(experience)
    # A score's offset cancels in the softmax, so the last bias of each energy stays.
    moved = [
        not np.array_equal(old, new.numpy())
        for old, new in zip(before, agent.cloning_network.trainable_variables, strict=True)
    ]
    assert sum(moved) >= len(moved) - 2


def test_learns_the_second_dimension_given_the_first():
    agent = _agent(num_counter_examples=32)
    generator = np.random.RandomState(0)
    observation, _ = agent_testing.batch(256)
    # Two equally good first dimensions; the second one is the opposite of the first.
    first = 0.5 * generator.choice([-1.0, 1.0], 256)
    action = tf.constant(np.stack([first, 0.5 - first], axis=1), tf.float32)
    losses = agent_testing.losses(agent, (observation, action), 150)
    assert losses[-1] < 0.6 * losses[0]
    time_step = agent_testing.time_step(64)
    greedy = greedy_policy.SeededGreedyPolicy(agent.policy)
    distribution = agent.policy.seeded_distribution(time_step, tf.constant([1, 2])).action
    found = distribution.mode().numpy()
    assert np.mean(np.abs(found[:, 1] - (0.5 - found[:, 0])) < 0.3) > 0.9
    np.testing.assert_array_equal(
        greedy.action(time_step, seed=tf.constant([1, 2])).action, np.clip(found, 0, 1)
    )


def test_warm_starts_keep_the_action_before():
    gin.parse_config("autoregressive_dfo.iteration_std = 1e-3")
    time_step = agent_testing.time_step(4)
    seed, state = tf.constant([1, 2]), tf.random.stateless_uniform([4, 2], [3, 4])
    tf.keras.utils.set_random_seed(0)
    cold = greedy_policy.SeededGreedyPolicy(_agent().policy).action(time_step, seed=seed)
    gin.parse_config("IbcPolicy.warm_start_fraction = 1.0")
    gin.parse_config("IbcPolicy.warm_start_std = 1e-3")
    tf.keras.utils.set_random_seed(0)
    policy = greedy_policy.SeededGreedyPolicy(_agent().policy)
    np.testing.assert_array_equal(policy.action(time_step, state, seed).action, cold.action)
    later = time_step._replace(step_type=tf.ones([4], tf.int32))
    step = policy.action(later, state, seed)
    np.testing.assert_allclose(step.action, state, atol=0.02)
    np.testing.assert_allclose(step.state, state, atol=0.02)


def test_bad_options_are_named():
    with pytest.raises(
        ValueError, match="num_counter_examples must be a whole number of at least 1"
    ):
        _agent(num_counter_examples=0)
