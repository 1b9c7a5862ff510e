"""Formats of recorded episodes, a module each; see `convert`."""

import pathlib
import re

_DESCRIPTION = re.compile(r'^    description = f?"(.+?)(?: \(.*)?"$', re.MULTILINE)


def descriptions() -> list[str]:
    """Returns what the formats are in short, from their sources: importing them takes seconds."""
    modules = [path for folder in __path__ for path in sorted(pathlib.Path(folder).glob("*.py"))]
    sources = [path.read_text() for path in modules if not path.stem.endswith("_test")]
    return [description for source in sources for description in _DESCRIPTION.findall(source)]
