"""GPUs: the NVIDIA driver, why TensorFlow sees none although there is one, and their memory."""

import contextlib
import ctypes
import os
import pathlib
import re
import subprocess
from collections.abc import Callable, Iterator

DRIVER_FILE = pathlib.Path("/proc/driver/nvidia/version")
"""What the driver writes about itself; not under WSL."""
OLDEST_DRIVER = (525, 60, 13)
"""The oldest driver for Linux that runs programs of any CUDA 12 (CUDA's compatibility guide)."""

NCCL = "libnccl.so.2"
"""What several GPUs add their gradients with."""
INSTALL = "`pip install --no-deps -r requirements-gpu.txt` installs it"
"""What to do where a library cannot be loaded."""

# What TensorFlow opens before it makes a GPU, then what it opens when a computation asks for it;
# libraries of CUDA 12 keep these numbers over its minor versions.
_LIBRARIES = (
    "libcudart.so.12",
    "libcublas.so.12",
    "libcublasLt.so.12",
    "libcufft.so.11",
    "libcusolver.so.11",
    "libcusparse.so.12",
    "libcudnn.so.9",
    NCCL,
    "libcupti.so.12",
)
_CUDA = "libcuda.so.1"
_SECONDS = 20


def driver_version() -> str | None:
    """Returns the version of the NVIDIA driver such as '550.54.15', None where there is none."""
    if DRIVER_FILE.exists():
        found = re.search(r"\b\d{3,}\.\d+(\.\d+)?\b", DRIVER_FILE.read_text(errors="replace"))
        if found:
            return found[0]
    lines = _asked_of_the_driver("driver_version")
    return lines[0] if lines else None


def names() -> list[str]:
    """Returns each GPU's name and memory, as the driver's own tool has them."""
    return _asked_of_the_driver("name,memory.total")


def device() -> str | None:
    """Returns the name of the device that one training computes on if it is a GPU."""
    import tensorflow as tf

    return "/gpu:0" if tf.config.list_physical_devices("GPU") else None


def compute_capability() -> tuple[int, int] | None:
    """Returns the lowest compute capability of NVIDIA's GPUs that TensorFlow sees, if any."""
    import tensorflow as tf

    details = map(tf.config.experimental.get_device_details, tf.config.list_physical_devices("GPU"))
    known = [found["compute_capability"] for found in details if "compute_capability" in found]
    return min(known, default=None)


def let_memory_grow() -> None:
    """Has TensorFlow take a GPU's memory as it needs it, not all of it at once.

    Without effect after TensorFlow has computed something.
    """
    import tensorflow as tf

    for each in tf.config.list_physical_devices("GPU"):
        with contextlib.suppress(RuntimeError):
            tf.config.experimental.set_memory_growth(each, True)


def limit_memory(megabytes: int) -> None:
    """Sets the most memory that TensorFlow takes of each GPU, in 2²⁰ bytes, before it computes."""
    import tensorflow as tf

    limit = [tf.config.LogicalDeviceConfiguration(memory_limit=megabytes)]
    for each in tf.config.list_physical_devices("GPU"):
        tf.config.set_logical_device_configuration(each, limit)


def missing_libraries(load: Callable[[str], object] = ctypes.CDLL) -> dict[str, str]:
    """Tries to open CUDA's libraries as TensorFlow does: its packages' first, then the system's.

    Args:
      load: opens a library by its path or name; raises OSError if it cannot.

    Returns:
      Library that could not be opened → the reason.
    """
    return {name: reason for name in _LIBRARIES if (reason := _failure(name, load))}


def why_none(load: Callable[[str], object] = ctypes.CDLL) -> str:
    """Says in one sentence why TensorFlow sees no GPU, without a full stop.

    Args:
      load: as for `missing_libraries`.
    """
    from tensorflow.python.platform import build_info  # the public API imports all of TensorFlow

    driver = driver_version()
    if driver is None:
        return "there is no NVIDIA driver (`nvidia-smi` finds none)"
    if not build_info.build_info["is_cuda_build"]:
        return f"the driver {driver} is there, but this TensorFlow is built without CUDA"
    if tuple(map(int, driver.split("."))) < OLDEST_DRIVER:
        oldest = ".".join(map(str, OLDEST_DRIVER))
        return f"the driver {driver} is too old for CUDA 12, which needs {oldest} or later"
    if missing := missing_libraries(load):
        name, reason = next(iter(missing.items()))
        others = f", nor can {', '.join(list(missing)[1:])}" if len(missing) > 1 else ""
        return f"{name} cannot be loaded ({reason}){others}; {INSTALL}"
    if (hidden := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return f"CUDA_VISIBLE_DEVICES is {hidden!r} in the environment, which may hide it"
    return f"all libraries are there, but the driver {driver} answers: {_answer(load)}"


def _failure(name: str, load: Callable[[str], object]) -> str:
    """Returns why a library cannot be opened; '' if it can."""
    reason = ""
    for path in (*_in_packages(name), name):
        try:
            load(path)
            return ""
        except OSError as error:
            reason = str(error)
    return reason


def _in_packages(name: str) -> Iterator[str]:
    """Yields the paths of a library in the packages that TensorFlow looks into."""
    import tensorflow as tf

    packages = pathlib.Path(tf.__file__).parent.parent / "nvidia"
    yield from map(str, sorted(packages.glob(f"*/lib/{name}")))


def _answer(load: Callable[[str], object]) -> str:
    """Returns what the driver answers to a program that begins to use it."""
    try:
        cuda = load(_CUDA)
    except OSError as error:
        return str(error)
    name = ctypes.c_char_p()
    code = cuda.cuInit(0)  # type: ignore[attr-defined]
    cuda.cuGetErrorName(code, ctypes.byref(name))  # type: ignore[attr-defined]
    return f"{(name.value or b'').decode()} ({code})"


def _asked_of_the_driver(what: str) -> list[str]:
    """Returns a line for each GPU from nvidia-smi; [] where it has none to tell."""
    command = ["nvidia-smi", f"--query-gpu={what}", "--format=csv,noheader"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [] if asked.returncode else [line.strip() for line in asked.stdout.splitlines() if line]
