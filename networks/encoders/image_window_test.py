import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.encoders import image_encoders, image_window


def _images(frames=2, height=5, width=7, seed=0):
    return np.random.RandomState(seed).rand(3, frames, height, width, 3).astype(np.float32)


def _bilinear(image, height, width):
    """Bilinear interpolation in float64; positions are those of the pixels' centres."""
    for axis, size in ((0, height), (1, width)):
        old = image.shape[axis]
        position = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        below = np.minimum(position.astype(int), old - 2)
        share = (position - below).reshape([-1, 1, 1] if axis == 0 else [1, -1, 1])
        image = (1 - share) * image.take(below, axis) + share * image.take(below + 1, axis)
    return image


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_each_group_of_channels_is_one_frame(frames):
    images = _images(frames)
    stacked = image_window.stack_frames(tf.constant(images)).numpy()
    assert stacked.shape == (3, 5, 7, 3 * frames)
    for t in range(frames):
        np.testing.assert_array_equal(stacked[..., 3 * t : 3 * t + 3], images[:, t])


def test_swapping_frames_swaps_groups_of_channels():
    images = _images()
    stacked = image_window.preprocess(tf.constant(images), 4, 6).numpy()
    swapped = image_window.preprocess(tf.constant(images[:, ::-1]), 4, 6).numpy()
    np.testing.assert_array_equal(stacked[..., :3], swapped[..., 3:])
    np.testing.assert_array_equal(stacked[..., 3:], swapped[..., :3])


@pytest.mark.parametrize(("height", "width"), [(3, 4), (10, 14), (5, 7), (4, 9)])
def test_resizing_against_float64(height, width):
    images = _images()
    found = image_window.preprocess(tf.constant(images), height, width)
    for row, window in zip(found.numpy(), images, strict=True):
        frames = [_bilinear(frame.astype(np.float64), height, width) for frame in window]
        np.testing.assert_allclose(row, np.concatenate(frames, axis=-1), atol=1e-6)


def test_integers_become_numbers_from_0_to_1():
    levels = np.array([0, 51, 255], np.uint8)
    images = np.tile(levels, [2, 1, 4, 4, 1])
    found = image_window.preprocess(tf.constant(images), 4, 4)
    np.testing.assert_allclose(found[1, 2, 3], [0, 0.2, 1], atol=1e-6)


def test_batch_size_may_be_unknown():
    @tf.function(input_signature=[tf.TensorSpec([None, 2, 5, 7, 3])])
    def preprocess(images):
        result = image_encoders.append_coordinates(image_window.preprocess(images, 4, 6))
        assert result.shape[1:] == [4, 6, 8]
        return result

    assert preprocess(tf.constant(_images())).shape == (3, 4, 6, 8)


def test_coordinates_are_x_to_the_right_and_y_downwards():
    found = image_encoders.coordinates(3, 5)
    np.testing.assert_allclose(found[0], [[-1, -1], [-0.5, -1], [0, -1], [0.5, -1], [1, -1]])
    np.testing.assert_allclose(found[:, 4], [[1, -1], [1, 0], [1, 1]])


def test_coordinates_are_appended_as_the_last_channels():
    images = _images()[:, 0]
    found = image_encoders.append_coordinates(tf.constant(images)).numpy()
    np.testing.assert_array_equal(found[..., :3], images)
    for row in found:
        np.testing.assert_array_equal(row[..., 3:], image_encoders.coordinates(5, 7))


def test_the_image_is_found_among_states():
    states = {"a": tf.TensorSpec([2, 2]), "z": tf.TensorSpec([2, 1])}
    image = tf.TensorSpec([2, 8, 8, 3], tf.uint8)
    assert image_window.only_image({**states, "rgb": image}, rank=4) is image
    assert image_window.only_image(image, rank=4) is image
    batch = {"a": tf.zeros([7, 2, 2]), "rgb": tf.zeros([7, 2, 8, 8, 3])}
    assert image_window.only_image(batch, rank=5) is batch["rgb"]
    for wrong in (states, {"front": image, "rgb": image}):
        with pytest.raises(ValueError, match="exactly one image"):
            image_window.only_image(wrong, rank=4)


def test_normalized_observations_are_floats():
    spec = {"rgb": tf.TensorSpec([2, 8, 8, 3], tf.uint8), "angle": tf.TensorSpec([2, 1], tf.int32)}
    found = image_window.normalized_spec(spec)
    assert {leaf.dtype for leaf in found.values()} == {tf.float32}
    assert found["rgb"].shape == [2, 8, 8, 3]
