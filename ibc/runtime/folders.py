"""Where policies are: in a run's folder, or in one of their own."""

import os
import pathlib
from collections.abc import Callable

SAVED_MODEL = "saved_model.pb"
"""What an exported policy's folder holds."""
IN_RUN = pathlib.Path("policies", "greedy_policy")
"""Where a run's folder holds the policy that evaluation measures."""


def is_saved_model(folder: pathlib.Path) -> bool:
    """Tells whether a folder holds a policy that training has exported."""
    return (folder / SAVED_MODEL).is_file()


def find(
    path: str | os.PathLike,
    holds: Callable[[pathlib.Path], bool] = is_saved_model,
    flag: str = "",
) -> pathlib.Path:
    """Returns the folder of the policy that a path means: its own, or the greedy one of a run.

    Args:
      path: What was given.
      holds: Tells whether a folder is a policy's.
      flag: What stands before the path in messages, such as '--saved_model_path='.

    Raises:
      FileNotFoundError: There is none; the message says what was found, and what to give.
    """
    folder = pathlib.Path(os.path.expanduser(path))
    for candidate in (folder, folder / IN_RUN):
        if holds(candidate):
            return candidate
    if not folder.exists():
        what = "does not exist"
    elif not folder.is_dir():
        what = "is a file"
    elif (folder / "train").is_dir():
        what = f"is a run that has exported no policy yet: it holds no {IN_RUN / SAVED_MODEL}"
    else:
        what = f"holds no {SAVED_MODEL}"
    raise FileNotFoundError(
        f"{flag}{path} {what}; give a run's folder, or the folder of an exported policy, for "
        f"example <root_dir>/{IN_RUN}."
    )
