import time

import numpy as np
import pytest

from ibc.environments.particle import particle, plane_picture


def test_a_disc_is_where_it_is_and_as_large_as_it_is():
    centre, radius = np.array([0.25, 0.6]), 0.2
    drawn = plane_picture.draw([plane_picture.Disc(centre, radius, (0, 0, 0))], 120, 120)
    share = (245 - drawn[..., 0].astype(float)) / 245
    rows, columns = np.indices(share.shape)
    x, y = ((values * share).sum() / share.sum() for values in (columns, rows))
    # 100 pixels are 1, and the margin is 10; y points up.
    np.testing.assert_allclose([x + 0.5, y + 0.5], [35, 120 - 70], atol=0.1)
    assert share.sum() == pytest.approx(np.pi * 20**2, rel=0.01)


def test_the_last_disc_is_in_front():
    centre = np.array([0.5, 0.5])
    discs = [plane_picture.Disc(centre, 0.1, color) for color in ((9, 9, 9), (1, 2, 3))]
    assert tuple(plane_picture.draw(discs, 32, 32)[16, 16]) == (1, 2, 3)


def test_a_move_of_a_tenth_of_a_pixel_is_seen():
    before, after = (
        plane_picture.draw([plane_picture.Disc(np.array([x, 0.5]), 0.1, (0, 0, 0))], 32, 32)
        for x in (0.5, 0.5 + 0.1 * 1.2 / 32)
    )
    assert (before != after).any()


def test_thousands_of_pictures_a_second():
    env = particle.ParticleEnv()
    env.picture(32, 32)

    def of_100() -> float:
        start = time.process_time()
        for _ in range(100):
            env.picture(32, 32)
        return time.process_time() - start

    assert min(of_100() for _ in range(5)) < 0.1


def test_both_goals_and_the_point_are_drawn():
    env = particle.ParticleEnv(seed=1)
    colors = {tuple(color) for color in env.picture(64, 64).reshape(-1, 3)}
    assert {plane_picture.AGENT, plane_picture.FIRST_GOAL, plane_picture.SECOND_GOAL} < colors


def test_more_dimensions_cannot_be_shown():
    with pytest.raises(ValueError, match=r"ParticleEnv.n_dim is 3: set it to 2"):
        particle.ParticleEnv(n_dim=3).picture(32, 32)
