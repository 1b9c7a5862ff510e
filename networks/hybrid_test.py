import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import hybrid
from ibc.utils import keys, precision
from tests import network_testing

SPEC = {
    "front": tf.TensorSpec([2, 20, 18, 3], tf.uint8),
    "joints": tf.TensorSpec([2, 5]),
    "wrist": tf.TensorSpec([2, 16, 16, 3], tf.uint8),
}
ACTION_SPEC = tf.TensorSpec([4 * 3])
_SMALL = "HybridEncoder.trunk = 'SmallTrunk'\nHybridEncoder.crop_shape = (14, 16)"
_NETWORKS = [hybrid.HybridEBM, hybrid.HybridMSE, hybrid.HybridMDN]
_KEY = keys.Key(tf.constant([1, 2], tf.int64))


@pytest.fixture(name="observation")
def _observation():
    return network_testing.observation(SPEC)


@pytest.fixture
def small():
    """Has networks take the small trunk."""
    gin.parse_config(_SMALL)


def _network(kind=hybrid.HybridEBM, scale=0.1, **options):
    network = kind(SPEC, ACTION_SPEC, **{"width": 32, "depth": 2, **options})
    network.create_variables()
    if scale:
        network_testing.randomize(network, scale=scale)
    return network


def _actions(batch=3, count=7):
    drawn = np.random.RandomState(1).uniform(-1, 1, (batch, count, *ACTION_SPEC.shape))
    return tf.constant(drawn, tf.float32)


def _said(network, observation, training=False):
    """Scores, actions or means of the action's distribution."""
    if network.head == "energy":
        return network.score(network.encode(observation, training), _actions(), training)
    if network.head == "regression":
        return network.regress(observation, training)
    return network.mixture(observation, training).mean()


# --- recordings ---


def _assign_recorded(network, parameters):
    """Gives a network weights by the recording's rule, in the network's layout."""
    rows = [row.split("|") for row in parameters]
    assert len(rows) == len(network.trainable_variables)
    for variable, (number, name, shape, kind) in zip(
        network.trainable_variables, rows, strict=True
    ):
        k, shape = int(number), eval(shape)  # A tuple of integers.
        wave = 0.3 * np.sin(1 + 0.7 * np.arange(np.prod(shape)) + k).reshape(shape)
        if kind == "normal":
            drawn = np.random.RandomState(1000 + k).randn(np.prod(shape)).reshape(shape)
            values = drawn * np.sqrt(2 / np.prod(shape[1:]))
        else:
            values = 1 + wave if kind == "1+wave" else wave
        values = values.astype(np.float32)
        # [out, in, height, width] and [out, in].
        values = values.transpose(2, 3, 1, 0) if values.ndim == 4 else values.T
        assert values.shape == variable.shape, name
        variable.assign(values)


def _recorded_observation(recorded, order, size):
    """The observation of a recording, [2, 2, ...] per key, keys in the given order."""
    y, x = np.mgrid[:size, :size].astype(np.float64)
    observation = {}
    for key in order:
        if f"freq_{key}" in recorded.files:
            frequency, phase = recorded[f"freq_{key}"], recorded[f"phase_{key}"]
            angles = frequency[..., :1, np.newaxis] * y + frequency[..., 1:, np.newaxis] * x
            images = np.sin(angles + phase[..., np.newaxis, np.newaxis])
            values = images.transpose(0, 2, 3, 1)
        else:
            values = recorded[f"obs_{key}"]
        values = values.astype(np.float32)
        observation[key] = tf.constant(values.reshape(2, 2, *values.shape[1:]))
    return observation


_ROBOMIMIC_KEYS = (
    "agentview_image",
    "robot0_eye_in_hand_image",
    "robot0_eef_pos",
    "robot0_eef_quat",
    "robot0_gripper_qpos",
)


def _close(found, expected):
    """To 1e-4 of the largest number and of each number."""
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("name", "order", "size"),
    [("hybrid_pusht", ("image", "agent_pos"), 96), ("hybrid_robomimic", _ROBOMIMIC_KEYS, 84)],
)
def test_every_stage_matches_recording(golden, name, order, size):
    recorded = np.load(golden(f"sequences/{name}.npz"))
    gin.parse_config(f"HybridEncoder.crop_shape = {tuple(recorded['crop'].tolist())}")
    observation = _recorded_observation(recorded, order, size)
    spec = {key: tf.TensorSpec(value.shape[1:]) for key, value in observation.items()}
    actions = recorded["actions"].reshape(2, 5, -1)
    network = hybrid.HybridEBM(spec, tf.TensorSpec(actions.shape[2:]))
    network.create_variables()
    encoder = network._encoder
    assert [network.count_params(), encoder.count_params()] == recorded["total_parameters"].tolist()
    assert all(camera.count_params() == 11_197_088 for camera in encoder.cameras)
    _assign_recorded(network, recorded["parameters"])

    camera, images = encoder.cameras[0], encoder._crops(observation, False)[order[0]]
    stages = []
    for part in camera.trunk.parts:
        images = part(images)
        stages.append(images)
    for number, stage in enumerate([*stages[:4], *stages[5::2]]):
        shape = recorded[f"shape_trunk{number}"]
        assert stage.shape == (shape[0], *shape[2:], shape[1])
        _close(np.mean(stage, axis=(1, 2)), recorded[f"mean_trunk{number}"])
    keypoints = camera.pool(images)
    _close(keypoints, recorded["core_pool"])
    _close(camera.linear(tf.reshape(keypoints, [-1, 64])), recorded["mean_core3"])
    _close(tf.reshape(encoder(observation), recorded["feature"].shape), recorded["feature"])
    _close(network.score(network.encode(observation), actions), recorded["logits"])


