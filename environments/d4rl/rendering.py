"""Pictures of MuJoCo scenes without a display, drawn by a process of its own.

TensorFlow and Mesa bring different versions of LLVM, which do not live together in one process.
So `python -m ibc.environments.d4rl.rendering` draws for one that may have imported TensorFlow. It
reads pickled messages from its input and answers each on its output with ('ok', result) or
('error', reason):

1. the model (`MjModel`), height and width, the camera; result None;
2. and all others: the scene (arrays that `SCENE` names); result a picture.

It ends when its input does.
"""

import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Mapping
from typing import Any, BinaryIO

import numpy as np

SCENE = {"data": ("qpos",), "model": ("body_pos", "body_quat", "site_pos")}
"""What changes from picture to picture, and from episode to episode."""


class Painter:
    """Draws a model, without what takes a software renderer seconds per picture."""

    def __init__(self, model: Any, height: int, width: int, camera: str | Mapping[str, Any]):
        """Creates a drawing context.

        Args:
          model: `MjModel`.
          height: Of pictures, in pixels.
          width: Of pictures, in pixels.
          camera: Name of a camera of the model, or attributes of an `MjvCamera`.
        """
        import mujoco

        self._mujoco = mujoco
        model.vis.global_.offheight, model.vis.global_.offwidth = height, width
        self._model, self._data = model, mujoco.MjData(model)
        self._renderer = mujoco.Renderer(model, height, width)
        for effect in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            self._renderer.scene.flags[effect] = False
        self._camera = self._make_camera(camera)

    def draw(self, scene: Mapping[str, Mapping[str, np.ndarray]]) -> np.ndarray:
        """Returns a picture of a scene, uint8 [height, width, 3]."""
        for owner, target in (("data", self._data), ("model", self._model)):
            for name, values in scene[owner].items():
                getattr(target, name)[:] = values
        self._mujoco.mj_forward(self._model, self._data)
        self._renderer.update_scene(self._data, self._camera)
        return self._renderer.render()

    def _make_camera(self, wanted: str | Mapping[str, Any]) -> Any:
        if isinstance(wanted, str):
            return wanted
        camera = self._mujoco.MjvCamera()
        for name, value in wanted.items():
            setattr(camera, name, value)
        return camera


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answers messages until there are no more."""
    painter = None
    while True:
        try:
            message = pickle.load(requests)
        except EOFError:
            return
        try:
            if painter is None:
                painter = Painter(*message)
                reply = ("ok", None)
            else:
                reply = ("ok", painter.draw(message))
        except Exception as error:  # whatever OpenGL's libraries raise
            reply = ("error", f"{type(error).__name__}: {error}")
        pickle.dump(reply, replies)
        replies.flush()


_BACKEND = "MUJOCO_GL"
# The values of MUJOCO_GL that need no display, the faster one first.
_HEADLESS = ("egl", "osmesa")
_STOP_SECONDS = 5


class Drawer:
    """Draws one simulation, in a process of its own that starts with the first picture."""

    def __init__(self, model: Any, data: Any, size: int, camera: str | Mapping[str, Any]):
        """Creates a drawer.

        Args:
          model: `MjModel` of the simulation.
          data: `MjData` of the simulation.
          size: Height and width of pictures, in pixels.
          camera: Name of a camera of the model, or attributes of an `MjvCamera`.
        """
        self._model, self._data = model, data
        self._opening = (model, size, size, camera)
        self.backend: str | None = None
        """The value of MUJOCO_GL that is drawn with; None before the first picture."""
        self._process = None

    def draw(self) -> np.ndarray:
        """Returns a picture of the scene as it is, uint8 [size, size, 3].

        Raises:
          OSError: Nothing on this machine can draw; the message says what to install.
        """
        if self._process is None:
            self._process = self._start()
            self._closer = weakref.finalize(self, _stop, self._process)
        owners = {"data": self._data, "model": self._model}
        scene = {
            owner: {name: getattr(owners[owner], name) for name in names}
            for owner, names in SCENE.items()
        }
        return _ask(self._process, scene)

    def close(self) -> None:
        """Ends the process, if there is one; a later picture starts another."""
        if self._process is not None:
            self._closer()
            self._process = None

    def _start(self) -> subprocess.Popen:
        """Starts a process with the first way of drawing that works here."""
        failures = []
        for backend in backends():
            process = subprocess.Popen(
                [sys.executable, "-m", __name__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**os.environ, **({_BACKEND: backend} if backend else {})},
            )
            try:
                _ask(process, self._opening)
                self.backend = backend
                return process
            except OSError as error:
                failures.append(f"{backend or 'default'}: {error}")
                _stop(process)
        reasons = "; ".join(" ".join(failure.split()) for failure in failures)
        raise OSError(
            "no picture of the MuJoCo scene can be drawn: it needs EGL or OSMesa; install one (on "
            "Debian and Ubuntu: apt-get install libegl1 libegl-mesa0, or apt-get install "
            f"libosmesa6), or leave out --video ({reasons})."
        )


def backends() -> tuple[str | None, ...]:
    """Returns values of MUJOCO_GL to try: the user's own, or what needs no display.

    None leaves the choice to MuJoCo.
    """
    if os.environ.get(_BACKEND):
        return (os.environ[_BACKEND],)
    return _HEADLESS if sys.platform.startswith("linux") else (None,)


def _ask(process: subprocess.Popen, message: Any) -> Any:
    try:
        pickle.dump(message, process.stdin)
        process.stdin.flush()
        status, result = pickle.load(process.stdout)
    except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
        code = process.wait()
        raise OSError(f"the drawing process ended with status {code}") from error
    if status != "ok":
        raise OSError(result)
    return result


def _stop(process: subprocess.Popen) -> None:
    for pipe in (process.stdin, process.stdout):
        try:
            pipe.close()
        except BrokenPipeError:
            pass
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


if __name__ == "__main__":
    # Whatever a library prints must not get between the answers.
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, output)
