"""Blocks of a training step change nothing; in float16 the loss is scaled."""

import gc
import weakref

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import ibc_agent, mse_agent
from ibc.train.build import optimizer
from ibc.utils import precision
from ibc.utils.parallel import blocks
from tests import agent_testing


def _agent(network=(), **options):
    tf.keras.utils.set_random_seed(0)
    return agent_testing.agent(
        ibc_agent.ImplicitBCAgent,
        agent_testing.mlp_energy(**dict(network)),
        num_counter_examples=15,
        fraction_langevin_samples=0.0,
        seed=3,
        **options,
    )


def _trained(max_rows, monkeypatch, **options):
    """Losses, scalars and all variables of the network after three steps."""
    monkeypatch.setattr(blocks, "MAX_ROWS", max_rows)
    agent = _agent(**options)
    train = tf.function(agent.train, autograph=False)
    weights = tf.linspace(0.5, 1.5, 24)
    infos = [train(agent_testing.batch(24, seed=i), weights=weights) for i in range(3)]
    return infos, agent_testing.weights(agent)


@pytest.mark.parametrize(
    "options",
    [
        dict(add_grad_penalty=False),
        dict(add_grad_penalty=True, compute_mse=True),
        dict(add_grad_penalty=False, ebm_loss_type="clipped_cd"),
        dict(add_grad_penalty=False, jit_compile=True),
    ],
)
def test_blocks_change_nothing(options, monkeypatch):
    expected_infos, expected = _trained(10**6, monkeypatch, **options)
    for max_rows in (16, 100, 192):
        infos, found = _trained(max_rows, monkeypatch, **options)
        for info, expected_info in zip(infos, expected_infos, strict=True):
            np.testing.assert_allclose(info.loss, expected_info.loss, rtol=1e-5)
            assert set(info.extra) == set(expected_info.extra)
            for name, value in info.extra.items():
                np.testing.assert_allclose(value, expected_info.extra[name], rtol=1e-5)
        agent_testing.assert_close(found, expected, 1e-7, 1e-6)


@pytest.mark.parametrize("network", [dict(rate=0.5), dict(dense_layer_type="spectral_norm")])
def test_blocks_change_no_mask_and_no_power_iteration(network, monkeypatch):
    options = dict(network=network, add_grad_penalty=False)
    _, expected = _trained(10**6, monkeypatch, **options)
    _, found = _trained(16, monkeypatch, **options)
    agent_testing.assert_close(found, expected, 1e-7, 1e-6)


def test_batch_normalization_sees_the_whole_batch(monkeypatch):
    gin.bind_parameter("ResNetLayer.normalizer", "Batch")
    _, expected = _trained(10**6, monkeypatch, add_grad_penalty=False)
    _, found = _trained(16, monkeypatch, add_grad_penalty=False)
    agent_testing.assert_close(found, expected)


def test_masks_follow_from_the_seed(monkeypatch):
    options = dict(network=dict(rate=0.5), add_grad_penalty=False)
    _, first = _trained(16, monkeypatch, **options)
    _, again = _trained(16, monkeypatch, **options)
    agent_testing.assert_close(again, first)


def half_precision_agent(optimizer, half="float16"):
    """Returns an agent whose hidden layers compute in a type of half the size, if `half`."""
    with precision.mixed(half):
        return _agent(add_grad_penalty=False, optimizer=optimizer)


def _scaling(initial_scale):
    adam = tf.keras.optimizers.legacy.Adam(1e-3)
    return tf.keras.mixed_precision.LossScaleOptimizer(adam, initial_scale=initial_scale)


def _step(agent, weight):
    """Trains a step with weighted examples."""
    train = tf.function(agent.train, autograph=False)
    return train(agent_testing.batch(24), weights=tf.fill([24], weight))


def _gradients_norm(agent):
    """Of a loss so small that float16 has few digits left."""
    return _step(agent, 1e-7).extra["gradients_norm"].numpy()


def test_small_gradients_survive_float16_because_the_loss_is_scaled():
    exact = _gradients_norm(half_precision_agent(optimizer.get_optimizer("adam", 1e-3), False))
    for name in optimizer.OPTIMIZERS:
        made = optimizer.get_optimizer(name, 1e-3, loss_scaling=True)
        np.testing.assert_allclose(_gradients_norm(half_precision_agent(made)), exact, rtol=0.02)
    lost = _gradients_norm(half_precision_agent(optimizer.get_optimizer("adam", 1e-3)))
    assert abs(lost / exact - 1) > 0.1


def test_a_step_whose_gradient_overflows_is_left_out():
    made = _scaling(2.0**60)
    agent = half_precision_agent(made)
    before = agent_testing.weights(agent)
    assert np.isfinite(_step(agent, 1.0).loss)
    assert made.loss_scale == 2.0**59 and agent.train_step_counter == 1
    agent_testing.assert_close(agent_testing.weights(agent), before)
    train = tf.function(agent.train, autograph=False)
    for _ in range(60):
        train(agent_testing.batch(24))
    assert 1 < made.loss_scale < 2.0**40
    after = agent_testing.weights(agent)
    assert any(np.any(one != other) for one, other in zip(after, before, strict=True))


def test_a_gradient_that_overflows_unscaled_is_an_error():
    with pytest.raises(tf.errors.InvalidArgumentError, match="not finite at training step"):
        _step(half_precision_agent(_scaling(1.0)), 1e20)


def test_the_graph_of_a_step_goes_with_its_agent():
    def traced():
        network = agent_testing.mlp_regression(rate=0.0)
        agent = agent_testing.agent(mse_agent.MseBehavioralCloningAgent, network)
        train = tf.function(agent.train, autograph=False)
        return weakref.ref(train.get_concrete_function(agent_testing.batch(8)).graph)

    graph = traced()
    gc.collect()
    assert graph() is None
