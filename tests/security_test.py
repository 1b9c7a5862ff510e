"""What SECURITY.md says that the code does not do."""

import ast
import pathlib
from collections.abc import Iterator

import pytest

_ROOT = pathlib.Path(__file__).parent.parent
_FOLDERS = ("ibc", "environments", "data", "networks", "configs", "benchmarks", "scripts", "docs")
# They talk to each other through a pipe.
_MAY_PICKLE = ("environments/mujoco_drawing.py",)
_UNSAFE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
_NETWORK_MODULES = {"urllib", "requests", "http", "ftplib", "smtplib"}
_UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
_UNSAFE_METHODS = {"extractall", "extract", "unpack_archive", "system", "popen", "mktemp"}


def offences(source: str, may_pickle: bool = False) -> list[str]:
    """Lists what a source text does that SECURITY.md excludes, whatever names it imports it by."""
    tree = ast.parse(source)
    imported = list(_imports(tree))
    meanings = dict(imported)
    found = []
    for _, meaning in imported:
        module, _, name = meaning.rpartition(".")
        forbidden = _NETWORK_MODULES | (set() if may_pickle else _UNSAFE_MODULES)
        found += sorted({meaning.partition(".")[0]} & forbidden)
        # An imported function may be called from anywhere, so its import is an offence already.
        if (module and name in _UNSAFE_METHODS) or (module == "builtins" and name in _UNSAFE_CALLS):
            found.append(name)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found += _offences_of_call(node, meanings)
    return found


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Yields each name that a source text imports, and the module or member of one it means."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.partition(".")[0]
                yield alias.asname or first, alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _dotted(node: ast.expr, meanings: dict[str, str]) -> str:
    """The full name of what is called; something that has no name is called `?`."""
    if isinstance(node, ast.Name):
        return meanings.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value, meanings)}.{node.attr}"
    return "?"


def _offences_of_call(node: ast.Call, meanings: dict[str, str]) -> list[str]:
    keywords = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
    called = _dotted(node.func, meanings)
    owner, _, name = called.rpartition(".")
    found = []
    if owner in ("", "builtins") and name in _UNSAFE_CALLS:
        found.append(name)
    if owner and name in _UNSAFE_METHODS:
        found.append(name)
    if called == "yaml.load":
        found.append(called)
    # Its default is False; whoever reads the call should not need to know that.
    if called in ("np.load", "numpy.load") and keywords.get("allow_pickle", True) is not False:
        found.append("np.load")
    found += ["allow_pickle"] if keywords.get("allow_pickle") else []
    return found + (["shell"] if keywords.get("shell") else [])


@pytest.mark.parametrize("folder", _FOLDERS)
def test_sources_do_nothing_of_what_the_policy_excludes(folder):
    files = sorted((_ROOT / folder).rglob("*.py"))
    assert files or folder in ("configs", "docs")
    for path in [path for path in files if not path.name.endswith("_test.py")]:
        name = path.relative_to(_ROOT).as_posix()
        assert not offences(path.read_text(encoding="utf-8"), name in _MAY_PICKLE), name


@pytest.mark.parametrize(
    "source, offence",
    [
        ("import pickle", "pickle"),
        ("from urllib.request import urlopen", "urllib"),
        ("eval(text)", "eval"),
        ("np.load(path)", "np.load"),
        ("np.load(path, allow_pickle=True)", "np.load"),
        ("archive.extractall(folder)", "extractall"),
        ("subprocess.run(text, shell=True)", "shell"),
        ("os.system(text)", "system"),
        ("import os as o; o.system(text)", "system"),
        ("from os import system as run; run(text)", "system"),
        ("from shutil import unpack_archive", "unpack_archive"),
        ("import shutil as s; s.unpack_archive(path)", "unpack_archive"),
        ("from numpy import load; load(path)", "np.load"),
        ("from numpy import load as read; read(path, allow_pickle=True)", "np.load"),
        ("import numpy as n; n.load(path)", "np.load"),
        ("from yaml import load; load(text)", "yaml.load"),
        ("import yaml as y; y.load(text)", "yaml.load"),
        ("import builtins; builtins.eval(text)", "eval"),
        ("from builtins import exec as run", "exec"),
        ("import pickle as p\nimport json as p", "pickle"),
        ("from os import path, popen", "popen"),
        ("tarfile.open(path).extractall()", "extractall"),
        ("def f():\n    import urllib.request as r", "urllib"),
    ],
)
def test_the_check_finds_what_it_looks_for(source, offence):
    assert offence in offences(source)


def test_the_check_lets_pass_what_is_harmless():
    harmless = "import re\nnp.load(path, allow_pickle=False)\nmodel.eval()\nre.compile(text)"
    assert offences(harmless) == []
    own = "from numpy import load\nload(path, allow_pickle=False)\ndef extract(): ...\nextract()"
    assert offences(own + "\nfrom ibc.data import system_names\nfrom re import compile") == []
