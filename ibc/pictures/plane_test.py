"""Planes of actions, against points that are worked out by hand."""

import numpy as np
import pytest

from ibc.pictures import plane

MINIMUM, MAXIMUM = np.array([-1.0, 0.0, -10.0]), np.array([1.0, 1.0, 10.0])
CHOSEN = np.array([0.2, 0.7, 5.0])


def test_a_landscape_varies_two_numbers_and_keeps_the_others():
    on = plane.of_dimensions(CHOSEN, MINIMUM, MAXIMUM, (2, 0))
    assert on.labels == ("action[2]", "action[0]")
    np.testing.assert_array_equal(on.coordinates(CHOSEN), [5.0, 0.2])
    seen = []

    def energies(actions):
        seen.append(actions)
        return actions[:, 2] + 100 * actions[:, 0]

    first, second, energy = on.landscape(energies, points=5)
    np.testing.assert_allclose(first, [-10, -5, 0, 5, 10])
    np.testing.assert_allclose(second, [-1, -0.5, 0, 0.5, 1])
    # Rows are the second coordinate, columns the first.
    np.testing.assert_allclose(energy, first + 100 * second[:, np.newaxis])
    np.testing.assert_allclose(seen[0][:, 1], 0.7)


@pytest.mark.parametrize("dimensions", [(0,), (1, 1), (0, 3), (-1, 0)])
def test_numbers_that_the_action_does_not_have_are_refused(dimensions):
    with pytest.raises(ValueError, match="has the numbers 0 to 2: give two different ones"):
        plane.of_dimensions(CHOSEN, MINIMUM, MAXIMUM, dimensions)


def test_principal_components_are_found_whatever_the_units():
    random = np.random.default_rng(0)
    half = (MAXIMUM - MINIMUM) / 2
    # Most along the third number, less along the first, hardly along the second.
    samples = CHOSEN + random.normal(size=(500, 3)) * [0.2, 0.01, 0.5] * half
    on = plane.of_principal_components(samples, CHOSEN, MINIMUM, MAXIMUM)
    np.testing.assert_allclose(on.axes / half, [[0, 0, 1], [1, 0, 0]], atol=0.05)
    np.testing.assert_allclose(on.coordinates(CHOSEN), 0, atol=1e-12)
    # A point of the plane has the coordinates that made it; one beside it those of its foot.
    point = CHOSEN + 0.3 * on.axes[0] - 0.4 * on.axes[1]
    beside = point + 0.2 * half * np.cross(*(on.axes / half))
    for action in (point, beside):
        np.testing.assert_allclose(on.coordinates(action), [0.3, -0.4], atol=1e-12)
    other = on.through(beside)
    np.testing.assert_allclose(other.coordinates(beside), 0, atol=1e-12)
    np.testing.assert_array_equal(other.axes, on.axes)


def test_samples_that_are_all_alike_still_have_a_plane():
    on = plane.of_principal_components(CHOSEN[np.newaxis], CHOSEN, MINIMUM, MAXIMUM)
    assert np.linalg.matrix_rank(on.axes) == 2
