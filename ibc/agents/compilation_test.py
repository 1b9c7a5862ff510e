"""When chains are compiled, and that this changes nothing but the time they take."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import agent_testing, base_agent_test, compilation, langevin
from ibc.networks.layers import precision


@pytest.mark.parametrize("mixed", [False, True])
def test_products_of_bfloat16_are_not_compiled(mixed):
    with precision.mixed(mixed):
        network = agent_testing.mlp_energy()
    assert compilation.pays_for_chains(network) != mixed


@pytest.mark.parametrize("dense_layer_type", ["regular", "spectral_norm"])
def test_losses_are_those_of_steps_that_are_not_compiled(dense_layer_type, monkeypatch):
    experience = agent_testing.batch(8)
    agents = []
    for pays in (True, False):
        monkeypatch.setattr(compilation, "pays_for_chains", lambda network, pays=pays: pays)
        network = agent_testing.mlp_energy(dense_layer_type=dense_layer_type)
        agents.append(base_agent_test._ebm_agent(network=network))
    for one, other in zip(*(agent.cloning_network.variables for agent in agents), strict=True):
        other.assign(one)
    steps = [tf.function(agent.train) for agent in agents]
    for _ in range(3):
        compiled, plain = (step(experience).loss for step in steps)
        np.testing.assert_allclose(compiled, plain, rtol=1e-5)


@pytest.mark.parametrize("seed", [[1, 2], [[1, 2], [3, 4]]])
def test_a_compiled_chain_draws_the_same_noise(seed):
    bounds = -tf.ones([3]), tf.ones([3])

    @tf.function(reduce_retracing=True)
    def chain(start, seed, jit_compile):
        return langevin.langevin_actions_given_obs(
            lambda actions: -tf.reduce_sum(tf.square(actions), axis=-1),
            start,
            *bounds,
            seed,
            num_iterations=5,
            jit_compile=jit_compile,
        )[0]

    start, seed = tf.zeros([2, 4, 3]), tf.constant(seed)
    plain = chain(start, seed, False)
    np.testing.assert_allclose(chain(start, seed, True), plain, atol=1e-6)
    assert np.std(plain) > 0.01
