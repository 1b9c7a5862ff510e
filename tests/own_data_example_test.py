"""The commands of docs/own_data.md, as a reader would give them, on a shorter training."""

import json
import pathlib
import re
import shlex

import numpy as np
import pytest

from tests import commands, training

_PAGE = (pathlib.Path(__file__).parent.parent / "docs" / "own_data.md").read_text()
# The section on arrays has a test of its own.
_TEXT = _PAGE.partition("\n## Arrays of your own\n")[0]
_SHORT = {
    **training.bound("train_eval", num_iterations=200),
    **training.bound("MLPEBM", width=64, depth=2),
    "IbcPolicy.num_action_samples": 128,
}


def _given() -> list[list[str]]:
    """Returns the words of each command."""
    text = re.sub(r"```python\n.*?```", "", _TEXT, flags=re.DOTALL).replace("\\\n", " ")
    return [shlex.split(line) for line in re.findall(r"^ {4}(\S.*)$", text, re.M)]


@pytest.mark.slow
def test_a_folder_of_demonstrations_becomes_a_policy(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    recording, acting = re.findall(r"```python\n(.*?)```", _TEXT, re.DOTALL)
    shortened = recording.replace("for _ in range(30)", "for _ in range(10)")
    exec(compile(shortened, "recording.py", "exec"), {})
    info, train, compare, others = _given()
    told = commands.in_process(info[0], info[1:])
    assert told.status == 0 and "40 episodes" in told.output, told
    shorter = [f"--gin_bindings={binding}" for binding in training.bindings(_SHORT)]
    assert train[:2] == ["python", "ibc/train_eval.py"]
    done = commands.in_process("train_eval", [*train[2:], *shorter])
    assert (done.status, done.errors) == (0, []), done
    assert list(pathlib.Path("runs/my_robot/policies/top_k").glob("*val_loss*"))
    compared = commands.in_process(compare[0], compare[1:])
    assert (compared.status, compared.errors) == (0, []), compared
    assert "logs/: 8 of 40 episodes, 80 steps: those that training held out" in compared.output
    found = json.loads(pathlib.Path("runs/my_robot/open_loop/open_loop.json").read_text())
    by_who = {who: np.array(of["root_mean_square"]["value"]) for who, of in found["errors"].items()}
    assert np.all(by_who["policy"] < by_who["mean action"]), by_who
    assert len(found["mean_absolute_by_step_ahead"]) == 4
    assert len(list(pathlib.Path("runs/my_robot/open_loop").glob("episode_*.png"))) == 3
    compared = commands.in_process(others[0], others[1:])
    assert "6 of 40 episodes, 60 steps: those of --episodes=0:5,12" in compared.output
    assert len(list(pathlib.Path("looks").iterdir())) == 7
    capsys.readouterr()
    names = {}
    exec(compile(acting, "acting.py", "exec"), names)
    assert f"distance to the goal: {np.linalg.norm(names['goal'] - names['hand'])}" in (
        capsys.readouterr().out
    )
    assert np.linalg.norm(names["goal"] - names["hand"]) < 0.7  # of 1.44 at the start
