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
from tests import commands, training

_ROOT = pathlib.Path(__file__).parent.parent


class _Unbounded(gymnasium.Env):
    """Takes any number as action."""

    observation_space = gymnasium.spaces.Box(-1, 1, (1,))
    action_space = gymnasium.spaces.Box(-np.inf, np.inf, (1,))

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}


def _readme_blocks(section: str) -> list[str]:
    """Returns the indented blocks of a section of the README."""
    text = (_ROOT / "README.md").read_text().split(f"\n## {section}\n")[1].split("\n## ")[0]
    return [
        textwrap.dedent(block)
        for block in re.findall(r"(?:^(?: {4}.*|)\n)+", text, re.M)
        if block.strip()
    ]


@pytest.mark.slow
def test_the_readmes_own_simulator_trains_and_is_evaluated(tmp_path):
    simulator, demonstrations, train = _readme_blocks("Your own simulator")
    # Bindings of the user's own have to arrive in evaluation's processes, too.
    simulator = simulator.replace("class Reach", "import gin\n\n@gin.configurable\nclass Reach")
    simulator = simulator.replace(
        "(self):", "(self, told=not gin.config_str()):\n        assert told", 1
    )
    (tmp_path / "my_sim.py").write_text(simulator)
    (tmp_path / "demonstrations.py").write_text(demonstrations)
    commands.python("demonstrations.py", cwd=tmp_path, check=True)
    command = train.replace("python ibc", f"{sys.executable} {_ROOT}/ibc").strip()
    command = command.replace("num_iterations = 1000", "num_iterations = 3")
    few = ("train_eval.eval_episodes = 3", "IbcPolicy.num_action_samples = 64")
    for binding in ("Reach.told = True", *few):
        command += f" --gin_bindings='{binding}'"
    done = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results = json.loads((tmp_path / "runs/reach/eval/Reach-v0/results.json").read_text())
    metrics = ["AverageReturn", "AverageEpisodeLength", "AverageSuccessMetric"]
    assert list(results["averages"]) == metrics
    assert len(results["episodes"]) == 3


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
        ({"task": "CartPole-v1"}, r"task CartPole-v1 has actions Discrete\(2\)"),
    ],
)
def test_what_there_is_not_is_refused(tmp_path, options, message):
    if options.get("task") == "Unbounded-v0":
        gymnasium.register("Unbounded-v0", entry_point=_Unbounded)
    given = {"task": "Pendulum-v1", "policy": "random", "output_path": str(tmp_path), **options}
    with pytest.raises(ValueError, match=message):
        training.record(path=None, num_episodes=1, **given)


def test_pendulum_is_recorded_and_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    name = "Pendulum-v1"
    recorded = training.record(name, tasks.get_task(name).default_dataset(), "random")
    assert recorded.metrics["AverageEpisodeLength"] == 200
    assert set(recorded.metrics) == {"AverageReturn", "AverageEpisodeLength"}
    small = dict(num_iterations=2, eval_episodes=1, num_envs=1, batch_size=8)
    given = training.bindings(training.bound("train_eval", **small))
    given.append("get_normalizers.nested_obs = False")
    averages = training.run("mlp_mse_quick.gin", given, tmp_path, [name])[name]
    assert averages["AverageEpisodeLength"] == 200
    assert list(averages) == ["AverageReturn", "AverageEpisodeLength"]
