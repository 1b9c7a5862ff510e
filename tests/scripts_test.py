"""The scripts: the commands of the README, what makes the environment, and the benchmarks."""

import json
import pathlib
import subprocess
import sys

import imageio_ffmpeg
import PIL.Image
import pytest

_ROOT = pathlib.Path(__file__).parent.parent


def _run(*command: str | pathlib.Path, **options) -> subprocess.CompletedProcess:
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.mark.slow
def test_quickstart_trains_a_policy_that_solves_the_task(tmp_path):
    done = _run(_ROOT / "quickstart.sh", "PARTICLE", tmp_path, timeout=1500)
    assert done.returncode == 0, done.stdout + done.stderr
    run = tmp_path / "runs" / "quickstart" / "particle"
    results = json.loads((run / "eval/Particle-v0/results.json").read_text())
    assert len(results["episodes"]) == 50
    assert results["averages"]["AverageSuccessMetric"] >= 0.9
    video = max(run.glob("videos/*/*.mp4"), key=lambda path: path.stat().st_mtime)
    assert imageio_ffmpeg.count_frames_and_secs(str(video))[0] == 51
    assert min(PIL.Image.open(next(run.glob("eval/*/episodes_*.png"))).size) > 500
    for line in ("Success in", "video of one episode", "What to try next"):
        assert line in done.stdout


def test_unknown_task_is_answered_with_the_known_ones():
    done = _run(_ROOT / "quickstart.sh", "PUHS")
    assert done.returncode == 2
    assert done.stderr == "Unknown task PUHS; ./quickstart.sh knows: PARTICLE, PUSH.\n"


def _environment(venv: pathlib.Path) -> subprocess.CompletedProcess:
    # A base interpreter that ends at once: only what comes before it is of interest.
    env = {"IBC_VENV": str(venv), "IBC_PYTHON": "false", "PATH": "/usr/bin:/bin"}
    return _run("bash", "-c", "source scripts/environment.sh", cwd=_ROOT, env=env)


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
    done = _environment(tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"IBC_VENV names {tmp_path}, which {maker};")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == contents


@pytest.mark.parametrize("contents", [{}, {".checkout": f"{_ROOT}\n"}])
def test_an_empty_folder_or_an_own_environment_is_made_anew(tmp_path, contents):
    for name, text in contents.items():
        (tmp_path / name).write_text(text)
    done = _environment(tmp_path)
    assert done.returncode == 1 and done.stderr.startswith("No Python 3.10 or 3.11 found")


@pytest.mark.slow
def test_all_benchmarks_in_one_command(tmp_path, report):
    results = tmp_path / "results.json"
    run = _run(sys.executable, _ROOT / "benchmarks/run.py", "--quick", f"--json={results}")
    assert run.returncode == 0, run.stderr[-3000:]
    found = json.loads(results.read_text())
    assert set(found) == {"machine", "training", "actions", "evaluation", "input", "start_up"}
    assert all(found.values())
    # Every line is printed as it is measured.
    lines = sum(len(rows) for rows in found.values())
    assert len(run.stdout.splitlines()) >= lines
    report("benchmarks in a moment, which says nothing about speed", f"{lines} lines")
