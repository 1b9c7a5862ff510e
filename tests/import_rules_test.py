"""Arrows between the rooms go one way, see docs/architecture.md."""

import ast
import pathlib

import pytest

_ROOT = pathlib.Path(__file__).parent.parent
_SIMULATION = {"ibc.utils", "ibc.environments"}
_LIBRARY = {"ibc.utils", "ibc.networks", "ibc.samplers", "ibc.losses", "ibc.agents"}
_PROGRAMS = {
    "ibc/__init__.py",
    "ibc/benchmark",
    "ibc/coordinate_regression",
    "ibc/export_policy.py",
    "ibc/info.py",
    "ibc/landscape",
    "ibc/notebook",
    "ibc/online_train_eval.py",
    "ibc/open_loop",
    "ibc/policy_bench.py",
    "ibc/report",
    "ibc/sweep",
    "ibc/tasks.py",
    "ibc/train_eval.py",
    "ibc/train_ncsn.py",
    "ibc/train_video_encoder.py",
    "ibc/tune",
}
# Folder → what its modules may import of ours, besides their own folder.
_MAY_IMPORT = {
    "ibc/utils": set(),
    "networks": {"ibc.utils"},
    "ibc/samplers": {"ibc.utils"},
    "ibc/losses": {"ibc.utils"},
    "ibc/agents": _LIBRARY,
    "ibc/rewards": {"ibc.utils", "ibc.networks", "ibc.losses"},
    "ibc/online": _LIBRARY
    | _SIMULATION
    | {"ibc.rewards", "ibc.data", "ibc.eval", "ibc.ncsn", "ibc.train", "ibc.configs"}
    | {"ibc.video_encoder", "ibc.pictures"},
    "ibc/ncsn": _LIBRARY | _SIMULATION | {"ibc.rewards", "ibc.data", "ibc.train", "ibc.pictures"},
    "ibc/video_encoder": _LIBRARY | _SIMULATION | {"ibc.rewards", "ibc.data", "ibc.train"},
    "environments": {"ibc.utils"},
    "data": _SIMULATION | {"ibc.runtime"},
    "ibc/runtime": set(),
    "ibc/deploy": {"ibc.utils", "ibc.runtime"},
    "ibc/pictures": _SIMULATION | {"ibc.data", "ibc.runtime", "ibc.samplers"},
    "configs": set(),
    "ibc/eval": _LIBRARY | _SIMULATION | {"ibc.data", "ibc.pictures"},
    "ibc/train": _LIBRARY
    | _SIMULATION
    | {"ibc.data", "ibc.deploy", "ibc.eval", "ibc.configs", "ibc.pictures", "ibc.runtime"},
}
# Published scripts, which stand where they always did.
_EXCEPTIONS = {
    "environments/collect/collect_oracle.py": {"ibc.data"},
    "data/policy_eval.py": {"ibc.landscape", "ibc.pictures"},
}


def imported_modules(source: str) -> set[str]:
    """Lists absolute names of the modules that a source text imports, at any depth."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def is_inside(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def modules_in(folder: str) -> list[pathlib.Path]:
    """Lists the modules of a folder, or the one that is meant, without tests."""
    path = _ROOT / folder
    found = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return [file for file in found if not file.name.endswith("_test.py")]


def package_of(folder: str) -> str:
    dotted = folder.replace("/", ".")
    return dotted if is_inside(dotted, "ibc") else f"ibc.{dotted}"


@pytest.mark.parametrize("folder", _MAY_IMPORT)
def test_imports_follow_the_arrows(folder):
    files = modules_in(folder)
    assert files
    for file in files:
        name = file.relative_to(_ROOT).as_posix()
        allowed = _MAY_IMPORT[folder] | {package_of(folder)} | _EXCEPTIONS.get(name, set())
        ours = {name for name in imported_modules(file.read_text()) if is_inside(name, "ibc")}
        found = {name for name in ours if not any(is_inside(name, room) for room in allowed)}
        assert not found, f"{file} imports {found}"


def test_every_module_has_a_rule_or_is_a_program():
    ours = {file for top in ("ibc", *_MAY_IMPORT) for file in modules_in(top)}
    ruled = {file for folder in (*_MAY_IMPORT, *_PROGRAMS) for file in modules_in(folder)}
    assert ours == ruled


def test_no_module_imports_test_support():
    for folder in ("ibc", "environments", "data", "networks", "configs"):
        for file in modules_in(folder):
            names = imported_modules(file.read_text())
            assert not [name for name in names if is_inside(name, "tests")], file


@pytest.mark.parametrize("folder", ["ibc/train/run", "ibc/train/loop"])
def test_what_other_programs_may_use_names_none(folder):
    for file in modules_in(folder):
        assert "train_eval" not in file.read_text(), file


def test_forbidden_imports_would_be_found():
    source = "def f():\n  from ibc.train import experiment\nimport ibc.losses.ebm_losses\n"
    assert imported_modules(source) == {"ibc.train.experiment", "ibc.losses.ebm_losses"}
