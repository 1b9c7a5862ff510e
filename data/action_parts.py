"""Names of an action's numbers, as LeRobot folders and npz files keep what its parts are."""

import itertools
import re
from typing import Any

from ibc.data import logged

_NUMBERED = re.compile(r"(.+)\[\d+\]")


def to_names(parts: logged.Parts) -> list[str]:
    """Returns a name for each number: `gripper`, or `arm[0]` and `arm[1]` of a part of two.

    Args:
      parts: Those of a whole vector, in their order.
    """
    return [
        f"{key}[{number}]" if stop - start > 1 else key
        for key, (start, stop) in parts.items()
        for number in range(stop - start)
    ]


def from_names(names: Any) -> logged.Parts:
    """Returns the parts that names of numbers tell of; none where they are no such names.

    Args:
      names: List of names, see `to_names`, or a dict of one such list, as in some LeRobot folders.
    """
    if isinstance(names, dict) and len(names) == 1:
        (names,) = names.values()
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return {}
    parts: logged.Parts = {}
    start = 0
    for key, group in itertools.groupby(names, lambda name: _NUMBERED.sub(r"\1", name)):
        stop = start + len(list(group))
        if key in parts:
            return {}
        parts[key] = (start, stop)
        start = stop
    return parts
