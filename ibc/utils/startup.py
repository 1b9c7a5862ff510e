"""What has to be settled before TensorFlow is imported: the Keras version and start-up noise."""

import contextlib
import ctypes
import gc
import os
import sys
import tempfile
import warnings
from collections.abc import Iterator
from typing import IO

from ibc.utils import gpu

_LEGACY_KERAS = "TF_USE_LEGACY_KERAS"


def prepare_tensorflow() -> None:
    """Chooses Keras 2, which TF-Agents needs, and silences libraries' start-up chatter.

    Raises:
      ImportError: TensorFlow was imported earlier with Keras 3, which cannot be undone.
    """
    if "tensorflow" in sys.modules and os.environ.get(_LEGACY_KERAS) not in ("1", "true", "True"):
        raise ImportError(
            "TensorFlow was imported before ibc and has chosen Keras 3, but TF-Agents needs "
            f"Keras 2. Import ibc before tensorflow, or set {_LEGACY_KERAS}=1 in the environment."
        )
    os.environ[_LEGACY_KERAS] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("PYGAME_HIDE_SUPPORT_PROMPT", "1")
    warnings.filterwarnings("ignore", message=".*pkg_resources.*")
    # TF-Agents imports gym, whose notice board speaks to nobody here: nothing uses it.
    with contextlib.suppress(ImportError):
        from gym_notices import notices

        notices.notices.clear()


def import_tensorflow_quietly() -> None:
    """Imports TensorFlow and TF-Agents and looks for devices, without their native messages.

    TensorFlow's libraries write to the process's stderr while they are loaded, before any log
    level applies, and again when the first device is looked for. Commands call this once before
    their own imports. If the import fails, everything that was held back is shown.

    Raises:
      ImportError: TensorFlow or TF-Agents is not installed.
    """
    import_tensorflow_alone_quietly()
    with native_stderr_held_back(), garbage_ignored():
        try:
            import tf_agents.agents.tf_agent  # noqa: F401
        except ModuleNotFoundError as error:
            raise ImportError(
                f"{error}. TF-Agents' pins keep it out of this package's own requirements: run "
                "`pip install --no-deps -r requirements.txt` from the repository."
            ) from error
    # gym, which TF-Agents imports, has all deprecations shown; Python 3.13 has news for gast.
    warnings.filterwarnings("ignore", category=DeprecationWarning, module=r"gast\.")


def import_tensorflow_alone_quietly() -> None:
    """Does as `import_tensorflow_quietly`, but leaves TF-Agents out, which takes as long again."""
    with native_stderr_held_back(), garbage_ignored():
        import tensorflow as tf

        gpu.let_memory_grow()
        tf.get_logger().setLevel("WARNING")


@contextlib.contextmanager
def garbage_ignored() -> Iterator[None]:
    """Collects no garbage in its body, and never what there is at its end: imports stay.

    The collector would look through TensorFlow's objects for a tenth of the time of its import.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


@contextlib.contextmanager
def native_stderr_held_back() -> Iterator[None]:
    """Sends file descriptor 2 to a temporary file; replays it if the body raises."""
    with _held_back(sys.stderr, 2):
        yield


@contextlib.contextmanager
def native_output_held_back() -> Iterator[None]:
    """Does so with file descriptors 1 and 2, and with what C libraries have yet to write."""
    libc = ctypes.CDLL(None)
    libc.fflush(None)
    with _held_back(sys.stdout, 1), _held_back(sys.stderr, 2):
        try:
            yield
        finally:
            libc.fflush(None)


@contextlib.contextmanager
def _held_back(stream: IO[str], descriptor: int) -> Iterator[None]:
    stream.flush()
    terminal = os.dup(descriptor)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), descriptor)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(terminal, held_back.read())
            raise
        finally:
            stream.flush()
            os.dup2(terminal, descriptor)
            os.close(terminal)
