"""The script that makes the Python environment erases nobody else's."""

import pathlib
import subprocess

import pytest

_ROOT = pathlib.Path(__file__).parent.parent


def _run(venv: pathlib.Path) -> subprocess.CompletedProcess:
    # A base interpreter that ends at once: only what comes before it is of interest.
    return subprocess.run(
        ["bash", "-c", "source scripts/environment.sh"],
        cwd=_ROOT,
        env={"IBC_VENV": str(venv), "IBC_PYTHON": "false", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize(
    ("contents", "maker"),
    [
        ({".checkout": "/somebody/else\n"}, "/somebody/else has made"),
        ({".installed": "1 2\n/an/older/version\n"}, "/an/older/version has made"),
        ({"thesis.tex": ""}, "something else than this checkout has made"),
    ],
)
def test_what_others_have_made_is_left_alone(tmp_path, contents, maker):
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    done = _run(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"IBC_VENV names {tmp_path}, which {maker};")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == contents


@pytest.mark.parametrize("contents", [{}, {".checkout": f"{_ROOT}\n"}])
def test_an_empty_folder_or_an_own_environment_is_made_anew(tmp_path, contents):
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    done = _run(tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("No Python 3.10 or 3.11 found")
