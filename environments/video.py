"""Videos of an environment, written frame by frame."""

import contextlib
import functools
import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator

import gymnasium
import numpy as np
from tf_agents.environments import py_environment

from ibc.environments import caption, contract, suite
from ibc.utils import atomic_file, termination

_MUJOCO_PIXELS = 320


@contextlib.contextmanager
def recording(
    env: py_environment.PyEnvironment, path: str | os.PathLike
) -> Iterator[Callable[[], None]]:
    """Writes an mp4 of an environment at its control frequency, with captions below.

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

    Raises:
      OSError: The file could not be written, or there is no ffmpeg.
      ImportError: What draws the environment is not installed.
      ValueError: The environment draws no pictures.
    """
    inner = suite.gym_env(env)
    paint = painter(inner)
    first = caption.below(paint(), caption.of(env))
    with _writing(path, first.shape[:2], contract.control_frequency(env)) as add:
        add(first)
        yield lambda: add(caption.below(paint(), caption.of(env)))


def painter(inner: gymnasium.Env) -> Callable[[], np.ndarray]:
    """Returns what draws an environment as it is, uint8 [height, width, 3]; it has been tried.

    Args:
      inner: The innermost one, which has been reset.

    Raises:
      ImportError, OSError: What draws the environment is not installed.
      ValueError: The environment draws no pictures.
    """
    _check_draws(inner)
    paint = _mujoco_painter(inner) or inner.render
    try:
        first = paint()
    except gymnasium.error.DependencyNotInstalled as error:
        raise ImportError(f"--video: {error}") from error
    except NotImplementedError:
        first = None
    if first is None:
        raise _draws_nothing(inner)
    return paint


def _mujoco_painter(inner: gymnasium.Env) -> Callable[[], np.ndarray] | None:
    """Returns what draws Gymnasium's own MuJoCo environments, whose renderer needs a display."""
    if not hasattr(inner, "mujoco_renderer"):
        return None
    from gymnasium.envs.mujoco import mujoco_env  # It is there, as the environment is made of it.

    from ibc.environments import mujoco_drawing

    if type(inner).render is not mujoco_env.MujocoEnv.render:
        return None
    cameras = [inner.model.camera(number).name for number in range(inner.model.ncam)]
    camera = "track" if "track" in cameras else inner.mujoco_renderer.default_cam_config or {}
    drawer = mujoco_drawing.Drawer(inner.model, inner.data, camera)
    return functools.partial(drawer.draw, _MUJOCO_PIXELS, _MUJOCO_PIXELS)


def check_draws(env: py_environment.PyEnvironment) -> None:
    """Raises ValueError if the environment has no `render` of its own, which needs no episode."""
    _check_draws(suite.gym_env(env))


def _check_draws(inner: gymnasium.Env) -> None:
    if type(inner).render is gymnasium.Env.render:
        raise _draws_nothing(inner)


def _draws_nothing(inner: gymnasium.Env) -> ValueError:
    return ValueError(
        f"--video: {type(inner).__name__} draws no pictures: leave it out, or give the environment "
        "a render() that returns uint8 [height, width, 3]."
    )


def write(frames: Iterable[np.ndarray], path: str | os.PathLike, fps: float) -> None:
    """Writes frames as an mp4, whole or not at all.

    Args:
      frames: At least one, uint8 [height, width, 3], both sizes even.
      path: Name of the file, ending in .mp4; its folder is made if missing.
      fps: Frames per second.

    Raises:
      OSError: The file could not be written, or there is no ffmpeg.
    """
    remaining = iter(frames)
    first = next(remaining)
    with _writing(path, first.shape[:2], fps) as add:
        for frame in itertools.chain([first], remaining):
            add(frame)


@contextlib.contextmanager
def _writing(
    path: str | os.PathLike, shape: tuple[int, int], fps: float
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yields what adds a frame; the file appears when the block is left without an exception."""
    import mediapy  # slow to import, and only videos need it

    mediapy.set_ffmpeg(find_ffmpeg())
    with (
        _encoder_errors(path),
        atomic_file.replacing(path) as temporary,
        mediapy.VideoWriter(temporary, shape, fps=fps) as writer,
    ):
        yield writer.add_image


def find_ffmpeg() -> str:
    """Returns the program that encodes videos.

    Raises:
      FileNotFoundError: There is none.
    """
    import imageio_ffmpeg

    try:
        program = imageio_ffmpeg.get_ffmpeg_exe()
    except RuntimeError:
        program = "ffmpeg"
    if shutil.which(program) is None:
        raise FileNotFoundError(
            f"videos need ffmpeg, but there is no program {program}: install the package "
            "imageio-ffmpeg, which brings one, or set IMAGEIO_FFMPEG_EXE to one; or leave out "
            "--video."
        )
    return program


@contextlib.contextmanager
def _encoder_errors(path: str | os.PathLike) -> Iterator[None]:
    """Raises OSError, in one line, where mediapy reports that ffmpeg has failed."""
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("Error writing"):
            raise
        # A signal to a group of processes ends the encoder too.
        termination.check()
        cause = str(error).rpartition(": ")[2].strip().splitlines() or ["ffmpeg ended early"]
        raise OSError(
            f"the video {path} could not be written ({cause[-1]}): is the disk full?"
        ) from error
