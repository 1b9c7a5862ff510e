"""A run gives up below its bars, and stays so when it is started again."""

import json

import pytest

from ibc.online import giving_up
from tests import commands

_RUN = (
    "--algorithm=SAC", "--task=Pendulum-v1", "--tag=a", "--set=steps=800",
    "--set=training.start=790", "--set=evaluation.interval=200", "--set=evaluation.episodes=1",
    "--set=reinforcement.actor.hidden_size=8", "--set=reinforcement.critic.hidden_size=8",
)  # fmt: skip


def test_a_run_is_held_against_its_bars_and_its_bound(tmp_path):
    assert giving_up.read(tmp_path) == giving_up.Bars({})
    giving_up.Bars({200: 0.5}, 0.7).write(tmp_path)
    bars = giving_up.read(tmp_path)
    assert bars == giving_up.Bars({200: 0.5}, 0.7)
    assert bars.are_missed(200, [0.9, 0.0]) and not bars.are_missed(200, [0.0, 1.0])
    assert not bars.are_missed(100, [-9.0])
    assert giving_up.Bars({200: 0.5}, 0.4).are_missed(200, [2.0])
    (tmp_path / giving_up.FILE).write_text("[]")
    with pytest.raises(ValueError, match=r"bars.json is damaged .*remove it"):
        giving_up.read(tmp_path)


def test_a_run_ends_with_the_episode_in_which_it_gives_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "datasets" / "pendulum-v1"
    data.mkdir(parents=True)
    record = ("--task=Pendulum-v1", "--policy=random", "--num_episodes=1")
    place = f"--dataset_path={data / 'pendulum-v1.tfrecord'}"
    assert commands.in_process("policy_eval", [*record, place]).status == 0
    folder = tmp_path / "runs/online/a"
    giving_up.Bars({400: 1e9}).write(folder)
    for _ in range(2):
        done = commands.in_process("online_train_eval", _RUN)
        assert (done.status, done.errors) == (0, [])
        told = json.loads((folder / "results.json").read_text())
        assert told["test_steps"] == [200, 400] and told["given_up"] == 400
        assert (folder / "policies/greedy_policy/policy.json").is_file()
