"""Averages of weights against recorded decays, NumPy, and several devices."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import ibc_agent
from ibc.train.loop import weight_average
from tests import agent_testing


def test_decays_are_the_recorded_ones(golden):
    recorded = np.load(golden("sequences/schedules.npz"))
    found = weight_average.decay(tf.constant(recorded["ema_steps"]), 2 / 3, 0.9999)
    np.testing.assert_allclose(found, recorded["ema_decay"], rtol=1e-4, atol=1e-6)


def test_decays_begin_at_nothing_and_end_at_the_most():
    found = weight_average.decay(tf.constant([0, 1, 2, 3, 10**9]), 2 / 3, 0.999).numpy()
    np.testing.assert_allclose(found[:4], [0, 0, 1 - 2 ** (-2 / 3), 1 - 3 ** (-2 / 3)], rtol=1e-5)
    assert found[4] == np.float32(0.999)


def _agent(seed):
    tf.keras.utils.set_random_seed(seed)
    return ibc_agent.ImplicitBCAgent(
        agent_testing.TIME_STEP_SPEC,
        agent_testing.space(),
        agent_testing.mlp_energy(dense_layer_type="spectral_norm"),
        tf.keras.optimizers.SGD(0.1),
        train_step_counter=agent_testing.step_counter(),
    )


def _move(network, step):
    for variable in network.variables:
        variable.assign(tf.fill(variable.shape, float(step**2)))


def test_trainable_weights_are_averaged_and_others_copied():
    trained, acting = _agent(0).cloning_network, _agent(1)
    average = weight_average.WeightAverage(trained, acting, 0.75, 0.7)
    averaged = acting.cloning_network
    assert averaged.non_trainable_variables
    for mine, yours in zip(averaged.variables, trained.variables, strict=True):
        np.testing.assert_array_equal(mine, yours)
    update = tf.function(average.update)
    expected = np.float64(0)
    for step in range(1, 9):
        _move(trained, step)
        update(tf.constant(step, tf.int64))
        kept = np.clip(1 - (1 + max(0, step - 2)) ** -0.75, 0, 0.7)
        expected = kept * expected + (1 - kept) * step**2
        for variable in averaged.trainable_variables:
            np.testing.assert_allclose(variable, np.full(variable.shape, expected), rtol=1e-5)
        for variable in averaged.non_trainable_variables:
            np.testing.assert_array_equal(variable, np.full(variable.shape, step**2))
    assert 1 < expected < 64


def test_networks_that_are_not_alike_are_refused():
    acting = _agent(0)
    with pytest.raises(ValueError, match="MLPEBM has other weights than MLPEBM"):
        weight_average.WeightAverage(agent_testing_of_another_width(), acting)


def agent_testing_of_another_width():
    network = agent_testing.mlp_energy(width=8)
    network.create_variables()
    return network
