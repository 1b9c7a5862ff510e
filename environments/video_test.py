import gymnasium
import imageio_ffmpeg
import numpy as np
import pytest

from ibc.environments import caption, suite, video


def test_video_has_a_frame_per_state_at_the_control_frequency(tmp_path):
    env = suite.load("PARTICLE", history_length=2)
    env.seed(0)
    env.reset()
    first = caption.below(suite.gym_env(env).render(), "seed 0   step 0   return 0.00")
    path = tmp_path / "new" / "episode.mp4"
    with video.recording(env, path) as add_frame:
        for _ in range(7):
            env.step(np.zeros(2, np.float32))
            add_frame()
        assert not path.exists()
    reader = imageio_ffmpeg.read_frames(str(path))
    assert next(reader)["fps"] == pytest.approx(20.0)
    frames = [np.frombuffer(frame, np.uint8).reshape(first.shape) for frame in reader]
    assert len(frames) == 8
    # Lossy, but clearly the picture that was rendered.
    assert np.abs(frames[0].astype(int) - first).mean() < 3
    last = suite.gym_env(env).render()
    assert np.abs(frames[7][: -caption.HEIGHT].astype(int) - last).mean() < 3
    # What stands below changes with the step.
    strips = [frame[-caption.HEIGHT :].astype(int) for frame in frames]
    assert np.abs(strips[0] - strips[7]).max() > 100


def test_environments_that_cannot_be_drawn_are_refused():
    class Blind(gymnasium.Env):
        pass

    class Undrawn(Blind):
        def render(self):
            return None

    class Unequipped(Blind):
        def render(self):
            raise gymnasium.error.DependencyNotInstalled("pygame is not installed")

    for environment in (Blind(), Undrawn()):
        with pytest.raises(ValueError, match=r"--video: \w+ draws no pictures: leave it out"):
            video.painter(environment)
    with pytest.raises(ImportError, match="--video: pygame is not installed"):
        video.painter(Unequipped())


def test_mujoco_is_drawn_without_a_display():
    env = suite.load("Hopper-v4")
    env.seed(0)
    env.reset()
    try:
        paint = video.painter(suite.gym_env(env))
    except OSError as error:
        pytest.skip(str(error))
    first = paint()
    for _ in range(20):
        env.step(np.ones(3, np.float32))
    assert first.shape == (320, 320, 3) and first.std() > 10
    assert np.abs(paint().astype(int) - first).max() > 30


def test_exception_leaves_no_video(tmp_path):
    env = suite.load("PARTICLE")
    env.reset()
    with pytest.raises(RuntimeError), video.recording(env, tmp_path / "a.mp4"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_captions_tell_seed_step_return_and_success():
    env = suite.load("PARTICLE", max_episode_steps=30)
    env.seed(42)
    env.reset()
    assert caption.of(env) == "seed 42   step 0   return 0.00   success: no"
    inner, total = suite.gym_env(env), 0.0
    for _ in range(30):
        total += float(env.step(np.float32(inner.second_goal)).reward)
    assert caption.of(env).startswith(f"seed 42   step 30   return {total:.2f}   success: ")
    env.step(np.float32(inner.first_goal))  # The next episode, which nobody gave a seed.
    assert caption.of(env) == "step 0   return 0.00   success: no"


@pytest.mark.parametrize("width", [64, 200, 480])
def test_captions_fit_below_pictures_of_any_width(width):
    picture = np.full((32, width, 3), 7, np.uint8)
    captioned = caption.below(picture, "seed 42   step 100   return -10.00   success: yes")
    assert captioned.shape == (32 + caption.HEIGHT, width, 3) and captioned.dtype == np.uint8
    np.testing.assert_array_equal(captioned[:32], picture)
    assert captioned[32:].min() < 120
    # Down to a width of about 170 pixels, the text ends before the picture does.
    assert width < 170 or captioned[32:, -4:].min() > 200
