import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.encoders import hybrid
from ibc.networks.layers import crop
from ibc.utils import keys
from tests import network_testing

SPEC = {
    "wrist": tf.TensorSpec([2, 18, 20, 3], tf.uint8),
    "joints": tf.TensorSpec([2, 5]),
    "front": tf.TensorSpec([2, 24, 16, 1], tf.uint8),
    "gripper": tf.TensorSpec([2, 1]),
}
SIZE = 64 + 5 + 64 + 1
_KEY = keys.Key(tf.constant([3, 4], tf.int64))


@pytest.fixture(autouse=True)
def _small():
    gin.parse_config("HybridEncoder.trunk = 'SmallTrunk'\nHybridEncoder.crop_shape = (16, 12)")


@pytest.fixture(name="observation")
def _observation():
    return network_testing.observation(SPEC)


def _encoder(spec=None, **options):
    encoder = hybrid.HybridEncoder(spec or SPEC, **options)
    encoder(network_testing.observation(spec or SPEC))
    network_testing.randomize(encoder)
    return encoder


def _frames(features):
    """Features frame by frame, [B, T, Do]."""
    return tf.reshape(features, [-1, 2, SIZE]).numpy()


def test_keys_are_in_the_descriptions_order_and_frames_follow_each_other(observation):
    encoder = _encoder()
    frames = _frames(encoder(observation))
    np.testing.assert_array_equal(frames[..., 64:69], observation["joints"])
    np.testing.assert_array_equal(frames[..., 133:], observation["gripper"])
    wrist, front = encoder.cameras
    for camera, key, columns in ((wrist, "wrist", slice(64)), (front, "front", slice(69, 133))):
        for time in range(2):
            images = crop.centre(observation[key][:, time], (16, 12))
            expected = camera(images).numpy()
            np.testing.assert_allclose(frames[:, time, columns], expected, rtol=1e-4, atol=1e-5)
            assert np.std(expected) > 0.01 and expected.min() == 0


def test_of_a_region_nothing_else_is_seen(observation):
    small = {
        key: tf.TensorSpec([2, 14, 15, spec.shape[-1]], spec.dtype)
        if spec.shape.rank == 4
        else spec
        for key, spec in SPEC.items()
    }
    encoder = _encoder(crop_shape=(12, 12), region=(3, 1, 17, 16))
    whole = _encoder(crop_shape=(12, 12), spec=small)
    for weight, other in zip(whole.weights, encoder.weights, strict=True):
        weight.assign(other)
    cut = {
        key: value[:, :, 3:17, 1:16] if value.shape.rank == 5 else value
        for key, value in observation.items()
    }
    for training in (False, _KEY):
        found = encoder(observation, training=training)
        np.testing.assert_array_equal(found, whole(cut, training=training))
    for key in ("wrist", "front"):
        outside = np.ones_like(observation[key])
        outside[:, :, 3:17, 1:16] = 0
        observation[key] = observation[key] + outside
    np.testing.assert_array_equal(encoder(observation), whole(cut))


def test_a_low_temperature_makes_key_points_of_a_new_network_move(observation):
    def spread(temperature):
        tf.keras.utils.set_random_seed(0)
        (camera,) = hybrid.HybridEncoder(SPEC, ("wrist",), temperature=temperature).cameras
        pictures = tf.reshape(observation["wrist"], [-1, *observation["wrist"].shape[2:]])
        return np.std(camera.pool(camera.trunk(tf.cast(pictures, tf.float32) / 128 - 1)), axis=0)

    assert np.mean(spread(0.05)) > 5 * np.mean(spread(1.0))


def test_keys_choose_and_order(observation):
    encoder = _encoder(keys=("gripper", "front"))
    found = tf.reshape(encoder(observation), [-1, 2, 65])
    np.testing.assert_array_equal(found[..., :1], observation["gripper"])
    assert len(encoder.cameras) == 1
    np.testing.assert_array_equal(
        found, encoder({**observation, "wrist": None}).numpy().reshape(found.shape)
    )


