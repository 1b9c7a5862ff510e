"""Dynamic time warping against a table filled cell by cell, and paths of known points."""

import numpy as np
import pytest

from ibc.utils import time_warping


def _by_cells(path, other):
    sums = np.full((len(path) + 1, len(other) + 1), np.inf)
    sums[0, 0] = 0
    for row, point in enumerate(path):
        for column, their in enumerate(other):
            before = min(sums[row, column], sums[row, column + 1], sums[row + 1, column])
            sums[row + 1, column + 1] = before + np.square(point - their).sum()
    return np.sqrt(sums[-1, -1])


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 5), (7, 1), (6, 9), (12, 4)])
def test_distances_are_those_of_a_table(rows, columns):
    rng = np.random.default_rng(rows)
    path = rng.normal(size=(rows, 3))
    others = [rng.normal(size=(columns + more, 3)) for more in (0, 3, 1)]
    expected = [_by_cells(path, other) for other in others]
    np.testing.assert_allclose(time_warping.distances(path, others), expected, rtol=1e-12)


def test_recorded_distance_is_repeated(golden):
    recorded = np.load(golden("near/metrics.npz"))
    found = time_warping.distance(recorded["demonstration"], recorded["trajectory"])
    assert found == pytest.approx(float(recorded["dtw"]), rel=1e-9)


def test_pace_and_rests_do_not_matter():
    slow = np.repeat([[0.0, 0], [1, 2], [4, 2]], [3, 1, 4], axis=0)
    assert time_warping.distance(slow, slow[[0, 3, 7]]) == 0


def test_points_are_evenly_spaced_along_the_path():
    corner = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 5.0]])
    expected = [[0, 0], [3, 0], [4, 2], [4, 5]]
    np.testing.assert_allclose(time_warping.resample(corner, 3.0), expected)
    np.testing.assert_allclose(time_warping.resample(corner[:1], 3.0), corner[:1])


def test_what_is_no_path_is_refused():
    with pytest.raises(ValueError, match="of one size D"):
        time_warping.distance(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="at least one"):
        time_warping.distance(np.zeros((3, 2)), np.zeros((0, 2)))
    with pytest.raises(ValueError, match="at least one"):
        time_warping.resample(np.zeros((0, 2)), 1.0)
    with pytest.raises(ValueError, match="must be positive"):
        time_warping.resample(np.zeros((2, 2)), 0.0)
