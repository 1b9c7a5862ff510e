import json
import pathlib

import pytest

from ibc.networks import pair_energy
from ibc.online.on_policy import planning
from tests import commands

_SMALL = (
    "--algorithm=CEM", "--set=cem.num_sims=8", "--set=cem.horizon=2", "--set=cem.iterations=2",
    "--set=cem.elite_percentage=0.3", "--tag=a",
)  # fmt: skip


def _run(*arguments):
    return commands.in_process("online_train_eval", (*_SMALL, *arguments))


def _by_the_task(*arguments):
    weights = ("--set=reward.energy_reward_w=0", "--set=reward.task_reward_w=1")
    return _run("--task=PARTICLE_GOAL", *weights, "--set=cem.action_repeat=3", *arguments)


def _results():
    return json.loads(pathlib.Path("runs/online/a/results.json").read_text())


def test_episodes_are_planned_to_the_goal_and_one_more_goes_on(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first = _by_the_task("--set=run.evaluation_episodes=1")
    assert (first.status, first.errors) == (0, [])
    before = _results()
    assert before["episodes"][0]["goal_success_rate"] == 1
    assert _by_the_task("--set=run.evaluation_episodes=2").status == 0
    after = _results()
    assert after["episodes"][0] == before["episodes"][0]
    row = after["evaluations"][0]
    lengths = [episode["episode_lengths"] for episode in after["episodes"]]
    assert (row["episodes"], row["goal_success_rate"]) == (2, 1)
    assert row["episode_lengths"] == sum(lengths) / 2 and len(set(lengths)) == 2
    assert _by_the_task("--set=cem.horizon=3").status == 1  # Another run than the folder's.


def test_an_episode_follows_from_the_seed_and_its_number(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert _by_the_task("--set=run.evaluation_episodes=2").status == 0
    one = _results()["episodes"][1]
    kept = _results() | {"episodes": _results()["episodes"][:1]}
    pathlib.Path("runs/online/a", planning.RESULTS).write_text(json.dumps(kept))
    assert _by_the_task("--set=run.evaluation_episodes=2").status == 0
    assert _results()["episodes"][1] == one


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--task=Pendulum-v1",), "environment of Pendulum-v1 cannot be copied: use a task such"),
        (("--task=MAZE",), "there is no energy in runs/ncsn/MAZE/seed0: train one"),
        (("--task=MAZE", "--set=cem.elite_percentage=0.2"), "makes 1 of 8 plans elites"),
        (("--task=MAZE", "--video"), "online_train_eval.video is not for CEM"),
        (("--task=MAZE", "--set=cem.sims=2"), "there is no option cem.sims"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = _run(*arguments)
    assert done.status == 1 and said in done.errors[-1]
    assert not pathlib.Path("runs").exists()


def test_a_level_that_the_energy_lacks_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    energy = pair_energy.PairEnergy(
        pair_energy.Architecture(2, (6,), 4, (5,), sigmas=(1.0, 0.1)), {"task": "MAZE"}
    )
    energy.save(pathlib.Path("runs/ncsn/MAZE/seed0/energy"))
    done = _run("--task=MAZE", "--set=reward.sigma_level=2")
    assert "sigma_level is 2, but the energy has the levels 0 to 1" in done.errors[-1]
    done = _run("--task=MAZE", "--set=reward.sigma_level=-2")
    assert "reward.sigma_level must be a whole number of at least -1" in done.errors[-1]
    assert not pathlib.Path("runs/online").exists()
