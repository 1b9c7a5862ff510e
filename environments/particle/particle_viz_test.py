"""Tests of the particle task's pictures, by the pixels that must be there."""

import numpy as np
import PIL.Image
import pytest

from ibc.environments.particle import particle, particle_viz


def _episode(n_dim=2, steps=10, **changes):
    env = particle.ParticleEnv(n_dim=n_dim, render_mode="rgb_array", **changes)
    env.reset(seed=0)
    for _ in range(steps):
        env.step(env.first_goal)
    return env


def _count(picture, color):
    """Number of pixels of about this colour."""
    difference = picture.astype(int) - np.array(color)
    return int(np.sum(np.all(np.abs(difference) < 25, axis=-1)))


@pytest.mark.parametrize("n_dim", [1, 2, 3, 8])
def test_frames_are_even_sized_pictures(n_dim):
    picture = _episode(n_dim).render()
    assert picture.dtype == np.uint8
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.shape[0] % 2 == picture.shape[1] % 2 == 0


def test_frame_shows_what_happened_and_nothing_of_earlier_frames():
    env = _episode(steps=0)
    before = env.render()
    env.step(env.second_goal)
    moved = env.render()
    assert np.any(before != moved)
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), before)


def test_goals_are_drawn_where_they_are():
    env = _episode(steps=0)
    env.position = env._positions[0] = np.zeros(2, np.float32)
    env.first_goal, env.second_goal = np.array([0.25, 0.25]), np.array([0.75, 0.75])
    picture = env.render().astype(int)
    height, width = picture.shape[:2]
    # Green at the lower left, blue at the upper right; row 0 is the top.
    lower_left = picture[height // 2 :, : width // 2]
    upper_right = picture[: height // 2, width // 2 :]
    green, blue = (26, 152, 80), (43, 108, 212)
    assert _count(lower_left, green) > 20 and _count(lower_left, blue) == 0
    assert _count(upper_right, blue) > 20 and _count(upper_right, green) == 0


def test_path_grows_more_opaque():
    env = _episode(steps=0)
    env.first_goal, env.second_goal = np.zeros(2), np.zeros(2)
    env._positions = [np.array([x, 0.5]) for x in np.linspace(0.1, 0.9, 21)]
    env._setpoints = [np.zeros(2)] * 20
    picture = env.render().astype(int)
    row = picture[picture.shape[0] // 2 - 30 : picture.shape[0] // 2 + 30].min(axis=(0, 2))
    thirds = np.array_split(row[70:400], 3)
    darkest = [third.min() for third in thirds]
    assert darkest[0] > darkest[1] + 20 or darkest[1] > darkest[2] + 20
    assert darkest[2] < 80


def test_render_without_mode_gives_nothing():
    env = particle.ParticleEnv()
    env.reset(seed=0)
    assert env.render() is None


@pytest.mark.parametrize("n_dim", [1, 2, 5])
def test_episode_picture_is_written_whole(tmp_path, n_dim):
    path = tmp_path / "new" / "episode.png"
    _episode(n_dim).save_episode_picture(path)
    with PIL.Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) >= 200
    assert [file.name for file in path.parent.iterdir()] == ["episode.png"]


def test_grid_has_a_cell_per_episode_and_marks_success(tmp_path):
    failed = _episode(steps=50).episode
    env = _episode(steps=25)
    for _ in range(25):
        env.step(env.second_goal)
    solved = env.episode
    assert (failed.succeeded, solved.succeeded) == (False, True)
    sizes, titles = [], []
    for name, episodes in (("failed", [failed] * 2), ("solved", [solved] * 6)):
        path = tmp_path / f"{name}.png"
        particle_viz.save_episode_grid(episodes, path, columns=2)
        picture = np.asarray(PIL.Image.open(path).convert("RGB"))
        sizes.append(picture.shape[0])
        titles.append((_count(picture, (26, 127, 60)), _count(picture, (178, 24, 43))))
    assert sizes[1] > 2.5 * sizes[0]
    assert titles[0][1] > 5 * titles[1][1]
    assert titles[1][0] > 5 * titles[0][0]


def test_grid_shows_twelve_episodes_and_failures_first(tmp_path, monkeypatch):
    failed = _episode(steps=3).episode
    env = _episode(steps=25)
    for _ in range(25):
        env.step(env.second_goal)
    titles, set_title = [], particle_viz.Axes.set_title
    monkeypatch.setattr(
        particle_viz.Axes,
        "set_title",
        lambda axes, text, **style: titles.append(text) or set_title(axes, text, **style),
    )
    episodes = [env.episode] * 9 + [failed] + [env.episode] * 5 + [failed]
    particle_viz.save_episode_grid(episodes, tmp_path / "grid.png")
    assert titles[:3] == ["episode 9: failure", "episode 15: failure", "episode 0: success"]
    assert len(titles) == 12


@pytest.mark.parametrize("n_dim", [1, 6])
def test_grid_shows_other_dimensions_too(tmp_path, n_dim):
    particle_viz.save_episode_grid([_episode(n_dim).episode], tmp_path / "grid.png")
    assert np.asarray(PIL.Image.open(tmp_path / "grid.png")).std() > 1


def test_grid_of_nothing_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no episodes to draw in"):
        particle_viz.save_episode_grid([], tmp_path / "grid.png")
    assert not list(tmp_path.iterdir())
