"""Shifts are exact cuts of the picture with its edge repeated."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import random_shift


@pytest.mark.parametrize("prefix", ["h12", "h20"])
def test_shifts_are_the_published_ones(golden, prefix):
    recorded = np.load(golden("video_imitation/random_shift.npz"))
    pictures, pad = recorded[f"{prefix}_x"].transpose(0, 2, 3, 1), int(recorded[f"{prefix}_pad"])
    offsets = recorded[f"{prefix}_offsets_x_y"].astype(np.int32)
    found = random_shift.shifted(tf.constant(pictures), tf.constant(offsets), pad)
    # The published code samples on a grid in float32.
    near = 1.01 * float(recorded[f"{prefix}_largest_difference_from_crop"])
    np.testing.assert_allclose(found, recorded[f"{prefix}_y"].transpose(0, 2, 3, 1), 0, near)
    padded = np.pad(pictures, [(0, 0), (pad, pad), (pad, pad), (0, 0)], "edge")
    _, height, width, _ = pictures.shape
    for cut, whole, (x, y) in zip(found, padded, offsets, strict=True):
        np.testing.assert_array_equal(cut, whole[y : y + height, x : x + width])


def test_all_offsets_are_drawn_alike():
    drawn = random_shift.draw(9000, tf.constant([1, 2]), pad=2).numpy()
    for axis in range(2):
        counts = np.bincount(drawn[:, axis], minlength=5)
        assert len(counts) == 5 and np.all(np.abs(counts - 1800) < 5 * np.sqrt(1800))
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.05
