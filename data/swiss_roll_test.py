"""The swiss roll against the published points, and geometry."""

import numpy as np
import pytest

from ibc.data import swiss_roll


def test_published_points_are_repeated(golden):
    recorded = np.load(golden("near/swiss_roll.npz"))
    found = swiss_roll.points(int(recorded["count"]), seed=int(recorded["state"]))
    # Recorded in float32, as the sums of the moments were.
    np.testing.assert_allclose(found[:100], recorded["first"], rtol=0, atol=4e-5)
    np.testing.assert_allclose(found.mean(0), recorded["mean"], rtol=1e-6)
    np.testing.assert_allclose(found.std(0), recorded["std"], rtol=1e-6)


def test_the_roll_is_a_spiral_that_fills_its_square():
    found = swiss_roll.points(2000, seed=1)
    assert found.dtype == np.float32 and found.shape == (2000, 2)
    np.testing.assert_allclose((found.min(0), found.max(0)), ((0, 0), (512, 512)))
    assert np.abs(found - swiss_roll.points(2000, seed=0)).max() > 1


def test_one_point_has_no_scale():
    with pytest.raises(ValueError, match="at least 2 points, got 1"):
        swiss_roll.points(1)
