"""The pictures are exactly what they are said to be."""

import itertools

import numpy as np
import pytest

from ibc.coordinate_regression import dots
from ibc.networks.encoders import image_encoders


def test_a_dots_centroid_is_its_target():
    for part in dots.sample(0):
        background = part.images[:, :1, :1].astype(int)
        weights = np.abs(part.images.astype(int) - background).sum(axis=-1).astype(np.float64)
        weights /= weights.sum(axis=(1, 2), keepdims=True)
        positions = image_encoders.coordinates(dots.IMAGE_SIZE, dots.IMAGE_SIZE)
        centroids = np.einsum("nhw,hwc->nc", weights, positions.astype(np.float64))
        np.testing.assert_allclose(part.targets, centroids, atol=1e-6)


def test_dots_are_whole_green_and_alone():
    image = dots.draw(np.array([[dots.RADIUS_PIXELS, 30]]))[0]
    colors, counts = np.unique(image.reshape(-1, 3), axis=0, return_counts=True)
    assert len(colors) == 2 and image.dtype == np.uint8
    red, green, blue = colors[np.argmin(counts)].astype(int)
    assert green > 2 * max(red, blue)
    assert counts.min() == pytest.approx(np.pi * dots.RADIUS_PIXELS**2, rel=0.05)
    # It touches the border at the left and spans 2 r + 1 pixels.
    columns, rows = (np.flatnonzero((image != image[0, 0]).any(axis=(k, 2))) for k in (0, 1))
    assert (columns[0], columns[-1]) == (0, 2 * dots.RADIUS_PIXELS)
    assert (rows[0], rows[-1]) == (30 - dots.RADIUS_PIXELS, 30 + dots.RADIUS_PIXELS)


def test_samples_are_disjoint_everywhere_and_repeatable():
    parts = dots.sample(3)
    assert [len(part.images) for part in parts] == [100, 100, 500]
    positions = [set(map(tuple, part.targets.tolist())) for part in parts]
    assert len(set.union(*positions)) == 700
    for a, b in itertools.combinations(positions, 2):
        assert not a & b
    reach = 1 - dots.RADIUS_PIXELS / dots.PIXELS_PER_UNIT
    np.testing.assert_allclose(np.abs(parts[2].targets).max(axis=0), reach, rtol=0.05)
    for part, again in zip(parts, dots.sample(3), strict=True):
        np.testing.assert_array_equal(part.images, again.images)
    assert not np.array_equal(parts[0].targets, dots.sample(4)[0].targets)


def test_small_training_sets_are_the_beginning_of_larger_ones():
    training = dots.sample(0)[0]
    np.testing.assert_array_equal(training.first(10).targets, training.targets[:10])
    np.testing.assert_array_equal(training.first(10).images, training.images[:10])
    with pytest.raises(ValueError, match="100 images, but 101"):
        training.first(101)


def test_hull_of_a_square():
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5], [0.1, 0.2]])
    points = np.random.RandomState(0).uniform(-1, 1, [200, 2])
    expected = np.abs(points).max(axis=1) <= 0.5
    np.testing.assert_array_equal(dots.within_hull(points, corners), expected)


def test_hull_against_half_planes():
    generator = np.random.RandomState(1)
    corners, points = generator.randn(10, 2), generator.randn(300, 2)

    def separated(point):
        # A point is outside if and only if some direction sees all corners on one side of it.
        across = (corners - point) @ np.stack([np.cos(_ANGLES), np.sin(_ANGLES)])
        return (across > 0).all(axis=0).any()

    expected = np.array([not separated(point) for point in points])
    assert 50 < expected.sum() < 250
    np.testing.assert_array_equal(dots.within_hull(points, corners), expected)


_ANGLES = np.linspace(0, 2 * np.pi, 3600, endpoint=False)
