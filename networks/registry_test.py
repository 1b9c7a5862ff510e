"""Networks by name, and a new one, which touches nothing but its own file."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import energy_network, explicit_network, mixture, registry
from ibc.networks.encoders import flat, image_window
from ibc.networks.layers import dense, stacks
from ibc.utils import keys
from tests import network_testing

_SPEC = {"rgb": tf.TensorSpec([2, 16, 20, 3]), "state": tf.TensorSpec([2, 5])}
_CHUNK = tf.TensorSpec([4 * 2])
"""Four actions in a row."""


class _HybridEncoder(tf.keras.layers.Layer):
    """Image and states together, the states noisy in training."""

    def __init__(self):
        super().__init__()
        self._image = image_window.WindowEncoder("Toy", _SPEC, "ConvMaxpoolEncoder", 16, 20)

    def call(self, observation, training=False):
        states = flat.FlatEncoder(_SPEC["state"])(observation["state"])
        if training:
            states += tf.random.stateless_normal(tf.shape(states), training.seed)
        return tf.concat([self._image(observation), states], axis=-1)


def _stack():
    return stacks.make_stack("Toy", "MLPDropout", 8, 2, 0.5)


def _energy():
    return energy_network.EncodedEnergyNetwork(
        _SPEC, _CHUNK, _HybridEncoder(), _stack(), dense.Dense(1), "Toy"
    )


def _regression():
    return explicit_network.RegressionNetwork(
        _SPEC, _CHUNK, _HybridEncoder(), _stack(), None, "Toy"
    )


def _mixture():
    layer = mixture.MixtureDensityLayer("Toy", 8, num_components=3)
    return explicit_network.MixtureNetwork(_SPEC, _HybridEncoder(), _stack(), layer, "Toy")


def _found(network, observation, training):
    if network.head == "energy":
        actions = tf.ones([3, 5, 8])
        return network.score(network.encode(observation, training), actions, training)
    if network.head == "regression":
        return network.regress(observation, training)
    return network.mixture(observation, training).mean()


@pytest.mark.parametrize(
    ("make", "shape"), [(_energy, (3, 5)), (_regression, (3, 8)), (_mixture, (3, 8))]
)
def test_every_head_takes_a_new_encoder_and_chunks_of_actions(make, shape):
    network = make()
    network.create_variables()
    assert network.trainable_variables[8].shape[0] in (256 + 10, 256 + 10 + 8)
    observation = network_testing.observation(_SPEC)
    quiet = _found(network, observation, False)
    assert quiet.shape == shape
    first, again, other = (
        _found(network, observation, keys.Key(tf.constant([seed, 0]))) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other) and not np.allclose(first, quiet)


def test_published_networks_and_their_heads():
    assert {name: found.head for name, found in registry.networks().items()} == {
        "AutoregressiveEBM": "autoregressive",
        "ConvMLPMDN": "mixture",
        "ConvMLPMSE": "regression",
        "EncodedMLPEBM": "energy",
        "HybridEBM": "energy",
        "HybridMDN": "mixture",
        "HybridMSE": "regression",
        "MLPEBM": "energy",
        "MLPMDN": "mixture",
        "MLPMSE": "regression",
        "PixelEBM": "energy",
    }


def test_a_class_registers_itself(monkeypatch):
    monkeypatch.setattr(registry, "_networks", dict(registry.networks()))

    @registry.register
    class Toy(explicit_network.RegressionNetwork):
        pass

    assert registry.get("train_eval.network", "Toy") is Toy


@pytest.mark.parametrize("name", ["MLPEMB", 3, None])
def test_unknown_names_are_listed_with_what_there_is(name):
    with pytest.raises(ValueError, match=rf"train_eval.network is {name!r}; choose .*, PixelEBM"):
        registry.get("train_eval.network", name)
    if name == "MLPEMB":
        with pytest.raises(ValueError, match="Did you mean 'MLPEBM'"):
            registry.get("train_eval.network", name)
