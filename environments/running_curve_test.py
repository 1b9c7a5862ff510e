"""Curves below the pictures of an episode: as far as it has come, on one scale."""

import numpy as np
import pytest

from ibc.environments import running_curve

_PICTURE = np.full((32, 200, 3), 7, np.uint8)
_VALUES = np.array([0.0, 1.0, -1.0, 3.0, 3.0])


def _blue(done, values=_VALUES):
    """Returns where the curve is, bool [HEIGHT, width]."""
    drawn = running_curve.below(_PICTURE, values, done, "reward")
    assert drawn.shape == (32 + running_curve.HEIGHT, 200, 3) and drawn.dtype == np.uint8
    np.testing.assert_array_equal(drawn[:32], _PICTURE)
    strip = drawn[32:].astype(int)
    return strip[:, :, 2] - strip[:, :, 0] > 80


def test_the_curve_grows_with_the_episode():
    assert not _blue(0).any()
    ends = [np.flatnonzero(_blue(done).any(axis=0)).max() for done in range(1, 6)]
    np.testing.assert_allclose(ends, np.linspace(6, 194, 5) + 3, atol=1)
    # What was drawn stays where it was: all steps have one scale from the beginning.
    first, last = _blue(3), _blue(5)
    before = slice(0, ends[2] - 8)
    np.testing.assert_array_equal(first[:, before], last[:, before])


def test_more_is_higher():
    heights = [np.flatnonzero(_blue(5)[:, column]).mean() for column in (53, 100, 147)]
    assert heights[1] > heights[0] > heights[2]


@pytest.mark.parametrize("values", [[2.0], [-1.0, -1.0]])
def test_constants_are_drawn_in_the_middle(values):
    rows = np.flatnonzero(_blue(len(values), np.array(values)).any(axis=1))
    assert 20 < rows.min() and rows.max() < running_curve.HEIGHT - 20
