"""What the pages for users import is among what is type-checked, see scripts/check_types.py."""

import pathlib
import re

from scripts import check_types

_ROOT = pathlib.Path(__file__).parent.parent
# The recipes are for who works on the library.
_PAGES = [path for path in (_ROOT / "docs").glob("*.md") if path.name != "recipes.md"]
_IMPORT = re.compile(r"^ *from (ibc[\w.]*) import ([\w, ]+)$|^ *import (ibc[\w.]*)$", re.MULTILINE)


def test_what_users_import_is_type_checked():
    imported = set()
    for page in (_ROOT / "README.md", *_PAGES):
        for package, names, module in _IMPORT.findall(page.read_text(encoding="utf-8")):
            imported |= {module} if module else {f"{package}.{name}" for name in names.split(", ")}
    assert "ibc.data.episodes" in imported
    assert imported <= {*check_types.PUBLIC}
