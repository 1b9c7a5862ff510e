"""The commands of docs/deploy.md and examples/own_loop.py, on a run of a few steps."""

import importlib.util
import pathlib
import re
import shlex

import numpy as np
import pytest

import ibc
from tests import commands, training

_ROOT = pathlib.Path(__file__).parent.parent
_PROGRAMS = {"data/policy_eval.py": "policy_eval"}
_SHORT = {"policy_eval": ["--num_episodes=1"], "ibc-policy-bench": ["--num_actions=3"]}


@pytest.fixture(scope="module")
def run(tmp_path_factory, particle_data):
    """Returns the folder in which runs/my_run has been trained for two steps."""
    folder = tmp_path_factory.mktemp("deploy")
    parameters = {
        **training.SMALL_NETWORKS,
        **training.bound("train_eval", dataset_path=particle_data, num_iterations=2),
        "IbcPolicy.num_action_samples": 64,
    }
    training.run(
        "mlp_ebm_quick.gin", training.bindings(parameters), folder / "runs/my_run", skip_eval=True
    )
    return folder


def _documented() -> list[list[str]]:
    """Returns the arguments of the document's commands, but for training, pip and the example."""
    text = (_ROOT / "docs" / "deploy.md").read_text().replace("\\\n", " ")
    lines = [shlex.split(line) for line in re.findall(r"^ {4}(.*)$", text, re.M)]
    return [line for line in lines if "ibc-" in line[0] or {*line[1:2]} & {*_PROGRAMS}]


def test_the_documents_commands_work(run, monkeypatch):
    pytest.importorskip("tf2onnx")
    pytest.importorskip("ai_edge_litert")
    monkeypatch.chdir(run)
    found = _documented()
    assert len(found) == 4
    for words in found:
        script = words[0] == "python"
        name = _PROGRAMS[words[1]] if script else words[0]
        arguments = [*words[1 + script :], *_SHORT.get(name, [])]
        done = commands.in_process(name, arguments)
        assert (done.status, done.errors) == (0, []), done
    assert done.output.count("batch    1   median") == 3
    _check_same_actions("runs/my_run", "runs/my_run/policies/onnx", "runs/my_run/policies/tflite")


def _check_same_actions(*paths: str) -> None:
    observation = {
        "pos_agent": np.array([0.2, 0.4]),
        "vel_agent": np.zeros(2),
        "pos_first_goal": np.array([0.5, 0.9]),
        "pos_second_goal": np.array([0.7, 0.1]),
    }
    actions = []
    for path in paths:
        policy = ibc.load_policy(path, seed=1)
        policy.reset()
        actions.append([policy(observation) for _ in range(3)])
    for found in actions[1:]:
        np.testing.assert_allclose(found, actions[0], atol=1e-4)


@pytest.mark.parametrize("slow_ms, missed", [(0, 0), (130, 2)])
def test_the_example_keeps_its_beat(run, monkeypatch, capsys, slow_ms, missed):
    """A plan of 130 ms spans the ends of two periods of 50 ms and comes within the third."""
    monkeypatch.chdir(run)
    path = _ROOT / "examples" / "own_loop.py"
    spec = importlib.util.spec_from_file_location("own_loop", path)
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    late, median = example.main("runs/my_run", slow_ms, steps=12)
    told = capsys.readouterr().out
    assert late >= missed and median > 0
    assert f"{late} beats missed" in told
    assert ("too late; the action before is held" in told) == (late > 0)
