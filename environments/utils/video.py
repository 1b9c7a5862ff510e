"""Videos of an environment, written frame by frame."""

import contextlib
import os
from collections.abc import Callable, Iterator

from tf_agents.environments import py_environment

from ibc.environments.utils import atomic_file, gym_access


@contextlib.contextmanager
def recording(
    env: py_environment.PyEnvironment, path: str | os.PathLike
) -> Iterator[Callable[[], None]]:
    """Writes an mp4 of an environment at its control frequency.

    The environment must have been reset; its present state is the first frame. The file
    appears under its name only when the block is left without an exception.

        env.reset()
        with video.recording(env, "episode.mp4") as add_frame:
            env.step(action)
            add_frame()

    Args:
      env: TF-Agents environment over a Gymnasium one with `render_mode='rgb_array'`.
      path: Name of the file, ending in .mp4; its folder is made if missing.

    Yields:
      A function that adds a picture of the environment as it is.
    """
    import imageio_ffmpeg
    import mediapy  # slow to import, and only videos need it

    mediapy.set_ffmpeg(imageio_ffmpeg.get_ffmpeg_exe())
    inner = gym_access.gym_env(env)
    first = inner.render()
    with (
        atomic_file.replacing(path) as temporary,
        mediapy.VideoWriter(temporary, first.shape[:2], fps=inner.control_frequency) as writer,
    ):
        writer.add_image(first)
        yield lambda: writer.add_image(inner.render())
