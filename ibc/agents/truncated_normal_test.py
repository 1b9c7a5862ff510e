"""The cut normal distribution is the published one, gradients included."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import truncated_normal


@pytest.mark.parametrize("clip", [None, 0.3, 0.05])
def test_is_the_published_distribution(golden, clip):
    recorded = np.load(golden("video_imitation/truncated_normal.npz"))
    mean, std, noise = (
        tf.constant(recorded[f"clip{clip}_{name}"]) for name in ("loc", "scale", "eps")
    )
    with tf.GradientTape() as tape:
        tape.watch(mean)
        action = truncated_normal.sample(mean, std, noise, clip)
        total = tf.reduce_sum(tf.square(action))
    found = {
        "sample": action,
        "d_sumsq_dloc": tape.gradient(total, mean),
        "log_prob": truncated_normal.log_prob(mean, std, action),
        "entropy": truncated_normal.entropy(std),
    }
    for name, values in found.items():
        np.testing.assert_allclose(values, recorded[f"clip{clip}_{name}"], 1e-12, 1e-12)
    np.testing.assert_array_equal(mean, recorded[f"clip{clip}_mean"])
