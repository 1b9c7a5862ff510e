"""The benchmarks run, whatever they find."""

import json
import pathlib
import subprocess
import sys

import pytest

_BENCHMARKS = pathlib.Path(__file__).parent.parent / "benchmarks"


@pytest.mark.slow
def test_all_benchmarks_in_one_command(tmp_path, report):
    results = tmp_path / "results.json"
    command = [sys.executable, _BENCHMARKS / "run.py", "--quick", f"--json={results}"]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(results.read_text())
    assert set(found) == {"machine", "training", "actions", "evaluation", "input", "start_up"}
    assert all(found.values())
    # Every line is printed as it is measured.
    lines = sum(len(rows) for rows in found.values())
    assert len(run.stdout.splitlines()) >= lines
    report("benchmarks in a moment, which says nothing about speed", f"{lines} lines")
