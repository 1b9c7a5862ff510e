"""Notebooks as pages: cells of text as they are, cells of code as blocks."""

import json
import pathlib


def cells(path: pathlib.Path) -> list[tuple[str, str]]:
    """Returns the kind, 'markdown' or 'code', and the source of each cell."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return [(cell["cell_type"], "".join(cell["source"])) for cell in content["cells"]]


def page(path: pathlib.Path) -> str:
    """Returns a notebook in Markdown."""
    blocks = [f"```python\n{text}\n```" if kind == "code" else text for kind, text in cells(path)]
    title, *rest = blocks
    where = f"*This page is the notebook `docs/notebooks/{path.name}`.*"
    return "\n\n".join([title, where, *rest]) + "\n"
