"""Arrows between the packages go one way."""

import ast
import pathlib

import pytest

_ROOT = pathlib.Path(__file__).parent.parent
_ALGORITHM = ("ibc.agents", "ibc.losses", "ibc.train", "ibc.eval", "ibc.train_eval")


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


@pytest.mark.parametrize("folder", ["environments", "data", "networks", "configs"])
def test_knows_nothing_of_the_algorithm(folder):
    files = sorted((_ROOT / folder).rglob("*.py"))
    assert files
    for file in files:
        found = [
            name
            for name in imported_modules(file.read_text())
            if any(is_inside(name, package) for package in _ALGORITHM)
        ]
        assert not found, f"{file} imports {found}"


@pytest.mark.parametrize("folder", ["ibc/agents", "ibc/losses", "networks"])
def test_agents_losses_and_networks_know_no_task(folder):
    for file in sorted((_ROOT / folder).rglob("*.py")):
        if not file.name.endswith("_test.py"):
            found = [
                name
                for name in imported_modules(file.read_text())
                if is_inside(name, "ibc.environments")
                # Checks of parameters and the like know no task either.
                and not is_inside(name, "ibc.environments.utils")
            ]
            assert not found, f"{file} imports {found}"


def test_forbidden_imports_would_be_found():
    source = "def f():\n  from ibc.train import experiment\nimport ibc.losses.ebm_losses\n"
    assert imported_modules(source) == {"ibc.train.experiment", "ibc.losses.ebm_losses"}
