"""Completes the documentation's site: pages from the code, the root and notebooks; equations.

mkdocs calls these functions, see mkdocs.yml. The home page is README.md.
"""

import pathlib
import re
import sys

from latex2mathml import converter
from mkdocs.config import defaults
from mkdocs.structure import files as mkdocs_files

_ROOT = pathlib.Path(__file__).parents[2]
sys.path.insert(0, str(_ROOT))  # mkdocs may have been started from anywhere

from scripts.docs_site import (  # noqa: E402
    notebooks,
    reference_commands,
    reference_online,
    reference_parameters,
)

_AT_ROOT = {
    "index.md": "README.md",
    **{name: name for name in ("CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md")},
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
_IN_SITE = {source: page for page, source in _AT_ROOT.items()}


def on_config(config: defaults.MkDocsConfig) -> defaults.MkDocsConfig:
    """Has blocks ```math become MathML, which browsers draw without a script."""
    fence = {"name": "math", "class": "math", "format": _equation}
    config.mdx_configs.setdefault("pymdownx.superfences", {})["custom_fences"] = [fence]
    return config


def on_files(files: mkdocs_files.Files, config: defaults.MkDocsConfig) -> mkdocs_files.Files:
    """Adds the pages that are no files in docs/."""
    made = {
        "reference_commands.md": reference_commands.page(),
        "reference_parameters.md": reference_parameters.page(),
        "reference_online.md": reference_online.page(),
        "reference_metrics.md": reference_commands.metrics_page(),
    }
    for page, source in _AT_ROOT.items():
        text = (_ROOT / source).read_text(encoding="utf-8")
        made[page] = re.sub(r'(\]\(|src=")docs/', r"\1", text)
    for path in sorted((_ROOT / "docs" / "notebooks").glob("*.ipynb")):
        made[f"notebooks/{path.stem}.md"] = notebooks.page(path)
    for name, content in made.items():
        files.append(mkdocs_files.File.generated(config, name, content=content))
    return files


def on_page_markdown(markdown: str, page, config, files) -> str:
    """Leads links to the root's files to their pages, and names files that have none."""

    def replaced(link: re.Match) -> str:
        image, text, target = link.groups()
        if not target.startswith("../") or page.file.src_uri.startswith("notebooks/"):
            return link[0]
        path = target.removeprefix("../")
        if path in _IN_SITE:
            return f"{image}[{text}]({_IN_SITE[path]})"
        if not (_ROOT / path).exists():
            return link[0]  # --strict says that it leads nowhere
        return text if text == path else f"{text} (`{path}`)"

    return _LINK.sub(replaced, markdown)


def _equation(source: str, language: str, css_class: str, *_, **__) -> str:
    """Returns LaTeX as MathML."""
    lines = [converter.convert(line, display="block") for line in source.strip().split("\n\n")]
    return f'<div class="{css_class}">{"".join(lines)}</div>'
