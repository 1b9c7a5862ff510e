"""What SECURITY.md says that the code does not do."""

import ast
import pathlib

import pytest

_ROOT = pathlib.Path(__file__).parent.parent
_FOLDERS = ("ibc", "environments", "data", "networks", "configs", "benchmarks", "scripts", "docs")
# They talk to each other through a pipe.
_MAY_PICKLE = ("environments/d4rl/rendering.py", "environments/d4rl/drawing_process.py")
_UNSAFE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
_NETWORK_MODULES = {"urllib", "requests", "http", "ftplib", "smtplib"}
_UNSAFE_CALLS = {"eval", "exec", "compile", "__import__"}
_UNSAFE_METHODS = {"extractall", "extract", "unpack_archive", "system", "popen", "mktemp"}


def offences(source: str, may_pickle: bool = False) -> list[str]:
    """Lists what a source text does that SECURITY.md excludes."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = (
                [node.module] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            )
            modules = {name.partition(".")[0] for name in names if name}
            forbidden = _NETWORK_MODULES | (set() if may_pickle else _UNSAFE_MODULES)
            found += sorted(modules & forbidden)
        elif isinstance(node, ast.Call):
            found += _offences_of_call(node)
    return found


def _offences_of_call(node: ast.Call) -> list[str]:
    keywords = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
    found = []
    if isinstance(node.func, ast.Name) and node.func.id in _UNSAFE_CALLS:
        found.append(node.func.id)
    if isinstance(node.func, ast.Attribute):
        owner = getattr(node.func.value, "id", "")
        if node.func.attr in _UNSAFE_METHODS:
            found.append(node.func.attr)
        if (owner, node.func.attr) == ("yaml", "load"):
            found.append("yaml.load")
        # Its default is False; whoever reads the call should not need to know that.
        if owner in ("np", "numpy") and node.func.attr == "load":
            if keywords.get("allow_pickle", True) is not False:
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
    ],
)
def test_the_check_finds_what_it_looks_for(source, offence):
    assert offence in offences(source)


def test_the_check_lets_pass_what_is_harmless():
    harmless = "import re\nnp.load(path, allow_pickle=False)\nmodel.eval()\nre.compile(text)"
    assert offences(harmless) == []
