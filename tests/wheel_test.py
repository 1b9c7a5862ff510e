"""The built wheel, used from another folder than the repository."""

import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

_ROOT = pathlib.Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> pathlib.Path:
    """Builds the wheel from a copy of what git tracks."""
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=_ROOT).split(b"\0")
    for name in filter(None, map(os.fsdecode, tracked)):
        if (_ROOT / name).exists():
            copy = source / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((_ROOT / name).read_bytes())
    build = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "-w", str(target), str(source)], check=True)
    return next(target.glob("*.whl"))


def test_wheel_has_configs_and_no_tests(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    configs = {path.name for path in (_ROOT / "configs").rglob("*.gin")}
    assert configs and configs == {pathlib.Path(n).name for n in names if n.endswith(".gin")}
    for name in ("ibc/train_eval.py", "ibc/data/policy_eval.py", "ibc/networks/mlp_ebm.py"):
        assert name in names
    assets = {path.name for path in (_ROOT / "environments/block_pushing/assets").iterdir()}
    assert assets <= {pathlib.Path(n).name for n in names if "/assets/" in n}
    assert not [n for n in names if n.endswith("_test.py") or not n.startswith("ibc")]


def test_wheel_trains_from_another_folder(wheel, tmp_path, particle_data):
    site = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site)]
    subprocess.run([*install, str(wheel)], check=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    environment = {**os.environ, "PYTHONPATH": str(site)}

    def python(*arguments: str) -> subprocess.CompletedProcess:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, cwd=elsewhere, env=environment, timeout=300
        )

    where = python("-c", "import ibc.networks.mlp_ebm as m, ibc.configs as c; print(m.__file__)")
    assert where.stdout.startswith(str(site)), where.stdout + where.stderr
    made = python("-c", "import gymnasium; gymnasium.make('ibc.tasks:BlockPush-v0').reset(seed=0)")
    assert (made.returncode, made.stderr) == (0, "")
    trained = python(
        "-m",
        "ibc.train_eval",
        "--task=PARTICLE",
        "--gin_file=mlp_mse.gin",
        "--gin_bindings=train_eval.num_iterations = 5",
        "--gin_bindings=train_eval.batch_size = 32",
        "--gin_bindings=train_eval.eval_episodes = 1",
        f"--gin_bindings=train_eval.dataset_path = '{particle_data}'",
        "--gin_bindings=train_eval.root_dir = 'run'",
    )
    assert trained.returncode == 0, trained.stderr
    assert "AverageSuccessMetric = " in trained.stderr
    assert (elsewhere / "run/policies/greedy_policy/saved_model.pb").exists()


def test_console_scripts_are_declared(wheel):
    archive = zipfile.ZipFile(wheel)
    entry_points = next(n for n in archive.namelist() if n.endswith("entry_points.txt"))
    text = archive.read(entry_points).decode()
    assert "ibc-train-eval = ibc.train_eval:run" in text
    assert "ibc-policy-eval = ibc.data.policy_eval:run" in text
