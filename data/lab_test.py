import numpy as np

from ibc.data import lab


def test_recorded_colours(golden):
    recorded = np.load(golden("video_imitation/lab.npz"))
    np.testing.assert_allclose(lab.from_rgb(recorded["rgb"]), recorded["lab"], atol=1e-9)
    scaled = lab.normalized(recorded["rgb"])
    np.testing.assert_allclose(scaled, recorded["normalized"], atol=1e-6)
    back = lab.to_rgb(recorded["lab"])
    # All are whole numbers but for their last bits, and NumPy 2 has other powers.
    tolerance = 0 if np.__version__ < "2" else 1
    np.testing.assert_allclose(back, recorded["back"].astype(int), rtol=0, atol=tolerance)


def test_grey_has_no_colour_and_white_is_the_lightest():
    greys = np.repeat(np.arange(0, 256, 5, dtype=np.uint8)[:, np.newaxis], 3, axis=1)
    light, a, b = lab.from_rgb(greys).T
    assert (np.diff(light) > 0).all()
    np.testing.assert_allclose([light[0], light[-1]], [0, 100], atol=1e-4)
    np.testing.assert_allclose([a, b], 0, atol=0.02)


def test_there_and_back_changes_no_value_by_more_than_one():
    rgb = np.random.default_rng(0).integers(0, 256, (4, 9, 9, 3), np.uint8)
    back = lab.denormalized(lab.normalized(rgb)).astype(int)
    assert np.abs(back - rgb).max() <= 1
