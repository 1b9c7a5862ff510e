"""Modules of the user's own, named on the command line."""

import contextlib
import importlib
import pathlib
import sys
import types
from collections.abc import Iterator


def load(module: str, what: str) -> types.ModuleType:
    """Imports a module, also from the working directory.

    Args:
      module: Its name, such as 'my_sim' or 'lab.sim'.
      what: What it is for, to begin a message with: "task 'my_sim:Reach-v0'".

    Raises:
      ValueError: There is no such module.
    """
    missing = None
    try:
        if all(part.isidentifier() for part in module.split(".")):
            with _working_directory_importable():
                return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error
        if not f"{module}.".startswith(f"{error.name}."):
            raise  # of what the module itself imports
    raise ValueError(
        f"{what}: there is no module '{module}' here; run the command from its folder, install "
        "it, or add its folder to PYTHONPATH."
    ) from missing


@contextlib.contextmanager
def _working_directory_importable() -> Iterator[None]:
    """Puts the working directory last on the search path, where it hides no library."""
    sys.path.append(str(pathlib.Path.cwd()))
    try:
        yield
    finally:
        sys.path.pop()
