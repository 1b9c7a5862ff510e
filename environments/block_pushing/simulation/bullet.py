"""PyBullet: connecting to it, loading files into it, and the poses of bodies as it has them."""

import contextlib
import functools
import inspect
import math
import os
import pathlib
import weakref
from typing import Any, NamedTuple

import numpy as np
from scipy.spatial import transform

from ibc.utils import startup

try:
    with startup.native_stderr_held_back():  # It announces when it was built.
        import pybullet
    import pybullet_data
except ImportError as error:
    raise ImportError(
        "block pushing needs PyBullet, which is not installed: run 'pip install --no-deps "
        "--no-build-isolation pybullet==3.2.7'. Python 3.12 and later build it from source, which "
        "needs a C++ compiler and takes minutes; there are wheels for 3.10 and 3.11."
    ) from error

SHARED_MEMORY_KEY = 12347
"""Where PyBullet's clients and servers look for each other by default."""

_SHARED_MEMORY_SEGMENTS = pathlib.Path("/proc/sysvipc/shm")
_START_A_SERVER = "run 'python -m pybullet_utils.runServer' in another terminal"
_ASSETS = pathlib.Path(__file__).parent.parent / "assets"
_PYBULLET_ASSETS = pathlib.Path(pybullet_data.getDataPath())


class Client:
    """PyBullet's functions and constants for one simulation.

    Like `pybullet_utils.bullet_client.BulletClient`, but it makes each function once, and
    says nothing.
    """

    def __init__(self, connection_mode: int):
        """Connects; `isConnected()` tells whether that worked. The mode is e.g. DIRECT."""
        self._client_id = pybullet.connect(connection_mode, SHARED_MEMORY_KEY)
        self._plugins: list[str] = []
        self._end = weakref.finalize(self, _disconnect, self._client_id, os.getpid(), self._plugins)

    def __getattr__(self, name: str) -> Any:
        """Returns a function of PyBullet for this simulation, or a constant."""
        if name.startswith("_"):
            raise AttributeError(f"{type(self).__name__} has no attribute '{name}'.")
        value = getattr(pybullet, name)
        if inspect.isbuiltin(value):
            value = functools.partial(value, physicsClientId=self._client_id)
        setattr(self, name, value)
        return value

    def load_plugin(self, file: str, entry_point: str) -> bool:
        """Loads a plugin; returns whether that worked."""
        self._plugins.append(file)
        return pybullet.loadPlugin(file, entry_point, physicsClientId=self._client_id) >= 0

    def disconnect(self) -> None:
        """Ends the simulation, or the connection to a server; may be called twice."""
        self._end()
        # Ids are used again, so nothing may remember this one.
        self.__dict__ = {"_client_id": -1, "_plugins": [], "_end": self._end}


def _disconnect(client_id: int, process_id: int, plugins: list[str]) -> None:
    # A forked process has the object but not the simulation.
    if os.getpid() == process_id and pybullet.isConnected(client_id):
        # A plugin announces its end, too.
        with startup.native_output_held_back() if plugins else contextlib.nullcontext():
            pybullet.disconnect(client_id)


def connect(shared_memory: bool = False) -> Client:
    """Returns a new simulation in this process, or a connection to that of a running server.

    Args:
      shared_memory: Whether to connect to a PyBullet shared-memory server.

    Raises:
      ConnectionError: No shared-memory server runs on this machine.
    """
    if not shared_memory:
        return Client(pybullet.DIRECT)
    # What a killed server has left looks like a server that never answers.
    client = Client(pybullet.SHARED_MEMORY) if _num_attached() >= 1 else None
    if client is None or not client.isConnected():
        raise ConnectionError(
            f"found no PyBullet shared-memory server to connect to; {_START_A_SERVER} and leave "
            "it running."
        )
    return client


def check_server() -> None:
    """Checks that the shared-memory server which this process is connected to still runs.

    Raises:
      ConnectionError: It has ended; a call to PyBullet would wait for it forever.
    """
    if _num_attached() < 2:
        raise ConnectionError(f"the PyBullet shared-memory server has ended; {_START_A_SERVER}.")


def _num_attached() -> float:
    """Counts the processes that share the server's memory; infinite where that is not known."""
    if not _SHARED_MEMORY_SEGMENTS.exists():  # not Linux
        return math.inf
    header, *rows = (line.split() for line in _SHARED_MEMORY_SEGMENTS.read_text().splitlines())
    key, attached = header.index("key"), header.index("nattch")
    return sum(int(row[attached]) for row in rows if int(row[key]) == SHARED_MEMORY_KEY)


def load_asset(client: Client, name: str, **options: object) -> int:
    """Loads one of this package's URDF files; returns the body's id. Options as `loadURDF`'s."""
    return client.loadURDF(str(_ASSETS / name), **options)


def load_from_pybullet_data(client: Client, name: str, **options: object) -> int:
    """Loads a URDF file that comes with PyBullet; returns the body's id."""
    return client.loadURDF(str(_PYBULLET_ASSETS / name), **options)


_GIMBAL_LOCK = 1e-7


class Pose(NamedTuple):
    """Where a body is and how it is turned."""

    translation: tuple[float, float, float]
    """Position x, y, z in metres."""
    quaternion: tuple[float, float, float, float]
    """Orientation x, y, z, w."""

    @property
    def yaw(self) -> float:
        """Third angle of the extrinsic 'xyz' Euler angles, in radians.

        0 where it is not determined: when the second one is a right angle.
        """
        x, y, z, w = self.quaternion
        sine, cosine = 2 * (w * z + x * y), w * w + x * x - y * y - z * z
        return math.atan2(sine, cosine) if math.hypot(sine, cosine) > _GIMBAL_LOCK else 0.0


def from_yaw(translation: tuple[float, float, float], yaw: float) -> Pose:
    """Returns the pose at `translation`, turned by `yaw` radians about the vertical."""
    return from_rotation_vector(translation, (0.0, 0.0, yaw))


def from_rotation_vector(
    translation: tuple[float, float, float], rotation_vector: tuple[float, float, float]
) -> Pose:
    """Returns the pose at `translation`, turned by a rotation vector (axis times radians)."""
    rotation = transform.Rotation.from_rotvec(np.asarray(rotation_vector, np.float64))
    return Pose(tuple(float(x) for x in translation), tuple(rotation.as_quat().tolist()))
