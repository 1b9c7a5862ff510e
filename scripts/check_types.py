"""Checks the types of what users import, and of a program of theirs; called by ./run_tests.sh.

mypy finds packages by their folders, but `ibc.data` is `data/` here: it gets a folder of links.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

_ROOT = pathlib.Path(__file__).parent.parent

PUBLIC = (
    "ibc",
    "ibc.agents.registry",
    "ibc.data.episodes",
    "ibc.data.pairs",
    "ibc.data.windows.windows",
    "ibc.deploy.load",
    "ibc.environments.block_pushing.simulation.camera",
    "ibc.environments.block_pushing.state_recording",
    "ibc.environments.suite",
    "ibc.environments.task",
    "ibc.environments.tasks",
    "ibc.losses.ebm_losses",
    "ibc.networks.energy_network",
    "ibc.networks.registry",
    "ibc.notebook.result",
    "ibc.notebook.train_config",
    "ibc.notebook.training",
    "ibc.online.cem",
    "ibc.online.plan_returns",
    "ibc.runtime.policy",
    "ibc.samplers.action_space",
    "ibc.samplers.draws",
    "ibc.samplers.langevin",
    "ibc.samplers.sampler",
    "ibc.tasks",
)
"""Modules whose names the documentation has people import."""
_PROGRAMS = ("examples/own_loop.py",)


def main() -> int:
    """Returns mypy's exit status."""
    with tempfile.TemporaryDirectory() as folder:
        package = pathlib.Path(folder) / "ibc"
        package.mkdir()
        for path in (_ROOT / "ibc").iterdir():
            (package / path.name).symlink_to(path)
        for name in ("configs", "data", "environments", "networks"):
            (package / name).symlink_to(_ROOT / name)
        modules = [part for name in PUBLIC for part in ("-m", name)]
        options = [f"--config-file={_ROOT / 'pyproject.toml'}", f"--cache-dir={_ROOT}/.mypy_cache"]
        command = [sys.executable, "-m", "mypy", "--no-error-summary", *options]
        environment = {**os.environ, "MYPYPATH": folder}
        return max(
            subprocess.run([*command, *what], cwd=folder, env=environment).returncode
            for what in (modules, [str(_ROOT / name) for name in _PROGRAMS])
        )


if __name__ == "__main__":
    sys.exit(main())
