"""Energy networks over states against recordings and float64 recomputation."""

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import mlp_ebm
from ibc.networks.layers import dense
from ibc.utils import keys
from tests import network_testing

STATE_SPEC = network_testing.STATE_SPEC

ACTION_SPEC = tf.TensorSpec([2])
IMAGE = tf.TensorSpec([2, 8, 8, 3])


def _network(**options):
    network = mlp_ebm.MLPEBM(STATE_SPEC, ACTION_SPEC, **{"width": 8, "depth": 4, **options})
    network.create_variables()
    return network


def test_matches_recording(golden):
    recorded = np.load(golden("num/net_MLPEBM_ResNetPreActivation.npz"))
    network = _network(layers="ResNetPreActivation")
    network_testing.assign_recorded(network, recorded)
    observation = {key: tf.constant(recorded[key]) for key in ("zeta", "alpha")}
    energy, state = network((observation, tf.constant(recorded["act"])))
    assert state == ()
    np.testing.assert_allclose(energy, recorded["energy"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dense_layer_type", ["regular", "spectral_norm"])
@pytest.mark.parametrize("layers", ["MLPDropout", "ResNetOrig", "ResNetPreActivation"])
def test_score_equals_call_on_tiled_observations(layers, dense_layer_type):
    network = _network(layers=layers, dense_layer_type=dense_layer_type)
    observation = network_testing.observation(STATE_SPEC, 3)
    actions = np.random.RandomState(1).randn(3, 7, 2).astype(np.float32)
    scores = network.score(network.encode(observation), tf.constant(actions))
    tiled = {key: np.repeat(value, 7, axis=0) for key, value in observation.items()}
    energies, _ = network((tiled, actions.reshape(21, 2)))
    assert scores.shape == (3, 7)
    np.testing.assert_allclose(scores, energies.numpy().reshape(3, 7), rtol=1e-4, atol=1e-6)


def test_against_float64():
    network = _network(layers="MLPDropout", activation="swish", depth=1)
    observation = network_testing.observation(STATE_SPEC, 4)
    action = np.random.RandomState(1).randn(4, 2)
    k0, b0, k1, b1 = [v.numpy().astype(np.float64) for v in network.variables]
    window = network_testing.window(observation)
    hidden = np.concatenate([window, action], -1) @ k0 + b0
    expected = (hidden / (1 + np.exp(-hidden)) @ k1 + b1)[:, 0]
    energy, _ = network((observation, action.astype(np.float32)))
    np.testing.assert_allclose(energy, expected, rtol=1e-4, atol=1e-6)


def test_score_of_an_action_does_not_depend_on_the_others():
    network, observation = _network(), network_testing.observation(STATE_SPEC, 3)
    actions = tf.constant(np.random.RandomState(1).randn(3, 6, 2), tf.float32)
    encoding = network.encode(observation)
    whole = network.score(encoding, actions)
    np.testing.assert_allclose(
        network.score(encoding, actions[:, ::-1]), whole[:, ::-1], rtol=1e-5, atol=1e-7
    )
    one = network.score(encoding[1:2], actions[1:2, 4:5])
    np.testing.assert_allclose(one[0, 0], whole[1, 4], rtol=1e-5, atol=1e-7)


def test_spectral_norm_advances_once_per_training_step():
    network = _network(layers="ResNetPreActivation", dense_layer_type="spectral_norm", rate=0.0)
    vectors = network.non_trainable_variables
    # Six layers: the published network has as many variables.
    assert (len(network.variables), len(vectors)) == (18, 6)
    start = [v.numpy() for v in vectors]
    observation, actions = network_testing.observation(STATE_SPEC, 3), tf.ones([3, 2, 2])
    encoding = network.encode(observation, training=True)
    inference = network.score(encoding, actions, training=False)
    for old, new in zip(start, vectors, strict=True):
        np.testing.assert_array_equal(old, new)
    training = network.score(encoding, actions, training=True)
    np.testing.assert_allclose(inference, training, rtol=1e-6)
    for old, new in zip(start, vectors, strict=True):
        np.testing.assert_array_equal(old, new)
    dense.store_power_iterations(network)
    kernel = network.trainable_variables[0].numpy().astype(np.float64)
    right = start[0] @ kernel.T
    left = right @ kernel
    np.testing.assert_allclose(vectors[0], left / np.linalg.norm(left), rtol=1e-4, atol=1e-6)


def test_spectral_norm_of_every_layer_against_float64():
    network = _network(layers="ResNetPreActivation", dense_layer_type="spectral_norm")
    generator = np.random.RandomState(2)
    for variable in network.variables:
        variable.assign(generator.randn(*variable.shape))
    values = [v.numpy().astype(np.float64) for v in network.trainable_variables]
    kernels = []
    for kernel, vector in zip(values[0::2], network.non_trainable_variables, strict=True):
        right = vector.numpy() @ kernel.T
        left = right @ kernel
        sigma = right @ kernel @ left.T / (np.linalg.norm(right) * np.linalg.norm(left))
        kernels.append(kernel / sigma)

    def layer(x, k):
        return x @ kernels[k] + values[2 * k + 1]

    observation, action = network_testing.observation(STATE_SPEC, 4), generator.randn(4, 2)
    window = network_testing.window(observation)
    hidden = layer(np.concatenate([window, action], -1), 0)
    for first, second in ((1, 3), (2, 4)):
        inner = layer(np.maximum(hidden, 0), first)
        hidden = hidden + layer(np.maximum(inner, 0), second)
    energy, _ = network((observation, action.astype(np.float32)))
    np.testing.assert_allclose(energy, layer(hidden, 5)[:, 0], rtol=1e-4, atol=1e-5)


def test_spectral_norm_bounds_the_scores_slope_by_one():
    network = _network(layers="MLPDropout", dense_layer_type="spectral_norm")
    generator = np.random.RandomState(2)
    for kernel, bias in zip(*[iter(network.trainable_variables)] * 2, strict=True):
        kernel.assign(100 * generator.randn(*kernel.shape))
        bias.assign(tf.fill(bias.shape, 0.5))
    for _ in range(100):
        dense.store_power_iterations(network)
    actions = tf.constant(generator.randn(3, 50, 2), tf.float32)
    encoding = network.encode(network_testing.observation(STATE_SPEC, 3))
    scores = network.score(encoding, actions).numpy()
    rises = np.abs(scores[:, 1:] - scores[:, :-1])
    distances = np.linalg.norm(actions[:, 1:] - actions[:, :-1], axis=-1)
    assert np.all(rises <= 1.0001 * distances) and np.any(rises > 0.01 * distances)


def test_single_tensor_observation_and_unknown_batch_size():
    network = mlp_ebm.MLPEBM(tf.TensorSpec([3, 4]), ACTION_SPEC, width=8, depth=2)
    network.create_variables()
    signature = [tf.TensorSpec([None, 3, 4]), tf.TensorSpec([None, None, 2])]

    @tf.function(input_signature=signature)
    def score(observation, actions):
        return network.score(network.encode(observation), actions)

    assert score(tf.ones([5, 3, 4]), tf.ones([5, 6, 2])).shape == (5, 6)


def test_images_are_refused():
    for spec in ({"a": tf.TensorSpec([2, 3]), "rgb": IMAGE}, IMAGE):
        with pytest.raises(ValueError, match=r"shape \(2, 8, 8, 3\): .* takes images, Hybrid"):
            mlp_ebm.MLPEBM(spec, ACTION_SPEC)


@pytest.mark.parametrize("network_class", [mlp_ebm.MLPEBM, mlp_ebm.AutoregressiveEBM])
@pytest.mark.parametrize("spec", [{"arm": ACTION_SPEC}, tf.TensorSpec([2, 2])])
def test_actions_are_one_vector(network_class, spec):
    with pytest.raises(ValueError, match="flat actions"):
        network_class(STATE_SPEC, spec)


def _autoregressive(size=3):
    gin.parse_config("MLPEBM.width = 8\nMLPEBM.rate = 0.0")
    network = mlp_ebm.AutoregressiveEBM(STATE_SPEC, tf.TensorSpec([size]))
    network.create_variables()
    return network


def test_every_energy_is_an_mlp_of_the_dimensions_up_to_its_own():
    network = _autoregressive()
    observation = network_testing.observation(STATE_SPEC, 4)
    actions = tf.constant(np.random.RandomState(1).randn(4, 5, 3), tf.float32)
    encoding = network.encode(observation)
    assert encoding.shape == (4, 3, 8)
    variables = iter(network.variables)
    for j in range(3):
        single = mlp_ebm.MLPEBM(STATE_SPEC, tf.TensorSpec([j + 1]))
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


def test_energies_draw_different_dropout_masks_from_one_key():
    gin.parse_config("MLPEBM.width = 64\nMLPEBM.rate = 0.5\nMLPEBM.bias_initializer = 'ones'")
    network = mlp_ebm.AutoregressiveEBM(STATE_SPEC, tf.TensorSpec([2]))
    network.create_variables()
    for kernel in network.trainable_variables[0::2]:
        kernel.assign(tf.fill(kernel.shape, 0.1))
    encoding = network.encode(network_testing.observation(STATE_SPEC))
    key, actions = keys.Key(tf.constant([1, 2])), tf.zeros([3, 5, 2])
    for training, equal in ((False, True), (key, False)):
        first, second = (network.score_dimension(encoding, j, actions, training) for j in (0, 1))
        assert np.allclose(first, second) == equal
