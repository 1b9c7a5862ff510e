"""Draws MuJoCo scenes in a process of its own: `python -m ibc.environments.d4rl.drawing_process`.

TensorFlow and Mesa bring different versions of LLVM, which do not live together in one process.
So this program draws for one that may have imported TensorFlow. It reads pickled messages from
its input and answers each on its output with ('ok', result) or ('error', reason):

1. the model (`MjModel`), height and width, the camera; result None;
2. and all others: the scene (arrays that `SCENE` names); result a picture.

It ends when its input does.
"""

import os
import pickle
import sys
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


if __name__ == "__main__":
    # Whatever a library prints must not get between the answers.
    with os.fdopen(os.dup(1), "wb") as output:
        os.dup2(2, 1)
        serve(sys.stdin.buffer, output)
