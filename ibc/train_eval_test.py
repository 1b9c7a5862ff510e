"""The command line, run as a program."""

import pathlib
import re
import subprocess
import sys

import pytest

from ibc import train_eval as command
from tests import commands

_ROOT = pathlib.Path(__file__).parent.parent


def train_eval(*arguments: str, cwd: pathlib.Path | None = None) -> subprocess.CompletedProcess:
    command = [sys.executable, str(_ROOT / "ibc" / "train_eval.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, cwd=cwd)


def test_published_command_line_runs_from_any_folder(tmp_path, particle_data):
    published = "ibc/ibc/configs/particle/mlp_ebm_langevin.gin"  # from above the published checkout
    done = train_eval(
        "--",
        "--alsologtostderr",
        f"--gin_file={published}",
        "--task=PARTICLE",
        "--tag=tag",
        "--add_time=True",
        f"--gin_bindings=train_eval.dataset_path='{particle_data}'",
        f"--gin_bindings=train_eval.root_dir='{tmp_path}'",
        "--gin_bindings=ParticleEnv.n_dim=2",
        "--gin_bindings=train_eval.num_iterations=2",
        "--gin_bindings=train_eval.batch_size=16",
        "--gin_bindings=train_eval.eval_episodes=1",
        "--gin_bindings=langevin_actions_given_obs.num_iterations=3",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "tag").iterdir()
    assert re.fullmatch(r"\d{8}-\d{6}", folder.name)
    assert re.search(f"no gin file '{published}': taking .*/{published[8:]}", done.stderr)
    # Lines that people look for with these patterns.
    for line in ("Evaluating policy.", "Completed episode.", "AverageSuccessMetric = [01].0"):
        assert re.search(line, done.stderr), line
    # Nothing but this project's own lines: a time and a message, or metrics below it.
    for line in done.stderr.splitlines():
        assert re.match(r"\d\d:\d\d:\d\d ", line), line
    assert done.stdout == ""


@pytest.mark.parametrize(
    "reason, said",
    [
        ("Unable to allocate 380. GiB", "out of memory: Unable to allocate 380. GiB; use smaller "),
        ("", "out of memory: use smaller train_eval.batch_size"),
    ],
)
def test_a_lack_of_memory_is_one_line_and_a_status(reason, said, monkeypatch):
    def fail():
        raise MemoryError(reason)

    monkeypatch.setattr(command, "_train", fail)
    done = commands.in_process("train_eval", [])
    assert done.status == 1
    assert len(done.errors) == 1 and done.errors[0].startswith(f"error: {said}")
