import json
import pathlib

import numpy as np
import pytest

from ibc.ncsn import run_config as of_energies
from ibc.networks import pair_energy
from ibc.online import run_config
from ibc.online.on_policy import demonstrated, energies, options
from tests import commands

_SMALL = (
    "--set=ppo.num_envs=2", "--set=ppo.horizon=16", "--set=ppo.minibatch_size=16",
    "--set=ppo.hidden=[8]", "--set=run.block=2", "--set=run.evaluation_interval=2",
    "--set=run.evaluation_episodes=2", "--set=ppo.action_repeat=1", "--set=steps=64", "--tag=a",
    "--set=amp.hidden=[8]",
)  # fmt: skip
_PAIRS = np.float32(np.random.default_rng(0).normal(size=[5, 8]))
_STATES = _PAIRS[:, [0, 1, 4, 5]]


@pytest.fixture(autouse=True)
def _place(tmp_path, monkeypatch):
    """A folder with two energies of the maze's places."""
    monkeypatch.chdir(tmp_path)
    for number in range(2):
        energy = pair_energy.PairEnergy(
            pair_energy.Architecture(2, (6,), 4, (5,), sigmas=(1.0, 0.1)),
            {"task": "MAZE", "mean_energy": 1.0},
            seed=number,
        )
        energy.save(pathlib.Path(f"runs/ncsn/MAZE/seed{number}/energy"))


def test_an_energy_of_the_state_does_not_see_the_goal():
    config = run_config.OnlineConfig(algorithm="NEAR", task="MAZE_GOAL")
    loaded = energies.load(config, options.Reward(), 4)
    one, other = (pair_energy.load(f"runs/ncsn/MAZE/seed{number}") for number in range(2))
    np.testing.assert_array_equal(loaded(_PAIRS, 1), one(_STATES, 1))
    two = ["runs/ncsn/MAZE/seed0", "runs/ncsn/MAZE/seed1"]
    both = energies.load(config, options.Reward(eb_model_checkpoint=two), 4)
    # `train_ncsn.py --task=MAZE_GOAL` learns from the same states.
    named = pair_energy.PairEnergy(one.architecture, {"task": "MAZE_GOAL"}, seed=0)
    named.save(pathlib.Path("runs/ncsn/MAZE_GOAL/seed0/energy"))
    own = options.Reward(eb_model_checkpoint="runs/ncsn/MAZE_GOAL/seed0")
    np.testing.assert_array_equal(energies.load(config, own, 4)(_PAIRS, 1), one(_STATES, 1))
    expected = (one(_STATES, 1) + other(_STATES, 1)) / 2
    np.testing.assert_allclose(both(_PAIRS, 1), expected, rtol=1e-5)


@pytest.mark.parametrize("algorithm", ["NEAR", "AMP"])
def test_goals_are_for_the_policy_alone(algorithm):
    states = np.random.default_rng(0).uniform(60, 80, size=[40, 2])
    np.savez("demos.npz", state=np.float32(states), episode_ends=[20, 30, 40])
    given = [f"--algorithm={algorithm}", "--task=MAZE_GOAL", "--set=dataset_path=demos.npz"]
    done = commands.in_process("online_train_eval", [*given, *_SMALL])
    assert (done.status, done.errors) == (0, [])
    results = json.loads(pathlib.Path("runs/online/a/results.json").read_text())
    assert {"corridor", "goal_success_rate"} <= results["evaluations"][-1].keys()


@pytest.mark.parametrize("task", ["MAZE_GOAL", "halfcheetah"])
def test_energies_and_discriminators_learn_from_the_same_place(task):
    place = demonstrated.dataset(run_config.OnlineConfig(algorithm="AMP", task=task))
    assert of_energies.NcsnConfig(task=task).dataset() == place


def test_an_energy_of_a_task_s_other_name_is_its_own():
    architecture = pair_energy.Architecture(17, (6,), 4, (5,), sigmas=(1.0, 0.1))
    energy = pair_energy.PairEnergy(architecture, {"task": "HalfCheetah-v4"})
    energy.save(pathlib.Path("runs/ncsn/halfcheetah/seed0/energy"))
    config = run_config.OnlineConfig(algorithm="NEAR", task="halfcheetah")
    assert energies.load(config, options.Reward(), 17).architecture == architecture


@pytest.mark.parametrize(("size", "fits"), [(1, False), (2, True), (3, False), (4, True)])
def test_a_state_is_what_its_task_observes(size, fits):
    assert energies.is_state_of("MAZE_GOAL", size, 4) == fits
    assert energies.is_state_of("MAZE", size, 2) == (size == 2)


def test_an_energy_of_more_or_of_something_else_is_refused():
    given = ["--algorithm=NEAR", *_SMALL]
    done = commands.in_process("online_train_eval", ["--task=PARTICLE_GOAL", *given])
    assert "there is no energy in runs/ncsn/PARTICLE_GOAL/seed0" in done.errors[0]
    energy = pair_energy.PairEnergy(
        pair_energy.Architecture(4, (6,), 4, (5,), sigmas=(1.0, 0.1)), {"task": "MAZE"}
    )
    energy.save(pathlib.Path("runs/ncsn/MAZE/seed0/energy"))
    done = commands.in_process("online_train_eval", ["--task=MAZE_GOAL", *given])
    assert (
        "is of task MAZE with 4 numbers observed, but task MAZE_GOAL observes 4" in done.errors[0]
    )
    assert "train one with `python ibc/train_ncsn.py --task=MAZE`" in done.errors[0]
    assert not pathlib.Path("runs/online").exists()
