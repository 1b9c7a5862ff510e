"""When chains are compiled, and that this changes nothing but the time they take."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import base_agent_test, ibc_policy, mcmc
from ibc.networks import mlp_ebm, pixel_ebm
from ibc.utils import gpu, precision
from tests import agent_testing

OBS_SPEC = tf.TensorSpec([2, 3])


def _network(kind: type = mlp_ebm.MLPEBM, mixed: bool = True, **options):
    spec = {"rgb": tf.TensorSpec([2, 24, 32, 3])} if kind is pixel_ebm.PixelEBM else OBS_SPEC
    with precision.mixed(mixed):
        network = kind(spec, tf.TensorSpec([2]), **options)
    network.create_variables()
    return network


@pytest.mark.parametrize(
    "options, expected",
    [
        (dict(width=128, depth=2), True),
        (dict(width=128, depth=2, dense_layer_type="spectral_norm", rate=0.1), True),
        (dict(width=512, depth=2), False),
        (dict(width=512, depth=2, mixed=False), True),
        (dict(kind=pixel_ebm.PixelEBM, target_height=24, target_width=32), False),
    ],
)
def test_wide_or_convolved_layers_in_bfloat16_are_not_compiled(options, expected):
    assert ibc_policy.pays_for_chains(_network(**options)) == expected


def test_layers_with_a_normalizer_in_bfloat16_are_not_compiled():
    with gin.unlock_config():
        gin.bind_parameter("ResNetLayer.normalizer", "Layer")
    network = _network(width=128, depth=2, layers="ResNetPreActivation")
    assert not ibc_policy.pays_for_chains(network)


def test_on_a_gpu_every_chain_is_compiled_in_its_own_precision(monkeypatch):
    monkeypatch.setattr(gpu, "device", lambda: "/gpu:0")
    network, seen = _network(width=512, depth=2), []
    assert ibc_policy.pays_for_chains(network)

    def score(actions):
        seen.append(precision.compute_dtype(precision_of_hidden))
        return network.score(tf.ones([3, 512]), actions)

    precision_of_hidden = tf.keras.mixed_precision.Policy("mixed_bfloat16")

    @tf.function
    def chain(start):
        bounds = -tf.ones([2]), tf.ones([2])
        options = dict(num_iterations=2, jit_compile=True)
        seed = tf.constant([1, 2])
        return mcmc.langevin_actions_given_obs(score, start, *bounds, seed, **options)[0]

    assert np.all(np.isfinite(chain(tf.zeros([3, 4, 2]))))
    assert set(seen) == {"bfloat16"}


def test_a_compiled_chain_of_a_mixed_network_is_that_of_float32():
    exact, mixed = (_network(width=64, depth=2, mixed=mixed) for mixed in (False, True))
    mixed.set_weights(exact.get_weights())
    results = []
    for network in (exact, mixed):

        @tf.function
        def chain(start, network=network):
            return mcmc.langevin_actions_given_obs(
                lambda actions: network.score(tf.ones([3, 64]), actions),
                start,
                *(-tf.ones([2]), tf.ones([2])),
                tf.constant([1, 2]),
                num_iterations=5,
                jit_compile=True,
            )[0]

        results.append(chain(tf.zeros([3, 4, 2])))
    np.testing.assert_array_equal(*results)


@pytest.mark.parametrize("dense_layer_type", ["regular", "spectral_norm"])
def test_losses_are_those_of_steps_that_are_not_compiled(dense_layer_type, monkeypatch):
    experience = agent_testing.batch(8)
    agents = []
    for pays in (True, False):
        monkeypatch.setattr(ibc_policy, "pays_for_chains", lambda network, pays=pays: pays)
        network = agent_testing.mlp_energy(dense_layer_type=dense_layer_type)
        agents.append(base_agent_test._ebm_agent(network=network))
    base_agent_test._copy_weights(*agents)
    steps = [tf.function(agent.train) for agent in agents]
    for _ in range(3):
        compiled, plain = (step(experience).loss for step in steps)
        np.testing.assert_allclose(compiled, plain, rtol=1e-5)


@pytest.mark.parametrize("seed", [[1, 2], [[1, 2], [3, 4]]])
def test_a_compiled_chain_draws_the_same_noise(seed):
    bounds = -tf.ones([3]), tf.ones([3])

    @tf.function(reduce_retracing=True)
    def chain(start, seed, jit_compile):
        return mcmc.langevin_actions_given_obs(
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
