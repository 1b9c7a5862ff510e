"""Tests of pictures, drawn here or refused with a reason."""

import gc
import subprocess

import imageio_ffmpeg
import numpy as np
import pytest

from ibc.environments import mujoco_drawing, suite, video
from tests import d4rl_testing

pytest.importorskip("gymnasium_robotics")


@pytest.fixture(scope="module")
def can_draw():
    env = d4rl_testing.make("hopper-medium-v0", render_mode="rgb_array")
    env.reset(seed=0)
    try:
        env.render()
    except OSError as error:
        pytest.skip(str(error))
    finally:
        env.close()


def _draw(name, seed=0):
    env = d4rl_testing.make(name, render_mode="rgb_array").unwrapped
    env.reset(seed=seed)
    return env, env.render()


@pytest.mark.usefixtures("can_draw")
@pytest.mark.parametrize(
    "name", ["door-human-v0", "kitchen-mixed-v0", "antmaze-large-play-v0", "walker2d-medium-v0"]
)
def test_pictures_show_something_that_moves(name):
    import tensorflow  # noqa: F401  (its LLVM and Mesa's do not live in one process)

    env, picture = _draw(name)
    assert picture.shape == (480, 480, 3) and picture.dtype == np.uint8
    assert picture.std() > 10
    for _ in range(5):
        env.step(np.ones(env.action_space.shape))
    assert (env.render() != picture).any()
    env.close()


@pytest.mark.usefixtures("can_draw")
def test_environments_take_turns():
    first, picture = _draw("hopper-medium-v0")
    second, _ = _draw("walker2d-medium-v0")
    np.testing.assert_array_equal(first.render(), picture)
    first.close(), second.close()


@pytest.mark.usefixtures("can_draw")
def test_where_the_door_stands_is_seen():
    env, picture = _draw("door-human-v0", seed=0)
    env.reset(seed=1)
    assert (env.render() != picture).any()
    env.close()


@pytest.mark.usefixtures("can_draw")
def test_the_drawing_process_ends_with_its_environment():
    env, _ = _draw("hopper-medium-v0")
    process = env._drawer._process
    assert process.poll() is None
    env.close()
    assert process.poll() == 0
    again = env.render()
    process = env._drawer._process
    assert again.shape == (480, 480, 3)
    del env
    gc.collect()
    assert process.poll() is not None


def test_without_render_mode_there_is_no_picture():
    env = d4rl_testing.make("hopper-medium-v0").unwrapped
    env.reset(seed=0)
    assert env.render() is None and env._drawer._process is None


def test_message_names_the_packages_where_nothing_can_draw(monkeypatch):
    monkeypatch.setattr(mujoco_drawing, "backends", lambda: ("no-such-backend",))
    with pytest.raises(
        OSError, match="libegl1 libegl-mesa0, or apt-get install libosmesa6"
    ) as error:
        _draw("hopper-medium-v0")
    assert "no-such-backend" in str(error.value) and "\n" not in str(error.value)


def test_a_drawing_process_that_dies_is_reported(monkeypatch):
    monkeypatch.setattr(mujoco_drawing.sys, "executable", "false")
    with pytest.raises(OSError, match="the drawing process ended with status 1"):
        _draw("hopper-medium-v0")


@pytest.mark.parametrize(
    ("platform", "chosen", "expected"),
    [("linux", None, ("egl", "osmesa")), ("linux", "glfw", ("glfw",)), ("darwin", None, (None,))],
)
def test_backends_to_try(monkeypatch, platform, chosen, expected):
    monkeypatch.setattr(mujoco_drawing.sys, "platform", platform)
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    if chosen:
        monkeypatch.setenv("MUJOCO_GL", chosen)
    assert mujoco_drawing.backends() == expected


def test_nothing_is_started_before_the_first_picture(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    env = d4rl_testing.make("hopper-medium-v0", render_mode="rgb_array")
    env.reset(seed=0)
    env.close()


@pytest.mark.slow
@pytest.mark.usefixtures("can_draw")
@pytest.mark.parametrize(
    "task",
    [
        "pen-human-v0",
        "hammer-human-v0",
        "relocate-human-v0",
        "kitchen-complete-v0",
        "halfcheetah-medium-v0",
        "hopper-medium-v0",
        "antmaze-medium-play-v0",
    ],
)
def test_videos_of_every_family(tmp_path, task):
    env = suite.load(task, max_episode_steps=3)
    env.seed(0)
    current = env.reset()
    with video.recording(env, tmp_path / "episode.mp4") as add_frame:
        while not current.is_last():
            current = env.step(np.ones(env.action_spec().shape, np.float32))
            add_frame()
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "episode.mp4"))[0] == 4
