import json
import pathlib

import numpy as np
import pytest

from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import energies, options
from tests import commands

_PENDULUM = ("--task=Pendulum-v1", "--tag=a")
_SMALL = (
    "--set=ppo.num_envs=2", "--set=ppo.horizon=16", "--set=ppo.minibatch_size=16",
    "--set=ppo.hidden=[8]", "--set=run.block=2", "--set=run.evaluation_interval=2",
    "--set=run.evaluation_episodes=2",
)  # fmt: skip


def _run(*arguments):
    return commands.in_process("online_train_eval", arguments)


def _energy(task="Pendulum-v1", size=3, place="Pendulum-v1/seed0", **told):
    energy = pair_energy.PairEnergy(
        pair_energy.Architecture(size, (6,), 4, (5,), sigmas=(1.0, 0.1)), {"task": task, **told}
    )
    energy.save(pathlib.Path(f"runs/ncsn/{place}/energy"))


def _demonstrations():
    states = np.random.default_rng(0).normal(size=[40, 3])
    np.savez("demos.npz", state=np.float32(states), episode_ends=[20, 30, 40])


@pytest.mark.parametrize("algorithm", ["PPO", "NEAR", "AMP"])
def test_a_run_is_evaluated_exported_and_continued(algorithm, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _energy()
    _demonstrations()
    demonstrations = "--gin_bindings=online_train_eval.dataset_path = 'demos.npz'"
    given = (f"--algorithm={algorithm}", "--task=Pendulum-v1", *_SMALL, demonstrations)
    given += ("--set=amp.hidden=[8]",)
    whole = _run(*given, "--set=steps=128", "--tag=whole")
    assert (whole.status, whole.errors) == (0, [])
    # What a run began with is a config file, too, whatever is shipped since.
    begun = ("--gin_file=runs/online/parts/train/gin-bindings.txt",) if algorithm == "NEAR" else ()
    for steps, more in ((64, ()), (128, begun)):
        assert _run(*given, *more, f"--set=steps={steps}", "--tag=parts").status == 0
    results = [
        json.loads(pathlib.Path(f"runs/online/{tag}/results.json").read_text())["evaluations"]
        for tag in ("whole", "parts")
    ]
    for one, other in zip(*results, strict=True):
        assert one | {"seconds": 0} == other | {"seconds": 0}
    assert [row["frames"] for row in results[0]] == [64, 128]
    assert ("level" in results[0][0]) == (algorithm == "NEAR")
    assert pathlib.Path("runs/online/whole/policies/greedy_policy/policy.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--algorithm=CEM", "--video"), "online_train_eval.video is not for CEM"),
        (("--algorithm=NEAR",), "there is no energy in runs/ncsn/Pendulum-v1/seed0: train one"),
        (("--algorithm=PPO", "--set=ppo.minibatch_size=7"), "does not divide"),
        (("--algorithm=PPO", "--set=steps=10"), "a single rollout has 32 steps"),
        (("--algorithm=PPO", "--set=ppo.learning_rate=1"), "there is no option ppo.learning_rate"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = _run(*_PENDULUM, *_SMALL, *arguments)
    assert done.status == 1 and said in done.errors[-1]
    assert not pathlib.Path("runs").exists()


def test_demonstrations_of_another_task_are_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    np.savez("demos.npz", state=np.eye(4, 2, dtype=np.float32), episode_ends=[2, 4])
    given = "--set=dataset_path=demos.npz"
    done = _run("--algorithm=AMP", *_PENDULUM, *_SMALL, given)
    assert "demos.npz has states of 2 numbers, but task Pendulum-v1 observes 3" in done.errors[-1]
    assert not pathlib.Path("runs").exists()


def test_an_energy_of_another_task_or_level_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _energy(task="MAZE", size=2)
    done = _run("--algorithm=NEAR", *_PENDULUM, *_SMALL)
    assert "is of task MAZE with 2 numbers observed" in done.errors[-1]
    _energy()
    done = _run("--algorithm=NEAR", *_PENDULUM, *_SMALL, "--set=reward.sigma_level=2")
    assert "sigma_level must be a whole number of at most 1, got 2" in done.errors[-1]
    assert not np.any([path.name == "online" for path in pathlib.Path("runs").iterdir()])


def test_several_energies_are_added_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for place, mean in (("a", 2.0), ("b", 4.0)):
        _energy(place=place, mean_energy=mean)
    config = run_config.OnlineConfig(task="Pendulum-v1")
    reward = options.Reward(eb_model_checkpoint=["runs/ncsn/a", "runs/ncsn/b"])
    pairs = np.float32(np.random.default_rng(0).normal(size=[5, 6]))
    one = energies.load(config, options.Reward(eb_model_checkpoint="runs/ncsn/a"), 3)
    both = energies.load(config, reward, 3)
    # They are the same network, of which the second counts ½ by its mean.
    np.testing.assert_allclose(both(pairs, 1), 0.75 * one(pairs, 1), rtol=1e-5)
    given = ("--algorithm=NEAR", *_PENDULUM, *_SMALL, "--set=steps=64")
    two = "--set=reward.eb_model_checkpoint=['runs/ncsn/a', 'runs/ncsn/b']"
    assert _run(*given, two, "--set=reward.energy_weights=[0.6, 0.4]").status == 0
    done = _run(*given, two, "--set=reward.energy_weights=[1, 2, 3]", "--tag=b")
    assert "has 3 weights, but reward.eb_model_checkpoint 2 energies" in done.errors[-1]
    _energy(place="b", mean_energy=-4.0)
    done = _run(*given, two, "--tag=b")
    assert "means over their demonstrations are 2, -4" in done.errors[-1]
    _energy(place="b")
    done = _run(*given, two, "--tag=b")
    assert "runs/ncsn/b does not tell its mean over its demonstrations" in done.errors[-1]
    assert not pathlib.Path("runs/online/b").exists()


def test_a_run_whose_noise_falls_with_its_steps_is_not_made_longer(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    given = ("--algorithm=PPO", *_PENDULUM, *_SMALL, "--set=ppo.final_log_sigma=-4.0")
    assert _run(*given, "--set=steps=64").status == 0
    done = _run(*given, "--set=steps=128")
    assert done.status == 1 and "online_train_eval.steps was 64, now 128" in done.errors[-1]
    assert _run(*given, "--set=steps=64").status == 0


@pytest.mark.slow
def test_ppo_brings_the_particle_to_the_centre(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = _run("--algorithm=PPO", "--task=PARTICLE_GOAL", "--set=steps=40960", "--tag=a")
    assert (done.status, done.errors) == (0, [])
    results = json.loads(pathlib.Path("runs/online/a/results.json").read_text())
    assert results["evaluations"][-1]["goal_success_rate"] >= 0.95
