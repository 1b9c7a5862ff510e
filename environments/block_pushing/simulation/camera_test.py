import math

import gymnasium
import numpy as np
import pytest
from PIL import Image

from ibc.environments.block_pushing import block_pushing
from ibc.environments.block_pushing.simulation import camera


def _project(parameters: camera.CameraParameters, point, image_size) -> np.ndarray:
    """Returns the pixel (row, column) at which a point of the world appears."""
    view = np.reshape(parameters.view_matrix, (4, 4)).T
    projection = np.reshape(parameters.projection_matrix, (4, 4)).T
    clip = projection @ view @ np.array([*point, 1.0])
    x, y = clip[:2] / clip[3]
    height, width = image_size
    return np.array([(1 - y) / 2 * height, (1 + x) / 2 * width])


@pytest.mark.parametrize(
    ("look", "position", "pitch", "size"),
    [
        (camera.DEFAULT, (1.0, 0.0, 0.75), math.pi / 4, (240, 320)),
        (camera.REAL, (0.75, 0.0, 0.5), math.pi / 5, (180, 320)),
    ],
)
def test_pictures_are_those_of_a_pinhole_camera(look, position, pitch, size):
    assert look.image_size == size
    parameters = look.parameters(size)
    assert parameters.position == position
    # Looks along −x and down, with no roll; a point is at focal length times tangent.
    forward = np.array([-math.sin(pitch), 0.0, -math.cos(pitch)])
    up = np.array([-math.cos(pitch), 0.0, math.sin(pitch)])
    np.testing.assert_allclose(np.subtract(parameters.look_at, position), forward, atol=1e-12)
    np.testing.assert_allclose(parameters.up, up, atol=1e-12)
    right = np.cross(forward, up)
    focal_length = 0.803 * size[1]
    for point in np.random.RandomState(0).uniform((0.2, -0.4, 0.0), (0.6, 0.4, 0.1), (20, 3)):
        ray = point - position
        expected = np.array(size) / 2 + focal_length / (ray @ forward) * np.array(
            [-ray @ up, ray @ right]
        )
        np.testing.assert_allclose(_project(parameters, point, size), expected, atol=1e-3)


def test_larger_pictures_show_the_same():
    point = (0.4, -0.2, 0.02)
    small = _project(camera.DEFAULT.parameters((240, 320)), point, (240, 320))
    large = _project(camera.DEFAULT.parameters((480, 640)), point, (480, 640))
    np.testing.assert_allclose(large, 2 * small, atol=1e-3)


_COLORS = {"red": 0, "green": 1}


def _mask(picture: np.ndarray, color: str) -> np.ndarray:
    """Returns where a picture is of a saturated colour, on the table right of the arm."""
    channel = _COLORS[color]
    others = np.delete(picture.astype(int), channel, axis=-1).max(axis=-1)
    mask = picture[:, :, channel].astype(int) - others > 60
    mask[:118, :84] = False
    mask[:110] = False
    return mask


@pytest.mark.parametrize("name", ["BlockPush", "BlockPushMultimodal"])
def test_pictures_are_those_of_the_published_code(name, golden, opened):
    published = np.asarray(Image.open(golden(f"env/render_{name}_seed0.png")).convert("RGB"))
    env = opened(gymnasium.make(f"{name}-v0", render_mode="rgb_array").unwrapped)
    env.reset(seed=0)
    picture = env.render()
    assert picture.shape == published.shape
    for color in _COLORS:
        ours, theirs = _mask(picture, color), _mask(published, color)
        assert theirs.sum() > 50
        assert (ours & theirs).sum() > 0.9 * (ours | theirs).sum()
    # All that differs is the tip of the tool, and single pixels of edges.
    differs = np.abs(picture.astype(int) - published).max(axis=-1) > 30
    assert differs.sum() < 50


def test_blocks_and_zones_are_drawn_where_they_are(opened):
    env = opened(gymnasium.make("BlockPushMultimodal-v0", render_mode="rgb_array").unwrapped)
    for seed in (1, 2):
        env.reset(seed=seed)
        picture = env.render()
        camera_parameters = env.calc_camera_params((240, 320))
        state = env.compute_state()
        for key, color in (("block", "red"), ("block2", "green")):
            point = (*state[f"{key}_translation"], 0.02)
            row, column = np.round(_project(camera_parameters, point, (240, 320))).astype(int)
            channel = picture[row, column].astype(int)
            assert channel.argmax() == _COLORS[color]
        for key, color in (("target", "green"), ("target2", "red")):
            yaw = state[f"{key}_orientation"][0]
            turn = np.array([[np.cos(yaw), -np.sin(yaw)], [np.sin(yaw), np.cos(yaw)]])
            # The ring's middle is 1 cm along its own x axis from the target's translation.
            middle = state[f"{key}_translation"] + turn @ (0.01, 0.0)
            for offset in ((0.057, 0.0), (-0.057, 0.0), (0.0, 0.057), (0.0, -0.057)):
                point = (*(middle + turn @ offset), 0.001)
                row, column = np.round(_project(camera_parameters, point, (240, 320))).astype(int)
                near = _mask(picture, color)[row - 1 : row + 2, column - 1 : column + 2]
                assert near.any()


def test_render_needs_a_render_mode_and_uses_the_image_size(opened):
    env = opened(block_pushing.BlockPush())
    assert env.render() is None
    env = opened(block_pushing.BlockPush(image_size=(60, 80), render_mode="rgb_array"))
    observation, _ = env.reset(seed=0)
    assert observation["rgb"].shape == env.render().shape == (60, 80, 3)


def test_real_look_is_smaller_and_white(opened):
    env = opened(block_pushing.BlockPush(visuals_mode="real", render_mode="rgb_array"))
    env.reset(seed=0)
    picture = env.render().astype(int)
    assert picture.shape == (180, 320, 3)
    # PyBullet's arm has yellow, blue and green links; this one has none.
    assert not ((picture[..., 0] > 100) & (picture[..., 2] < 60) & (picture[..., 1] > 80)).any()
    np.testing.assert_array_equal(env.workspace_bounds, [[0.15, -0.3048], [0.6, 0.3048]])