def test_cameras_have_their_own_weights_unless_shared(observation):
    own = _encoder()
    with pytest.raises(ValueError, match=r"share_cameras is True, .*'wrist': 3, 'front': 1"):
        _encoder(share_cameras=True)
    same = {**SPEC, "front": tf.TensorSpec([2, 24, 16, 3], tf.uint8)}
    shared, separate = _encoder(same, share_cameras=True), _encoder(same)
    assert separate.count_params() == 2 * shared.count_params()
    assert len(own.cameras) == 2 and len(shared.cameras) == 1
    seen = network_testing.observation(same)
    seen["front"] = seen["wrist"][:, :, :16, :16]
    seen["wrist"] = tf.pad(seen["front"], [(0, 0), (0, 0), (1, 1), (2, 2), (0, 0)])
    seen["front"] = tf.pad(seen["front"], [(0, 0), (0, 0), (4, 4), (0, 0), (0, 0)])
    frames = _frames(shared(seen))
    np.testing.assert_allclose(frames[..., :64], frames[..., 69:133], rtol=1e-4, atol=1e-5)
    frames = _frames(separate(seen))
    assert np.abs(frames[..., :64] - frames[..., 69:133]).max() > 0.01


def test_integers_are_mapped_to_the_range_of_normalized_floats(observation):
    encoder = _encoder()
    levels = {k: tf.cast(tf.round(255 * observation[k]), tf.uint8) for k in ("wrist", "front")}
    floats = {k: tf.cast(level, tf.float32) / 127.5 - 1 for k, level in levels.items()}
    np.testing.assert_allclose(
        encoder({**observation, **levels}),
        encoder({**observation, **floats}),
        rtol=1e-4,
        atol=1e-5,
    )


def _seen_crops(monkeypatch, encoder, observation, training):
    """The crops that each camera gets, [B, T, h, w, C]."""
    seen = []
    call = hybrid.CameraEncoder.call

    def watched(self, images, training=False):
        seen.append(tf.reshape(images, [-1, 2, *images.shape[1:]]).numpy())
        return call(self, images, training=training)

    with monkeypatch.context() as patched:
        patched.setattr(hybrid.CameraEncoder, "call", watched)
        encoder(observation, training=training)
    return seen


def test_each_frame_of_each_camera_is_cropped_at_its_own_place(monkeypatch):
    pixels = np.arange(24 * 20, dtype=np.float32).reshape(24, 20, 1)
    spec = {name: tf.TensorSpec([2, 24, 20, 1], tf.float32) for name in ("a", "b")}
    observation = {name: tf.tile(pixels[np.newaxis, np.newaxis], [16, 2, 1, 1, 1]) for name in spec}
    encoder = _encoder(spec)
    crops = np.stack(_seen_crops(monkeypatch, encoder, observation, _KEY))
    assert crops.shape == (2, 16, 2, 16, 12, 1)
    corners = crops[:, :, :, 0, 0, 0]
    tops, lefts = np.divmod(corners, 20)
    assert tops.max() == 24 - 16 - 1 and lefts.max() == 20 - 12 - 1
    assert tops.min() == 0 == lefts.min()
    # Of 8 · 8 places two are the same once in 64 times.
    assert (corners[0] == corners[1]).mean() < 0.2
    assert (corners[:, :, 0] == corners[:, :, 1]).mean() < 0.2
    expected = corners[..., np.newaxis, np.newaxis] + pixels[:16, :12, 0]
    np.testing.assert_array_equal(crops[..., 0], expected)


