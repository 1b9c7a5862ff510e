"""What draws the pictures: PyBullet's TinyRenderer, or OpenGL through its plugin for EGL.

TinyRenderer computes on one core. EGL draws on the GPU without a display; where there is none,
Mesa draws in software, which takes longer than TinyRenderer.
"""

import contextlib
import ctypes
import functools
import importlib.util
import os
import pathlib
import re
import subprocess
import sys

from absl import logging

from ibc.environments.block_pushing.simulation import bullet, camera
from ibc.utils import startup

_PLUGIN = "eglRenderer"
_ENTRY_POINT = "_eglRendererPlugin"
# Names under which Mesa and others draw in software.
_SOFTWARE = re.compile("llvmpipe|softpipe|swrast|swiftshader|software", re.IGNORECASE)
# Where Mesa's drivers are; many names mean the same file.
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/usr/local/lib")
_MESA_DRIVERS = ("*_dri.so", "dri/*_dri.so", "*/dri/*_dri.so", "libgallium*.so", "*/libgallium*.so")
_TRIAL_SECONDS = 120
_SMALL = (8, 8)
# In a process of its own, as the plugin ends that which it finds no EGL for.
_TRIAL = """
import sys, pybullet
pybullet.connect(pybullet.DIRECT)
if pybullet.loadPlugin(sys.argv[1], sys.argv[2]) < 0:
    sys.exit("the plugin cannot be loaded")
pybullet.getCameraImage(8, 8, renderer=pybullet.ER_BULLET_HARDWARE_OPENGL)
"""


def choose(renderer: str) -> str:
    """Returns 'tiny' or 'egl': what draws when `renderer` is asked for; 'auto' logs which.

    Raises:
      ValueError: 'egl' does not work here; the message says why.
    """
    if renderer == "tiny":
        return renderer
    try:
        device = _egl_device()
    except OSError as error:
        if renderer == "egl":
            raise ValueError(
                f"renderer is 'egl', but EGL draws no pictures here: {error}. Choose 'tiny', or "
                "'auto', which takes EGL where a GPU draws."
            ) from error
        logging.info("TinyRenderer draws the pictures: there is no EGL (%s).", error)
        return "tiny"
    if renderer == "egl":
        return renderer
    if _SOFTWARE.search(device):
        logging.info("TinyRenderer draws the pictures: EGL here is software (%s).", device)
        return "tiny"
    logging.info("EGL draws the pictures, on %s.", device)
    return "egl"


def prepare(client: bullet.Client, chosen: str) -> None:
    """Makes what `choose` has returned draw a new simulation, in which there is no body yet.

    Raises:
      ValueError: The plugin for EGL cannot be loaded.
    """
    if chosen == "tiny":
        return
    _keep_mesa_apart()
    with startup.native_output_held_back():
        is_loaded = client.load_plugin(_plugin_file(), _ENTRY_POINT)
    if not is_loaded:
        raise ValueError(f"PyBullet's plugin {_plugin_file()} cannot be loaded; choose 'tiny'.")


@functools.cache
def _keep_mesa_apart() -> None:
    """Loads Mesa's drivers so that they call their own LLVM: that of TensorFlow makes them crash.

    TensorFlow has to be there before; imported after it crashes by Mesa's.
    """
    if not hasattr(os, "RTLD_DEEPBIND"):  # not Linux
        return
    files = {
        (found.stat().st_dev, found.stat().st_ino): found
        for folder in filter(None, [os.environ.get("LIBGL_DRIVERS_PATH"), *_LIBRARIES])
        for pattern in _MESA_DRIVERS
        for found in sorted(pathlib.Path(folder).glob(pattern))
    }
    for file in files.values():
        with contextlib.suppress(OSError):  # It may be one of several for other machines.
            ctypes.CDLL(str(file), mode=os.RTLD_NOW | os.RTLD_LOCAL | os.RTLD_DEEPBIND)


def draw_first(client: bullet.Client, chosen: str) -> None:
    """Draws pictures that nobody sees, once there are bodies: with two EGL announces itself."""
    if chosen == "tiny":
        return
    with startup.native_output_held_back():
        for _ in range(2):
            camera.DEFAULT.render(client, _SMALL)


@contextlib.contextmanager
def _as_reasons():
    """Turns what keeps a trial from working into an OSError of one line."""
    try:
        yield
    except subprocess.CalledProcessError as error:
        said = error.stderr.strip().splitlines() or [f"it ended with status {error.returncode}"]
        raise OSError(said[-1]) from error
    except subprocess.TimeoutExpired as error:
        raise OSError(f"nothing was drawn in {_TRIAL_SECONDS} s") from error


@functools.cache
def _egl_device() -> str:
    """Draws a picture in another process; returns the name of what has drawn it.

    Raises:
      OSError: Nothing has; the message says why.
    """
    with _as_reasons():
        trial = subprocess.run(
            [sys.executable, "-c", _TRIAL, _plugin_file(), _ENTRY_POINT],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=_TRIAL_SECONDS,
        )
    named = re.search(r"^GL_RENDERER=(.+)$", trial.stdout, re.MULTILINE)
    return named[1].strip() if named else "an unknown device"


def _plugin_file() -> str:
    """Returns the plugin, a file beside PyBullet's own module.

    Raises:
      OSError: PyBullet was built without it.
    """
    found = importlib.util.find_spec(_PLUGIN)
    if found is None or found.origin is None:
        raise OSError(f"this PyBullet was built without its plugin {_PLUGIN}")
    return found.origin
