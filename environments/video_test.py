import imageio_ffmpeg
import numpy as np
import pytest

from ibc.environments import suite, video


def test_video_has_a_frame_per_state_at_the_control_frequency(tmp_path):
    env = suite.load("PARTICLE", history_length=2)
    env.seed(0)
    env.reset()
    first = suite.gym_env(env).render()
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
    assert np.abs(frames[7].astype(int) - suite.gym_env(env).render()).mean() < 3


def test_exception_leaves_no_video(tmp_path):
    env = suite.load("PARTICLE")
    env.reset()
    with pytest.raises(RuntimeError), video.recording(env, tmp_path / "a.mp4"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())