def test_crops_follow_from_the_key(monkeypatch, observation):
    encoder = _encoder()
    first, again = (encoder(observation, training=_KEY) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = encoder(observation, training=keys.Key(tf.constant([3, 5], tf.int64)))
    assert np.abs(first - other).max() > 1e-3
    assert np.abs(first - encoder(observation)).max() > 1e-3
    # True draws others at every execution.
    assert np.abs(encoder(observation, training=True) - encoder(observation, training=True)).max()


def test_shares_of_a_batch_are_cropped_as_the_whole():
    encoder, observation = _encoder(), network_testing.observation(SPEC, batch=4)
    whole = encoder(observation, training=_KEY)
    for share in range(2):
        rows = slice(2 * share, 2 * share + 2)
        half = {key: values[rows] for key, values in observation.items()}
        found = encoder(half, training=_KEY.part(share, 2))
        np.testing.assert_allclose(found, whole[rows], rtol=1e-4, atol=1e-5)


def test_evaluation_crops_the_centre_unless_it_is_told_not_to(observation):
    fixed, free = _encoder(), _encoder(eval_fixed_crop=False)
    np.testing.assert_array_equal(fixed(observation), fixed(observation))
    assert np.abs(free(observation) - free(observation)).max() > 1e-3
    np.testing.assert_array_equal(free(observation, _KEY), fixed(observation, _KEY))


@pytest.mark.parametrize("jit_compile", [False, True])
def test_compiled_features_are_the_same(jit_compile, observation):
    encoder = _encoder(keys=("front", "gripper"))
    compiled = tf.function(lambda seen: encoder(seen, training=_KEY), jit_compile=jit_compile)
    np.testing.assert_allclose(
        compiled(observation), encoder(observation, training=_KEY), rtol=1e-4, atol=1e-5
    )


def test_the_batch_size_may_be_unknown(observation):
    encoder = _encoder()
    specs = {k: tf.TensorSpec([None, *spec.shape], tf.float32) for k, spec in SPEC.items()}

    @tf.function(input_signature=[specs])
    def encode(seen):
        return encoder(seen), encoder(seen, training=_KEY)

    for found in encode(observation):
        assert found.shape == (3, 2 * SIZE)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            dict(trunk="ResNet50"),
            r"trunk must be one of \['ResNet18', 'SmallTrunk'\], .*'ResNet50'",
        ),
        (dict(crop_shape=(19, 12)), "crop_shape is 19×12 .* 'wrist' have 18×20: choose a crop"),
        (dict(crop_shape=(16, 18)), "crop_shape is 16×18 .* 'front' have 24×16: choose a crop"),
        (
            dict(region=(2, 2, 18)),
            r"region must be \(top, left, bottom, right\), but is \(2, 2, 18\)",
        ),
        (dict(region=(2, 2, 19, 12)), "rows 2 to 19 and columns 2 to 12, .* 'wrist' have 18×20"),
        (dict(region=(4, 2, 4, 12)), "rows 4 to 4 .*: choose a part of them"),
        (dict(region=(-1, 0, 9, 9)), r"HybridEncoder.region\[0\] must be .* got -1"),
        (dict(region=(0, 0, 15, 12)), "crop_shape is 16×12 .* HybridEncoder.region have 15×12"),
        (dict(crop_shape=16), r"crop_shape must be \(height, width\), but is 16"),
        (dict(crop_shape=(16, 2.5)), r"HybridEncoder.crop_shape\[1\] must be .* got 2.5"),
        (dict(crop_shape=(0, 2)), r"HybridEncoder.crop_shape\[0\] must be .* got 0"),
        (dict(keys=("wrist", "front2")), "keys looks at 'front2', but .* has wrist, joints, front"),
        (dict(temperature=0), "HybridEncoder.temperature must be a positive number"),
        (dict(keys="wrist"), "keys must be a list of names or None, but is 'wrist'"),
        (dict(keys=("joints",)), "needs an image .* choose MLPEBM, .*image_obs = True"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        hybrid.HybridEncoder(SPEC, **options)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (SPEC["wrist"], "takes a dict of images and vectors, .* choose PixelEBM"),
        ({"camera": {"rgb": SPEC["wrist"]}}, "takes a dict of images and vectors"),
        ({**SPEC, "depth": tf.TensorSpec([2, 24, 16])}, r"'depth' has the shape \[2, 24, 16\]"),
    ],
)
def test_observations_of_another_kind_are_refused(spec, message):
    with pytest.raises(ValueError, match=message):
        hybrid.HybridEncoder(spec)


def test_observations_must_have_what_the_network_was_made_for(observation):
    encoder = _encoder()
    resized = {**observation, "front": observation["front"][:, :, :20]}
    with pytest.raises(
        ValueError, match=r"'front' has the shape \[2, 20, 16, 1\] .* \[2, 24, 16, 1\]"
    ):
        encoder(resized)
    del observation["wrist"]
    with pytest.raises(ValueError, match="looks at 'wrist', but the observation has joints, front"):
        encoder(observation)
