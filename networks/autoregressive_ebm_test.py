"""Per-dimension energies against the networks they are made of."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import autoregressive_ebm, mlp_ebm

OBS_SPEC = {"alpha": tf.TensorSpec([2, 3]), "goal": tf.TensorSpec([2, 1])}


def _network(size=3):
    gin.parse_config("MLPEBM.width = 8\nMLPEBM.rate = 0.0")
    network = autoregressive_ebm.AutoregressiveEBM(OBS_SPEC, tf.TensorSpec([size]))
    network.create_variables()
    return network


def _inputs(size=3):
    generator = np.random.RandomState(0)
    observation = {
        key: tf.constant(generator.randn(4, *spec.shape), tf.float32)
        for key, spec in OBS_SPEC.items()
    }
    return observation, tf.constant(generator.randn(4, 5, size), tf.float32)


def test_every_energy_is_an_mlp_of_the_dimensions_up_to_its_own():
    network, (observation, actions) = _network(), _inputs()
    encoding = network.encode(observation)
    assert encoding.shape == (4, 3, 8)
    variables = iter(network.variables)
    for j in range(3):
        single = mlp_ebm.MLPEBM(OBS_SPEC, tf.TensorSpec([j + 1]))
        single.create_variables()
        for variable in single.variables:
            variable.assign(next(variables))
        expected = single.score(single.encode(observation), actions[..., : j + 1])
        for columns in (j + 1, 3):
            found = network.score_dimension(encoding, j, actions[..., :columns])
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert next(variables, None) is None
    np.testing.assert_allclose(network.score(encoding, actions), expected, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        network((observation, actions[:, 0]))[0], expected[:, 0], rtol=1e-5, atol=1e-6
    )


def test_actions_are_one_vector():
    with pytest.raises(ValueError, match="flat actions"):
        autoregressive_ebm.AutoregressiveEBM(OBS_SPEC, tf.TensorSpec([2, 2]))
