import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.networks import pixel_ebm
from tests import network_testing

OBS_SPEC = {
    "rgb": tf.TensorSpec([2, 24, 32, 3], tf.uint8),
    "angle": tf.TensorSpec([2, 1]),
    "z": tf.TensorSpec([2, 2]),
}
ACTION_SPEC = tf.TensorSpec([2])
ENCODERS = ["ConvMaxpoolEncoder", "SpatialAttentionEncoder"]


@pytest.fixture(autouse=True)
def _small_value_network():
    gin.parse_config("DenseResnetValue.width = 16\nDenseResnetValue.num_blocks = 1")


@pytest.fixture(name="observation")
def _observation():
    return network_testing.observation(OBS_SPEC)


def _network(**options):
    network = pixel_ebm.PixelEBM(
        OBS_SPEC, ACTION_SPEC, **{"target_height": 16, "target_width": 20, **options}
    )
    network.create_variables()
    network_testing.randomize(network, scale=0.1)
    return network


def _actions(batch=3, count=7, seed=1):
    return tf.constant(np.random.RandomState(seed).uniform(-1, 1, (batch, count, 2)), tf.float32)


def test_against_float64(observation):
    network, actions = _network(), _actions(count=1)
    layers = network_testing.pairs(network)
    features = network_testing.encode_images(observation, layers[:4])
    hidden = np.concatenate([features, actions[:, 0]], axis=-1)
    first, *inner, last = layers[4:]
    assert first[0].shape[1] == 16 and len(inner) == 3, "sizes are those that gin binds"
    hidden = hidden @ first[0] + first[1]
    residual = hidden
    for kernel, bias in inner:
        residual = network_testing.relu(residual) @ kernel + bias
    expected = ((hidden + residual) @ last[0] + last[1])[:, 0]
    energy, state = network((observation, actions[:, 0]))
    assert state == () and np.std(expected) > 1e-3
    np.testing.assert_allclose(energy, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoder_network", ENCODERS)
def test_score_equals_call_on_tiled_observations(encoder_network, observation):
    network = _network(encoder_network=encoder_network)
    actions = _actions()
    scores = network.score(network.encode(observation), actions)
    tiled = {key: tf.repeat(value, 7, axis=0) for key, value in observation.items()}
    energies, _ = network((tiled, tf.reshape(actions, [21, 2])))
    assert scores.shape == (3, 7)
    np.testing.assert_allclose(scores, tf.reshape(energies, [3, 7]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("encoder_network", ENCODERS)
def test_only_the_image_counts_and_every_frame_of_it(encoder_network, observation):
    network = _network(encoder_network=encoder_network)
    encoding = network.encode(observation).numpy()
    others = {**network_testing.observation(OBS_SPEC, seed=5), "rgb": observation["rgb"]}
    np.testing.assert_array_equal(network.encode(others), encoding)
    for frame in range(2):
        changed = observation["rgb"].numpy()
        changed[:, frame] *= 0.5
        difference = network.encode({**observation, "rgb": changed}) - encoding
        assert np.abs(difference).max(axis=1).min() > 1e-4


def test_weights_of_image_and_value_network_are_trained(observation):
    network = _network()
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(network.score(network.encode(observation), _actions())))
    gradients = tape.gradient(loss, network.trainable_variables)
    assert len(gradients) == 2 * (4 + 5)
    assert all(np.abs(gradient).max() > 0 for gradient in gradients)


@pytest.mark.parametrize("encoder_network", ENCODERS)
def test_second_derivatives_against_finite_differences(encoder_network, observation):
    """How the penalty on d score / d action changes with one weight of the first layer."""
    network = _network(encoder_network=encoder_network)
    kernel = network._value.first_layer.kernel

    def penalty():
        actions = _actions()
        with tf.GradientTape() as tape:
            tape.watch(actions)
            scores = network.score(network.encode(observation), actions)
        return tf.reduce_sum(tf.square(tape.gradient(scores, actions)))

    with tf.GradientTape() as tape:
        loss = penalty()
    gradient = tape.gradient(loss, kernel).numpy()
    index = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
    start, around = kernel.numpy(), []
    for step in (1e-2, -1e-2):
        moved = start.copy()
        moved[index] += step
        kernel.assign(moved)
        around.append(float(penalty()))
    assert gradient[index] == pytest.approx((around[0] - around[1]) / 2e-2, rel=0.02)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_scores_are_the_same(jit_compile, observation):
    network, actions = _network(), _actions()

    def score(observation, actions):
        with tf.GradientTape() as tape:
            tape.watch(actions)
            scores = network.score(network.encode(observation), actions)
        return scores, tape.gradient(scores, actions)

    compiled = tf.function(score, jit_compile=jit_compile)(observation, actions)
    for found, expected in zip(compiled, score(observation, actions), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_batch_size_and_number_of_actions_may_be_unknown(observation):
    network = _network()
    observation_spec = {
        key: tf.TensorSpec([None, *spec.shape], tf.float32) for key, spec in OBS_SPEC.items()
    }

    @tf.function(input_signature=[observation_spec, tf.TensorSpec([None, None, 2])])
    def score(observation, actions):
        return network.score(network.encode(observation), actions)

    assert score(observation, _actions()).shape == (3, 7)


def test_integer_images_count_as_numbers_from_0_to_1(observation):
    network = _network()
    levels = tf.cast(tf.round(observation["rgb"] * 255), tf.uint8)
    integers = network.encode({**observation, "rgb": levels})
    floats = network.encode({**observation, "rgb": tf.cast(levels, tf.float32) / 255})
    np.testing.assert_allclose(integers, floats, rtol=1e-5, atol=1e-6)


def test_gin_chooses_the_parts():
    gin.parse_config(
        "PixelEBM.encoder_network = 'SpatialAttentionEncoder'\n"
        "PixelEBM.value_network = 'DenseResnetValue'\n"
        "PixelEBM.target_height = 16\nPixelEBM.target_width = 16\n"
    )
    network = pixel_ebm.PixelEBM(OBS_SPEC, ACTION_SPEC)
    network.create_variables()
    assert any(variable.name.endswith("log_temperature:0") for variable in network.variables)
    assert network.trainable_variables[-10].shape == (128 + 2, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(encoder_network="Transformer"), "encoder_network .*'Transformer'"),
        (dict(value_network="Linear"), "value_network .*'Linear'"),
        (dict(target_height=0), "PixelEBM.target_height must be .* got 0"),
        (dict(target_width=90.5), "PixelEBM.target_width must be .* got 90.5"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        pixel_ebm.PixelEBM(OBS_SPEC, ACTION_SPEC, **options)


def test_observations_without_image_are_refused():
    with pytest.raises(ValueError, match=r"exactly one image .*image_obs = True"):
        pixel_ebm.PixelEBM({"angle": OBS_SPEC["angle"]}, ACTION_SPEC)


def _value(**options):
    value = pixel_ebm.DenseResnetValue(**{"width": 8, "num_blocks": 2, **options})
    value(tf.zeros([1, 6]))
    network_testing.randomize(value, scale=0.5)
    return value


@pytest.mark.parametrize("num_blocks", [0, 1, 2])
def test_value_network_against_float64(num_blocks):
    value = _value(num_blocks=num_blocks)
    x = np.random.RandomState(1).randn(5, 6)
    (first, *inner, last) = network_testing.pairs(value)
    assert len(inner) == 3 * num_blocks
    hidden = x @ first[0] + first[1]
    for block in range(num_blocks):
        residual = hidden
        for kernel, bias in inner[3 * block : 3 * block + 3]:
            residual = network_testing.relu(residual) @ kernel + bias
        hidden = hidden + residual
    expected = hidden @ last[0] + last[1]
    np.testing.assert_allclose(value(tf.constant(x, tf.float32)), expected, rtol=1e-4, atol=1e-5)


def test_variables_are_in_the_order_of_the_computation():
    shapes = [tuple(variable.shape) for variable in _value().trainable_weights[0::2]]
    assert shapes == [(6, 8), *[(8, 2), (2, 2), (2, 8)] * 2, (8, 1)]


def test_the_first_product_splits():
    value, x = _value(), np.random.RandomState(1).randn(5, 6).astype(np.float32)
    hidden = value.first_layer.apply_to_first(x[:, :4]) + value.first_layer.apply_to_last(x[:, 4:])
    np.testing.assert_allclose(value.after_first(hidden), value(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("options", [{"width": 3}, {"num_blocks": -1}, {"width": 8.0}])
def test_sizes_out_of_range_are_named(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"DenseResnetValue.{name} must be a whole number"):
        pixel_ebm.DenseResnetValue(**options)


def test_it_has_no_dropout_and_takes_no_rate():
    with pytest.raises(TypeError, match="rate"):
        pixel_ebm.DenseResnetValue(8, rate=0.5)
