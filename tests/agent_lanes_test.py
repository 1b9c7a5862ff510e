"""Whatever the number of lanes, agents train alike and policies act alike."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import autoregressive_agent, greedy_policy, ibc_agent, mdn_agent, mse_agent
from ibc.networks import mlp_ebm
from ibc.utils import precision
from ibc.utils.parallel import blocks, lanes
from tests import agent_testing


def _agent(kind, network, **options):
    return kind(
        agent_testing.TIME_STEP_SPEC,
        agent_testing.space(),
        network,
        tf.keras.optimizers.SGD(0.1),
        train_step_counter=agent_testing.step_counter(),
        seed=3,
        **options,
    )


def _mse():
    return _agent(mse_agent.MseBehavioralCloningAgent, agent_testing.mlp_regression(rate=0.3))


def _mdn():
    return _agent(mdn_agent.MdnBehavioralCloningAgent, agent_testing.mlp_mixture(rate=0.3))


def _implicit(network=(), **options):
    options = dict(num_counter_examples=8, fraction_langevin_samples=0.0) | options
    return _agent(ibc_agent.ImplicitBCAgent, agent_testing.mlp_energy(**dict(network)), **options)


def _autoregressive():
    gin.parse_config("MLPEBM.width = 16\nMLPEBM.rate = 0.0\nIbcPolicy.num_action_samples = 64")
    network = mlp_ebm.AutoregressiveEBM(agent_testing.OBS_SPEC, tf.TensorSpec([2]))
    return _agent(autoregressive_agent.AutoregressiveBCAgent, network, num_counter_examples=8)


_LANGEVIN = dict(fraction_langevin_samples=1.0, add_grad_penalty=True)
_AGENTS = {
    "mse": _mse,
    "mdn": _mdn,
    "uniform": lambda: _implicit(add_grad_penalty=False),
    "dropout": lambda: _implicit(dict(rate=0.3), add_grad_penalty=False),
    "dfo": lambda: _implicit(fraction_dfo_samples=0.5),
    "langevin": lambda: _implicit(**_LANGEVIN),
    "spectral norm": lambda: _implicit(dict(dense_layer_type="spectral_norm"), **_LANGEVIN),
    "cd_kl": lambda: _implicit(**_LANGEVIN, ebm_loss_type="cd_kl"),
    "autoregressive": _autoregressive,
}


def _trained(name, number):
    """Losses and scalars of three steps, then a validation loss, then all variables."""
    gin.clear_config()
    gin.parse_config("langevin_actions_given_obs.num_iterations = 5")
    tf.keras.utils.set_random_seed(0)
    agent = _AGENTS[name]()
    train, found = tf.function(agent.train, autograph=False), []
    with lanes.limited_to(number):
        weights = tf.linspace(0.5, 1.5, 24)
        for seed in range(3):
            info = train(agent_testing.batch(24, seed), weights=weights)
            found += [info.loss, *(info.extra[key] for key in sorted(info.extra))]
        info = agent.loss(agent_testing.batch(24, 7), training=False)
        found += [info.loss, *(info.extra[key] for key in sorted(info.extra))]
    return [value.numpy() for value in (*found, *agent.cloning_network.variables)]


@pytest.mark.parametrize("name", _AGENTS)
def test_training(name, monkeypatch):
    expected = _trained(name, 1)
    monkeypatch.setattr(blocks, "MIN_ROWS", 2)
    # Two blocks in each lane.
    monkeypatch.setattr(blocks, "MAX_ROWS", 4 if name in ("mse", "mdn") else 36)
    found = _trained(name, 3)
    for value, expected_value in zip(found, expected, strict=True):
        np.testing.assert_allclose(value, expected_value, rtol=2e-4, atol=2e-6)


_POLICIES = {
    "dfo": "IbcPolicy.use_dfo = True\nIbcPolicy.use_langevin = False",
    "langevin": "IbcPolicy.use_dfo = False\nIbcPolicy.use_langevin = True",
    "dfo, langevin twice": "IbcPolicy.use_dfo = True\nIbcPolicy.optimize_again = True",
}


@pytest.mark.parametrize("seed", [[1, 2], [[1, 2], [3, 4], [5, 6]]])
@pytest.mark.parametrize("name", [*_POLICIES, "autoregressive"])
@pytest.mark.parametrize("mixed", [False, True])
def test_acting(name, seed, mixed, monkeypatch):
    monkeypatch.setattr(blocks, "MIN_ROWS", 2)
    monkeypatch.setattr(blocks, "MIN_SCORED_ROWS", 2)
    gin.parse_config(["IbcPolicy.num_action_samples = 62", *_POLICIES.get(name, "").split("\n")])
    with precision.mixed(mixed):
        agent = _autoregressive() if name == "autoregressive" else _implicit()
    policy = greedy_policy.SeededGreedyPolicy(agent.policy)

    def action():
        return policy.action(agent_testing.time_step(), seed=tf.constant(seed)).action

    def act(number):
        with lanes.limited_to(number):
            return tf.function(action, autograph=False)().numpy()

    # Of nearly equal samples, rounding may choose another.
    np.testing.assert_allclose(act(3), act(1), atol=0.02 if mixed else 1e-4)
