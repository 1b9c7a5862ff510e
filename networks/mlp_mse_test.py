"""The regression network against float64 recomputation."""

import numpy as np
import tensorflow as tf

from ibc.networks import mlp_mse

OBS_SPEC = {"zeta": tf.TensorSpec([2, 1]), "alpha": tf.TensorSpec([2, 3])}


def _observation(batch):
    generator = np.random.RandomState(0)
    shapes = {"zeta": [batch, 2, 1], "alpha": [batch, 2, 3]}
    return {key: generator.randn(*shape).astype(np.float32) for key, shape in shapes.items()}


def test_against_float64_and_denormalized_only_in_inference():
    network = mlp_mse.MLPMSE(
        OBS_SPEC,
        tf.TensorSpec([2]),
        width=8,
        depth=1,
        rate=0.0,
        act_denorm_layer=lambda action: action * 3 + 1,
    )
    spec = network.create_variables()
    assert spec.shape == (2,)
    observation = _observation(4)
    k0, b0, k1, b1 = [v.numpy().astype(np.float64) for v in network.variables]
    window = np.concatenate([observation["alpha"], observation["zeta"]], -1).reshape(4, 8)
    expected = np.maximum(window @ k0 + b0, 0) @ k1 + b1
    np.testing.assert_allclose(network(observation, training=True)[0], expected, rtol=1e-4)
    np.testing.assert_allclose(network.regress(observation), expected, rtol=1e-4)
    np.testing.assert_allclose(network(observation)[0], expected * 3 + 1, rtol=1e-4)


def test_actions_of_any_shape_are_predicted_flat():
    network = mlp_mse.MLPMSE(OBS_SPEC, tf.TensorSpec([2, 3]), width=8, layers="ResNetOrig")
    assert network.create_variables().shape == (6,)
