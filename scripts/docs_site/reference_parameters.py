"""The page on gin parameters, from the signatures and docstrings of what gin configures."""

import ast
import importlib
import inspect
import pathlib
import re
import textwrap
from collections.abc import Callable, Iterator

import gin

_ROOT = pathlib.Path(__file__).parents[2]
# Folder → package, see setup.py.
_FOLDERS = {"ibc": "ibc", "networks": "ibc.networks", "data": "ibc.data"}
_FOLDERS["environments"] = "ibc.environments"
_TITLES = {
    "ibc.train": "Training",
    "ibc.agents": "Agents and policies",
    "ibc.samplers": "Samplers",
    "ibc.losses": "Losses",
    "ibc.networks": "Networks",
    "ibc.data": "Data",
    "ibc.environments": "Environments",
    "ibc.rewards": "Learned rewards",
    "ibc.online": "Online imitation",
    "ibc.video_encoder": "Video encoders",
}
_ARGUMENT = re.compile(r"^ {2}(\w+): (.*(?:\n {4,}.*)*)", re.MULTILINE)


def page() -> str:
    """Returns the page, in Markdown."""
    lines = [
        "# Parameters",
        "",
        "Made from the code. Bind any of them in a config file (`train_eval.seed = 1`), or on the",
        'command line: `--gin_bindings="train_eval.seed = 1"`. A misspelt name is an error that',
        "tells what was probably meant. `operative-gin-config.txt` in a run's folder lists the",
        "values in force.",
    ]
    found = configurables()
    packages = sorted(
        {_package(one) for one in found.values()},
        key=lambda name: (list(_TITLES).index(name) if name in _TITLES else len(_TITLES), name),
    )
    for package in packages:
        lines += ["", f"## {_TITLES.get(package, package)}"]
        for name, target in sorted(found.items()):
            if _package(target) == package:
                lines += ["", f"### {name}", "", *_section(target)]
    return "\n".join(lines) + "\n"


def configurables() -> dict[str, Callable]:
    """Imports all modules that have any; returns gin's names → what they configure."""
    for folder, package in _FOLDERS.items():
        for path in sorted((_ROOT / folder).rglob("*.py")):
            if path.stem.endswith("_test") or "gin.configurable" not in path.read_text("utf-8"):
                continue
            parts = path.relative_to(_ROOT / folder).with_suffix("").parts
            try:
                importlib.import_module(".".join([package, *parts]))
            except ModuleNotFoundError as error:
                if (error.name or "").startswith("ibc"):
                    raise  # Others are extras that are not installed.
    ours = (
        entry
        for _, entry in gin.config._REGISTRY.items()
        if entry.wrapped.__module__.startswith("ibc.")
        and not entry.wrapped.__module__.endswith("metrics")  # config files list these
    )
    return {entry.name: entry.wrapped for entry in ours}


def parameters(target: Callable) -> dict[str, tuple[str, str]]:
    """Returns a configurable's parameters with a default → default and meaning."""
    described = _arguments(target) | (_fields(target) if inspect.isclass(target) else {})
    return {
        name: (_default(parameter.default), described.get(name, ""))
        for name, parameter in inspect.signature(target).parameters.items()
        if parameter.default is not inspect.Parameter.empty and name != "name"
    }


def _section(target: Callable) -> Iterator[str]:
    yield " ".join((inspect.getdoc(target) or "").split("\n\n")[0].split())
    if not (found := parameters(target)):
        return
    yield from ("", "| parameter | default | what |", "|---|---|---|")
    for name, (default, meaning) in found.items():
        yield f"| `{name}` | {default} | {_cell(meaning)} |"


def _default(value: object) -> str:
    text = getattr(value, "__name__", None) or repr(value)
    return f"`{text}`" if len(text) < 60 and " at 0x" not in text else "…"


def _arguments(target: Callable) -> dict[str, str]:
    """Reads the section `Args` of a docstring: the function's, or the constructor's."""
    documented = [target, target.__init__] if inspect.isclass(target) else [target]
    found: dict[str, str] = {}
    for one in documented:
        text = (inspect.getdoc(one) or "").partition("Args:\n")[2]
        found |= dict(_ARGUMENT.findall(re.split(r"\n\w+:\n", text)[0]))
    return found


def _fields(target: type) -> dict[str, str]:
    """Reads the docstrings under the fields of a dataclass, inherited ones too."""
    found: dict[str, str] = {}
    for cls in reversed(target.__mro__):
        if cls.__module__[:4] != "ibc.":
            continue
        (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
        for field, doc in zip(tree.body, tree.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr):
                found[field.target.id] = ast.literal_eval(doc.value)
    return found


def _package(target: Callable) -> str:
    return ".".join(target.__module__.split(".")[:2])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|").replace("<", "&lt;")
