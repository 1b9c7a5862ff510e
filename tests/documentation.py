"""Reads the blocks of README.md and docs/.

Blocks marked `bash` or `python`, and indented ones that begin with a command, are what a reader may
run; blocks marked `text` are what is printed.
"""

import pathlib
import re
import shlex
import textwrap
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).parent.parent
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"(?:(?<=\n\n)(?:^ {4}.*\n)(?:^ {4}.*\n|\n)*)", re.MULTILINE)
_SHELL = re.compile(r"(?:\./|\. |[A-Z_]+=|(?:python|ibc-[a-z-]+|pip|uv|docker|tensorboard) )")


def fenced(page: pathlib.Path, language: str) -> list[str]:
    """Returns the page's blocks that are marked with a language."""
    found = _FENCED.findall(page.read_text(encoding="utf-8"))
    return [text for marked, text in found if marked == language]


def commands(page: pathlib.Path) -> Iterator[list[str]]:
    """Yields the words of each command of the page, comments left out."""
    rest = _FENCED.sub("", page.read_text(encoding="utf-8"))
    indented = [textwrap.dedent(block) for block in _INDENTED.findall(rest)]
    shells = [block for block in indented if _SHELL.match(block)]
    for block in (*fenced(page, "bash"), *shells):
        for line in block.replace("\\\n", " ").splitlines():
            if words := shlex.split(line, comments=True):
                yield words
