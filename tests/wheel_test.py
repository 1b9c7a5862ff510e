"""The built wheel, used from another folder than the repository."""

import functools
import importlib.util
import os
import pathlib
import subprocess
import zipfile

import pytest

from tests import commands, training

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
    build = ("-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", target, source)
    commands.python(*build, check=True)
    return next(target.glob("*.whl"))


def test_wheel_has_configs_and_console_scripts_and_no_tests(wheel):
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    configs = {path.name for path in (_ROOT / "configs").rglob("*.gin")}
    assert configs and configs == {pathlib.Path(n).name for n in names if n.endswith(".gin")}
    for name in ("ibc/train_eval.py", "ibc/data/policy_eval.py", "ibc/networks/mlp_ebm.py"):
        assert name in names
    assets = {path.name for path in (_ROOT / "environments/block_pushing/assets").iterdir()}
    assert assets <= {pathlib.Path(n).name for n in names if "/assets/" in n}
    assert not [n for n in names if n.endswith("_test.py") or not n.startswith("ibc")]
    (entry_points,) = (name for name in names if name.endswith("entry_points.txt"))
    text = archive.read(entry_points).decode()
    assert "ibc-train-eval = ibc.train_eval:run" in text
    assert "ibc-policy-eval = ibc.data.policy_eval:run" in text


def test_wheel_trains_from_another_folder(wheel, tmp_path, particle_data):
    site = tmp_path / "site"
    install = ("-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel)
    commands.python(*install, check=True)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    options = dict(cwd=elsewhere, env={**os.environ, "PYTHONPATH": str(site)})
    python = functools.partial(commands.python, **options)
    where = python("-c", "import ibc.networks.mlp_ebm as m, ibc.configs as c; print(m.__file__)")
    assert where.stdout.startswith(str(site)), where.stdout + where.stderr
    task = "BlockPush-v0" if importlib.util.find_spec("pybullet") else "Particle-v0"
    made = python("-c", f"import gymnasium; gymnasium.make('ibc.tasks:{task}').reset(seed=0)")
    assert (made.returncode, made.stderr) == (0, "")
    numbers = dict(num_iterations=5, batch_size=32, eval_episodes=1)
    arguments = training.arguments("run", particle_data, "mlp_mse.gin", **numbers)
    trained = python("-m", "ibc.train_eval", *arguments)
    assert trained.returncode == 0, trained.stderr
    assert "AverageSuccessMetric = " in trained.stderr
    assert (elsewhere / "run/policies/greedy_policy/saved_model.pb").exists()