# --- what every hybrid network does ---


def test_the_head_against_float64(small, observation):
    network = _network(scale=0.2)
    layers = network_testing.pairs(network._stack) + network_testing.pairs(network._head)
    features = network._encoder(observation).numpy().astype(np.float64)
    tiled = np.repeat(features[:, np.newaxis], 7, axis=1)
    hidden = np.concatenate([tiled, _actions().numpy()], axis=-1)
    for index, (kernel, bias) in enumerate(layers):
        hidden = hidden @ kernel + bias
        if index < len(layers) - 1:
            hidden = network_testing.relu(hidden)
    found = _said(network, observation)
    assert np.std(hidden) > 0.01
    np.testing.assert_allclose(found, hidden[..., 0], rtol=1e-4, atol=1e-4)


def test_published_size_of_the_head(small):
    network = hybrid.HybridEBM(SPEC, ACTION_SPEC)
    network.create_variables()
    shapes = [tuple(weight.shape) for weight in network._stack.weights[::2]]
    assert shapes == [(2 * 133 + 12, 1024), *[(1024, 1024)] * 3]
    assert network._head.kernel.shape == (1024, 1)
    assert network._stack._rate == 0.1


@pytest.mark.parametrize("kind", _NETWORKS)
def test_every_weight_is_trained(kind, small, observation):
    network = _network(kind, rate=0.0)
    with tf.GradientTape() as tape:
        if network.head == "mixture":
            loss = -tf.reduce_sum(network.mixture(observation, _KEY).log_prob(_actions()[:, 0]))
        else:
            loss = tf.reduce_sum(tf.square(_said(network, observation, _KEY)))
    gradients = tape.gradient(loss, network.trainable_variables)
    silent = [name for name in _silent(network, gradients) if not _has_no_effect(name)]
    # A mixture of one component has a constant weight.
    assert len(silent) == (2 if network.head == "mixture" else 0)


def _silent(network, gradients):
    """Names of the variables without gradient."""
    pairs = zip(network.trainable_variables, gradients, strict=True)
    return [variable.name for variable, gradient in pairs if not np.abs(gradient).max() > 0]


def _has_no_effect(name):
    """Whether this is the bias in front of a softmax, which does not change with it."""
    return "fan_in_conv" in name and name.endswith("bias:0")


def test_every_weight_of_the_published_trunk_is_trained():
    gin.parse_config("HybridEncoder.crop_shape = (36, 40)")
    # Of one pixel alone the position would not depend on any weight: these give 2 × 2.
    spec = {"front": tf.TensorSpec([2, 40, 42, 3])}
    network = hybrid.HybridEBM(spec, ACTION_SPEC, width=32, depth=2, rate=0.0)
    network.create_variables()
    with tf.GradientTape() as tape:
        scores = _said(network, network_testing.observation(spec), _KEY)
        loss = tf.reduce_sum(tf.square(scores))
    gradients = tape.gradient(loss, network.trainable_variables)
    assert not [name for name in _silent(network, gradients) if not _has_no_effect(name)]


@pytest.mark.parametrize("kind", _NETWORKS)
def test_training_follows_from_the_key(kind, small, observation):
    network = _network(kind)
    first, again, other = (
        _said(network, observation, key)
        for key in (_KEY, _KEY, keys.Key(tf.constant([1, 3], tf.int64)))
    )
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-4
    np.testing.assert_array_equal(_said(network, observation), _said(network, observation))


@pytest.mark.parametrize("kind", _NETWORKS)
def test_mixed_precision_loses_digits_alone(kind, small, observation):
    exact = _network(kind)
    with precision.mixed():
        mixed = _network(kind)
    mixed.set_weights(exact.get_weights())
    expected, found = _said(exact, observation), _said(mixed, observation)
    assert found.dtype == tf.float32
    assert {variable.dtype for variable in mixed.variables} == {tf.float32}
    error = np.abs(found - expected).max() / np.abs(expected).max()
    assert 0 < error < 0.05


def test_batch_normalization_has_averages_of_the_whole_batch(small, observation):
    """Variables that a call changes are what keeps a batch from being split into blocks."""
    assert not _network().non_trainable_variables
    gin.clear_config()
    gin.parse_config("HybridEncoder.group_norm = False\nHybridEncoder.crop_shape = (14, 16)")
    network = _network(scale=None)
    assert len(network.non_trainable_variables) == 2 * 2 * 20
    before = [variable.numpy() for variable in network.non_trainable_variables]
    network.encode(observation, _KEY)
    changed = [
        np.abs(variable - old).max() > 0
        for variable, old in zip(network.non_trainable_variables, before, strict=True)
    ]
    assert all(changed)


@pytest.mark.parametrize("kind", _NETWORKS)
@pytest.mark.parametrize("options", [dict(width=0), dict(depth=2.5), dict(rate=1.5)])
def test_numbers_out_of_range_are_named(kind, options, small):
    with pytest.raises(ValueError, match=f"{kind.__name__}.(width|depth)|rate"):
        kind(SPEC, ACTION_SPEC, **options)
