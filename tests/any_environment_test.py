"""Any environment that Gymnasium knows trains, is recorded and evaluated; also the user's own."""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

import gymnasium
import numpy as np
import pytest

from ibc.environments import tasks
from tests import training

_ROOT = pathlib.Path(__file__).parent.parent


class _Unbounded(gymnasium.Env):
    """Takes any number as action."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}


class _Blind(_Unbounded):
    """Has no render."""

    action_space = gymnasium.spaces.Box(-1, 1, (1,))

    def step(self, action):
        self.steps = getattr(self, "steps", 0) + 1
        return np.float32(action), 0.0, self.steps % 4 == 0, False, {}


def _documented_blocks() -> list[str]:
    """Returns the indented blocks of the page on environments of one's own."""
    text = (_ROOT / "docs" / "own_environment.md").read_text()
    return [
        textwrap.dedent(block)
        for block in re.findall(r"(?:^(?: {4}.*|)\n)+", text, re.M)
        if block.strip()
    ]


@pytest.mark.slow
def test_an_own_simulator_is_demonstrated_trained_and_evaluated(tmp_path):
    simulator, record, train, act = _documented_blocks()
    # Bindings of the user's own have to arrive in evaluation's processes, too.
    simulator = simulator.replace("class Reach", "import gin\n\n@gin.configurable\nclass Reach")
    simulator = simulator.replace(
        "(self):", "(self, told=not gin.config_str()):\n        assert told", 1
    )
    (tmp_path / "my_sim.py").write_text(simulator)
    recorded = _run(record, tmp_path)
    assert "AverageSuccessMetric = 1.0" in recorded
    few = (
        "train_eval.num_iterations = 3",
        "train_eval.eval_episodes = 3",
        "IbcPolicy.num_action_samples = 64",
        "Reach.told = True",
    )
    _run(train, tmp_path, *few)
    results = json.loads((tmp_path / "runs/reach/eval/Reach-v0/results.json").read_text())
    metrics = ["AverageReturn", "AverageEpisodeLength", "AverageSuccessMetric"]
    assert list(results["averages"]) == metrics
    assert len(results["episodes"]) == 3
    assert "AverageSuccessMetric" in _run(act.replace("=20", "=2"), tmp_path)


def _run(command: str, folder: pathlib.Path, *bindings: str) -> str:
    """Runs a documented command in a folder; returns what it has printed."""
    line = re.sub(r"^python (ibc|data)/", rf"{sys.executable} {_ROOT}/\1/", command.strip())
    line += "".join(f" --gin_bindings='{binding}'" for binding in bindings)
    done = subprocess.run(line, shell=True, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": "oracle"}, "policy 'oracle' needs a task with an oracle; task Pendulum-v1 has"),
        ({"viz_img": True}, "task Pendulum-v1 has no pictures of episodes; leave out --viz_img"),
        ({"use_image_obs": True}, "task Pendulum-v1 has no image observations"),
        ({"task": "Pendulum-v7"}, r"unknown task 'Pendulum-v7'; did you mean Pendulum-v1"),
        ({"task": "no_module:Env-v0"}, "there is no module 'no_module' here"),
        ({"task": "math:Env-v0"}, "unknown task 'math:Env-v0'"),
        ({"task": "Unbounded-v0"}, "policy 'random' draws actions within their bounds"),
        ({"task": "Blind-v0", "video": True}, "--video: _Blind draws no pictures: leave it out"),
        ({"task": "CartPole-v1"}, r"task CartPole-v1 has actions Discrete\(2\)"),
    ],
)
def test_what_there_is_not_is_refused(tmp_path, options, message):
    own = {"Unbounded-v0": _Unbounded, "Blind-v0": _Blind}
    if options.get("task") in own:
        gymnasium.register(options["task"], entry_point=own[options["task"]])
    given = {"task": "Pendulum-v1", "policy": "random", "output_path": str(tmp_path), **options}
    with pytest.raises(ValueError, match=message):
        training.record(path=None, num_episodes=1, **given)


def test_training_refuses_a_video_before_its_first_step(tmp_path):
    gymnasium.register("BlindToo-v0", entry_point=_Blind)
    training.record("BlindToo-v0", str(tmp_path / "a.tfrecord"), "random", num_episodes=1)
    given = training.bindings(
        training.bound("train_eval", batch_size=4, dataset_path=str(tmp_path / "a.tfrecord"))
    )
    with pytest.raises(ValueError, match="--video: _Blind draws no pictures"):
        training.run("mlp_mse_quick.gin", given, tmp_path, ["BlindToo-v0"], video=True)
    assert not list(tmp_path.rglob("ckpt-*"))


def test_pendulum_is_recorded_and_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "Pendulum-v1"
    recorded = training.record(name, tasks.get_task(name).default_dataset(), "random")
    assert recorded.metrics["AverageEpisodeLength"] == 200
    assert set(recorded.metrics) == {"AverageReturn", "AverageEpisodeLength"}
    small = dict(num_iterations=2, eval_episodes=1, num_envs=1, batch_size=8)
    given = training.bindings(training.bound("train_eval", **small))
    averages = training.run("mlp_mse_quick.gin", given, tmp_path, [name])[name]
    assert averages["AverageEpisodeLength"] == 200
    assert list(averages) == ["AverageReturn", "AverageEpisodeLength"]
