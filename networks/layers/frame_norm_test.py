import numpy as np
import pytest
import tensorflow as tf

from ibc.networks.layers import frame_norm


def _values(frames=7, rows=6):
    drawn = tf.random.stateless_normal([frames, rows, 3, 3, 4], [1, 2])
    ages = tf.reshape(tf.range(frames, dtype=tf.float32), [-1, 1, 1, 1, 1])
    return drawn * (1 + ages) + ages


def test_all_steps_at_once_are_one_step_after_the_other():
    values, whole, split = _values(), *(frame_norm.FrameNorm(4) for _ in range(2))
    for norm in (whole, split):
        norm.scale.assign([1.0, 2.0, -1.0, 0.5])
        norm.offset.assign([0.0, 1.0, 2.0, 3.0])
        norm.mean.assign(tf.fill([4], 5.0))
    at_once = whole(tf.reshape(values, [-1, 3, 3, 4]), 7, training=True)
    in_turn = tf.concat([split(frame, 1, training=True) for frame in values], 0)
    np.testing.assert_allclose(at_once, in_turn, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(whole.mean, split.mean, rtol=1e-5)
    np.testing.assert_allclose(whole.variance, split.variance, rtol=1e-5)


@pytest.mark.parametrize("frames", [1, 7])
def test_each_group_is_centred_and_scaled(frames):
    norm = frame_norm.FrameNorm(4)
    found = norm(tf.reshape(_values(), [-1, 3, 3, 4]), frames, training=True)
    groups = tf.reshape(found, [frames, -1, 4])
    np.testing.assert_allclose(tf.reduce_mean(groups, 1), np.zeros([frames, 4]), atol=1e-5)
    np.testing.assert_allclose(tf.math.reduce_std(groups, 1), np.ones([frames, 4]), atol=1e-3)


def test_in_use_the_running_moments_count_and_stay():
    norm = frame_norm.FrameNorm(1)
    norm.mean.assign([2.0])
    norm.variance.assign([4.0])
    found = norm(tf.constant([[4.0], [2.0]]), 2, training=False)
    np.testing.assert_allclose(found, [[1.0], [0.0]], rtol=1e-5)
    assert norm.mean.numpy() == 2.0


def test_the_running_variance_is_the_unbiased_one():
    norm = frame_norm.FrameNorm(1)
    norm(tf.constant([[0.0], [2.0]]), 1, training=True)
    np.testing.assert_allclose(norm.variance, [0.9 + 0.1 * 2.0])
