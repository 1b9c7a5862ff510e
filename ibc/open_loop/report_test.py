"""The command's numbers, lines, file and pictures, by a policy in NumPy."""

import json

import matplotlib.image
import numpy as np
import pytest

from ibc.deploy import load
from tests import commands, open_loop_testing, own_data_testing


@pytest.fixture(name="compare")
def _compare(tmp_path, monkeypatch):
    """Returns a function that compares a policy with recordings; the output's folder is out/."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(load, "find", lambda path: tmp_path / "run/policies/greedy_policy")

    def compare(policy, *arguments):
        monkeypatch.setattr(load, "load_policy", lambda path, seed: policy)
        return commands.in_process("ibc-open-loop", ["run", "--output=out", *arguments])

    return compare


def test_errors_of_policy_and_yardsticks_are_told_and_kept(compare, tmp_path):
    data = open_loop_testing.write(tmp_path)
    done = compare(open_loop_testing.Policy(chunk_steps=6), f"--dataset_path={data}")
    assert (done.status, done.errors) == (0, [])
    found = json.loads((tmp_path / "out/open_loop.json").read_text())
    recorded = open_loop_testing.recorded()
    action = np.concatenate([episode["action"] for episode in recorded])
    seen = [np.column_stack([e["joints"], np.arange(len(e["joints"]))]) for e in recorded]
    off = np.concatenate(seen) - action
    policy = found["errors"]["policy"]
    np.testing.assert_allclose(policy["mean_absolute"]["value"], np.abs(off).mean(axis=0), 1e-5)
    np.testing.assert_allclose(
        policy["root_mean_square"]["value"], np.sqrt((off**2).mean(axis=0)), 1e-5
    )
    mean = found["errors"]["mean action"]["root_mean_square"]["value"]
    np.testing.assert_allclose(mean, action.std(axis=0), 1e-5)
    assert found["steps"] == 16 and found["actions"] == ["action[0]", "action[1]", "action[2]"]
    rank = found["rank"]
    assert rank["mean"]["low"] <= rank["mean"]["value"] <= rank["mean"]["high"]
    assert sum(rank["histogram"]) == 16 and list(rank["quantiles"]) == [
        "0.05",
        "0.25",
        "0.5",
        "0.75",
        "0.95",
    ]
    ahead = found["mean_absolute_by_step_ahead"]
    # Six steps ahead there is an action in the longest episode alone, in two of its steps.
    np.testing.assert_allclose(ahead[5], np.abs(recorded[2]["action"][5:]).mean(axis=0), 1e-5)
    assert "3 of 3 episodes, 16 steps: all; what the policy was trained on" in done.output
    value, low, high = (policy["mean_absolute"][end][1] for end in ("value", "low", "high"))
    assert f"  action[1]  {value:.4g} [{low:.4g}, {high:.4g}]" in done.output
    assert "rank of what was recorded" in done.output and "by step ahead" in done.output


def test_the_worst_episodes_are_drawn_first(compare, tmp_path):
    data = open_loop_testing.write(tmp_path)
    done = compare(open_loop_testing.Policy("regression"), f"--dataset_path={data}", "--pictures=2")
    # The third number, the step, is the larger error the longer the episode.
    names = ["out/open_loop.json", "out/episode_2.png", "out/episode_0.png"]
    assert [line for line in done.output.splitlines() if "Wrote" in line] == [
        f"Wrote {name}" for name in names
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(
        name.removeprefix("out/") for name in names
    )
    height, width, _ = matplotlib.image.imread(tmp_path / "out/episode_2.png").shape
    assert width == 800 and height > 400
    assert "rank" not in done.output


def test_one_episode_has_errors_without_intervals(compare, tmp_path):
    data = open_loop_testing.write(tmp_path)
    done = compare(open_loop_testing.Policy(), f"--dataset_path={data}", "--episodes=1")
    assert done.status == 0 and "those of --episodes=1" in done.output
    assert "mean 0." in done.output and "[0." not in done.output


@pytest.mark.parametrize(
    "change, arguments, said",
    [
        ({"joints": "joint"}, (), "has no observation 'joints', which the policy needs; it has"),
        ({}, ("--episodes=3:9",), "has 3 episodes, 0 to 2, and none in 3:9"),
        ({}, ("--episodes=none",), "--episodes=none is no list of numbers"),
        ({"action": None}, (), "actions of 2 numbers, but the policy's have 3"),
    ],
)
def test_what_does_not_fit_is_one_line(compare, tmp_path, change, arguments, said):
    recorded = open_loop_testing.recorded()
    for episode in recorded:
        if "joints" in change:
            episode[change["joints"]] = episode.pop("joints")
        if "action" in change:
            episode["action"] = episode["action"][:, :2]
    data = own_data_testing.npz_folder(tmp_path, recorded)
    done = compare(open_loop_testing.Policy(), f"--dataset_path={data}", *arguments)
    assert done.status == 1 and said in commands.only_error("\n".join(done.errors))
    assert not (tmp_path / "out").exists()


def test_data_has_to_be_known(compare):
    done = compare(open_loop_testing.Policy())
    assert done.errors == ["error: run does not tell what it was trained on: give --dataset_path."]
