import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import mlp_explicit, registry
from ibc.train.run import activations

_SIZE, _WINDOW, _ROWS = 3, 2, 5
_ACTION = tf.TensorSpec([2])


def make(name: str, bindings: str = "", **options):
    """Returns a small network and a batch of what it is applied to."""
    if bindings:
        gin.parse_config(bindings)
    network_class = registry.networks()[name]
    random = np.random.default_rng(0)
    if "Hybrid" in name:
        gin.parse_config(
            ["HybridEncoder.trunk = 'SmallTrunk'", "HybridEncoder.crop_shape = (14, 14)"]
        )
        spec = {"rgb": tf.TensorSpec([_WINDOW, 16, 16, 3], tf.uint8)}
        observation = {"rgb": random.integers(0, 256, [_ROWS, _WINDOW, 16, 16, 3], np.uint8)}
        options |= dict(width=16)
    elif "Pixel" in name or "Conv" in name:
        spec = {"rgb": tf.TensorSpec([_WINDOW, 16, 16, 3], tf.uint8)}
        observation = {"rgb": random.integers(0, 256, [_ROWS, _WINDOW, 16, 16, 3], np.uint8)}
        options |= dict(target_height=16, target_width=16)
    else:
        spec = {"position": tf.TensorSpec([_WINDOW, _SIZE])}
        observation = {"position": random.normal(size=[_ROWS, _WINDOW, _SIZE]).astype("float32")}
    network = network_class(spec, _ACTION, **options)
    network.create_variables()
    return network, (observation, random.normal(size=[_ROWS, 2]).astype("float32"))


def layers_with_weights(network) -> set[str]:
    return {v.name.rpartition("/")[0] for v in network.variables}


@pytest.mark.parametrize("name", registry.networks())
def test_every_layer_of_every_network_is_seen_and_left_as_it_was(name):
    network, share = make(name)
    attributes = [set(vars(module)) for module in network.submodules]
    found = activations.largest(network, [share])
    assert layers_with_weights(network) <= set(found)
    assert all(np.isfinite(size) and size >= 0 for size in found.values())
    assert [set(vars(module)) for module in network.submodules] == attributes


@pytest.mark.parametrize("name", registry.networks())
def test_the_layer_whose_weights_exploded_is_the_first_large_one(name):
    network, share = make(name)
    kernels = [v for v in network.trainable_variables if v.name.endswith("kernel:0")]
    for kernel in (kernels[0], kernels[len(kernels) // 2], kernels[-1]):
        value = kernel.numpy()
        kernel.assign(value * 1e30)
        found = activations.largest(network, [share])
        first = next(layer for layer, size in found.items() if size > 1e20)
        assert first == kernel.name.rpartition("/")[0]
        kernel.assign(value)


def test_sizes_are_those_of_the_products():
    network, (observation, action) = make("MLPEBM", width=4, depth=2)
    first, first_bias, second, second_bias, last, last_bias = (
        v.numpy().astype(np.float64) for v in network.trainable_variables
    )
    inputs = np.concatenate([observation["position"].reshape(_ROWS, -1), action], axis=1)
    hidden = inputs @ first + first_bias
    hidden_2 = np.maximum(hidden, 0) @ second + second_bias
    score = np.maximum(hidden_2, 0) @ last + last_bias
    halves = [
        ({"position": observation["position"][rows]}, action[rows])
        for rows in (slice(0, 2), slice(2, None))
    ]
    found = list(activations.largest(network, halves).values())
    expected = [np.abs(values).max() for values in (hidden, hidden_2, score)]
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_sum_of_a_residual_block_has_the_blocks_name():
    network, share = make("PixelEBM", "PixelEBM.encoder_network = 'SpatialAttentionEncoder'")
    found = activations.largest(network, [share])
    blocks = [layer for layer in found if layer.rpartition("/")[2].startswith("private__bottle")]
    assert len(blocks) == 8


def test_not_a_number_stays_one():
    network, (observation, action) = make("MLPMSE")
    observation["position"][1, 0, 0] = np.nan
    assert np.isnan(list(activations.largest(network, [(observation, action)]).values())).all()


def test_what_does_not_fit_memory_is_not_known(monkeypatch):
    network, share = make("MLPMSE")

    def regress(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(mlp_explicit.MLPMSE, "regress", regress)
    assert activations.largest(network, [share]) == {}
    assert all("call" not in vars(module) for module in network.submodules)
