"""Blocks of a training step change nothing: losses, masks, power iterations."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import ibc_agent
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
    train = tf.function(agent.train)
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
@pytest.mark.parametrize("max_rows", [16, 100, 192])
def test_blocks_change_nothing(max_rows, options, monkeypatch):
    expected_infos, expected = _trained(10**6, monkeypatch, **options)
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
