"""Pictures of MuJoCo scenes without a display, drawn by a process of its own.

TensorFlow and Mesa bring different versions of LLVM, which do not live together in one process.
So `python -m ibc.environments.mujoco_drawing` draws for one that may have imported TensorFlow. It
reads pickled messages from its input and answers each on its output with ('ok', result) or
('error', reason):

1. the model (`MjModel`), the camera, whether there are shadows and reflections; result None;
2. and all others: height, width, the scene (arrays that `SCENE` names); result a picture.

It ends when its input does.
"""

import contextlib
import os
import pickle
import subprocess
import sys
import weakref
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

import numpy as np

SCENE = {
    "data": ("qpos", "mocap_pos", "mocap_quat"),
    "model": (
        *("body_pos", "body_quat", "geom_pos", "geom_size", "geom_rgba"),
        *("site_pos", "site_size", "site_rgba"),
    ),
}
"""What changes from picture to picture, and from episode to episode."""

Camera = str | int | Mapping[str, Any]
"""Name or number of a camera of the model, or attributes of an `MjvCamera`."""
_SMALLEST_PIXELS = 1
_BACKEND = "MUJOCO_GL"


class LibraryMissing(ImportError):
    """MuJoCo cannot be imported, as what it should draw with is not there."""


@contextlib.contextmanager
def import_errors() -> Iterator[None]:
    """Tells in one line what to do if MUJOCO_GL keeps MuJoCo from being imported in the block.

    Raises:
      LibraryMissing: It does.
    """
    try:
        yield
    except (AttributeError, RuntimeError) as error:
        chosen = os.environ.get(_BACKEND)
        raise LibraryMissing(
            f"mujoco cannot be imported ({error}) with {_BACKEND}={chosen}: unset {_BACKEND}, or "
            "install that library."
        ) from error


class Painter:
    """Draws a model, in pictures of any size."""

    def __init__(self, model: Any, camera: Camera, effects: bool = False):
        """Creates a drawing context.

        Args:
          model: `MjModel`.
          camera: From where pictures are taken.
          effects: Whether there are shadows and reflections, which take a software renderer most of
            its time.
        """
        import mujoco

        self._mujoco = mujoco
        self._model, self._data = model, mujoco.MjData(model)
        self._camera, self._effects = self._make_camera(camera), effects
        self._renderers: dict[tuple[int, int], Any] = {}
        self._renderer(_SMALLEST_PIXELS, _SMALLEST_PIXELS)  # tells whether anything can draw here

    def draw(
        self, height: int, width: int, scene: Mapping[str, Mapping[str, np.ndarray]]
    ) -> np.ndarray:
        """Returns a picture of a scene, uint8 [height, width, 3]."""
        for owner, target in (("data", self._data), ("model", self._model)):
            for name, values in scene[owner].items():
                getattr(target, name)[:] = values
        self._mujoco.mj_forward(self._model, self._data)
        renderer = self._renderer(height, width)
        renderer.update_scene(self._data, self._camera)
        return renderer.render()

    def _renderer(self, height: int, width: int) -> Any:
        if (height, width) not in self._renderers:
            bounds = self._model.vis.global_
            bounds.offheight, bounds.offwidth = height, width
            renderer = self._mujoco.Renderer(self._model, height, width)
            flags = self._mujoco.mjtRndFlag
            for effect in (flags.mjRND_SHADOW, flags.mjRND_REFLECTION):
                renderer.scene.flags[effect] = self._effects
            self._renderers[height, width] = renderer
        return self._renderers[height, width]

    def _make_camera(self, wanted: Camera) -> Any:
        if not isinstance(wanted, Mapping):
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
                reply = ("ok", painter.draw(*message))
        except Exception as error:  # whatever OpenGL's libraries raise
            reply = ("error", f"{type(error).__name__}: {error}")
        pickle.dump(reply, replies)
        replies.flush()


# The values of MUJOCO_GL that need no display, the faster one first.
_HEADLESS = ("egl", "osmesa")
_STOP_SECONDS = 5


class Drawer:
    """Draws one simulation, in a process of its own that starts with the first picture."""

    def __init__(self, model: Any, data: Any, camera: Camera, effects: bool = False):
        """Creates a drawer.

        Args:
          model: `MjModel` of the simulation.
          data: `MjData` of the simulation.
          camera: From where pictures are taken.
          effects: Whether there are shadows and reflections; pictures then take several times as
            long.
        """
        self._model, self._data = model, data
        self._opening = (model, camera, effects)
        self.backend: str | None = None
        """The value of MUJOCO_GL that is drawn with; None before the first picture."""
        self._process = None

    def draw(self, height: int, width: int) -> np.ndarray:
        """Returns a picture of the scene as it is, uint8 [height, width, 3].

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
        return _ask(self._process, (height, width, scene))

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
            f"libosmesa6), or do without pictures ({reasons})."
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
