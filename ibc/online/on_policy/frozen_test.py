"""Experiments with a frozen policy, on a short run of AMP."""

import json
import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ibc import online_train_eval
from ibc.networks import pair_discriminator, pair_energy
from ibc.online import run_config
from ibc.online.on_policy import frozen, judging
from ibc.rewards import annealers, near
from tests import amp_testing

_ROWS = ("--set=frozen.rollouts=6",)


def _read(name, tag="a"):
    text = pathlib.Path(f"runs/online/{tag}/{name}/results.json").read_text()
    return json.loads(text)


def test_an_experiment_goes_on_as_if_it_had_not_been_stopped(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    amp_testing.prepare(tmp_path)
    amp_testing.save_energy(tmp_path / "other", seed=1)
    name = "perfect_discriminator"
    experiment = f"--experiment={name}"
    whole = amp_testing.run(experiment, *_ROWS, "--tag=whole")
    assert (whole.status, whole.errors) == (0, [])
    assert "discriminator, at first" in whole.output and "energy, rollout 6" in whole.output
    # The run itself may be there already.
    for arguments in ((), (experiment, "--set=frozen.rollouts=5"), (experiment, *_ROWS)):
        assert amp_testing.run(*arguments).status == 0
    one, other = _read(name, "whole"), _read(name)
    assert one == other
    assert one["frames"] == 32 and len(one["rows"]) == 6
    first, last = one["rows"][0], one["rows"][-1]
    assert first["discriminator/prediction_mean"] != last["discriminator/prediction_mean"]
    assert (tmp_path / f"runs/online/a/{name}/figure.png").stat().st_size > 10_000
    # The other experiment is of the same run, whose discriminator it keeps.
    assert amp_testing.run("--experiment=variance", "--set=frozen.rollouts=1").status == 0
    kept = _read("variance")["rows"][0]
    assert kept["discriminator/prediction_mean"] != first["discriminator/prediction_mean"]
    # The policy is frozen, but the run may go on: then it is another policy.
    before = _read(".")
    done = amp_testing.run("--set=steps=64", experiment, *_ROWS)
    assert done.status == 1 and "is of the policy after 32 steps" in done.errors[-1]
    assert _read(".") == before  # Which is said before the policy learns any more.
    # Fewer rollouts than there are leave them.
    assert amp_testing.run(experiment, "--set=frozen.rollouts=3").status == 0
    assert _read(name) == one
    # Neither a level, nor an annealer, nor weights may change.
    for other, said in {
        "sigma_level=1": "reward.sigma_level was -1, now 1",
        "transform=standardised": "reward.transform was published, now standardised",
        "eb_model_checkpoint=other": "SHA-256 of its weights was ",
    }.items():
        done = amp_testing.run(experiment, *_ROWS, f"--set=reward.{other}")
        assert done.status == 1 and said in done.errors[-1], done.errors


def test_the_command_knows_all_experiments():
    for name in frozen.EXPERIMENTS:
        online_train_eval.make_parser().parse_args(["--task=MAZE", f"--experiment={name}"])
    with pytest.raises(ValueError, match="--experiment must be one of"):
        frozen.run(run_config.OnlineConfig(algorithm="AMP"), "variances")


def test_a_discriminator_that_tells_all_apart_has_no_slope():
    network = pair_discriminator.PairDiscriminator(1, (4,))
    trunk_kernel, last_kernel = network.kernels
    found = []
    for steepness in (1.0, 100.0):
        # σ(k·(y − x)) of a pair [x, y], whose form is [x, y − x].
        trunk_kernel.assign([[0.0, 0, 0, 0], [steepness, -steepness, 0, 0]])
        last_kernel.assign([[1.0], [-1.0], [0.0], [0.0]])
        agent = np.float32([[[0, -1]], [[2, 0]]])
        demo = np.float32([[0, 1], [0, 1]])
        found.append(judging.of_discriminator(network, agent, demo))
    shares = 1 / (1 + np.exp([1.0, 2.0]))
    gentle, steep = found
    bias = float(abs(network.trunk.weights[1].numpy()).max())
    assert bias < 0.1
    np.testing.assert_allclose(gentle["prediction_mean"], shares.mean(), rtol=0.1)
    np.testing.assert_allclose(gentle["gradient"], np.mean(shares * (1 - shares)), rtol=0.1)
    for numbers in found:
        assert numbers["agent_accuracy"] == numbers["demo_accuracy"] == numbers["auc"] == 1
    assert steep["gradient"] < 1e-6 < gentle["gradient"]


def test_an_energy_keeps_its_slope(monkeypatch):
    energy = pair_energy.PairEnergy(pair_energy.Architecture(1, sigmas=(1.0, 0.1)))
    monkeypatch.setattr(energy, "network", lambda rows, level: 5 * rows[:, 0] - 1)
    reward = near.NearReward(energy, annealers.Annealer(2))
    agent = np.float32([[[0, 1]], [[2, 1]]])
    told = judging.of_energy(reward, agent, np.float32([[3, 0], [1, 0]]))
    np.testing.assert_allclose(told["gradient"], 5, rtol=1e-5)
    np.testing.assert_allclose(told["prediction_mean"], 4, rtol=1e-4)
    np.testing.assert_allclose(told["prediction_std"], 5, rtol=1e-4)
    np.testing.assert_allclose(told["auc"], 0.75)
    expected = np.tanh([-0.5, 0.5])
    np.testing.assert_allclose(told["reward_std"], expected.std(), rtol=1e-4)
    assert tf.is_tensor(energy(agent, 0))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--algorithm=NEAR",), "--experiment=variance is for AMP, but --algorithm=NEAR"),
        (("--algorithm=SAC",), "--experiment is for AMP, but --algorithm=SAC"),
        (("--set=frozen.rollouts=0",), "frozen.rollouts must be a whole number of at least 1"),
        (("--set=reward.eb_model_checkpoint=none",), "there is no energy in none: train one"),
        (("--set=reward.sigma_level=2",), "sigma_level must be a whole number of at most 1"),
        (("--sweep=seed=1,2",), "--test and --experiment are of one run"),
        (("--test",), "--test trains nothing, but --experiment does"),
        (("--set=amp.pair_stride=3",), "learned with data.pair_stride = 1, but AMP pairs"),
        (("--set=reward.eb_model_checkpoint=paired",), "learned with data.drop_repeated = False"),
        (("--set=dataset_path=one.npz",), "one.npz has one episode, but --experiment judges by"),
        (("--set=reward.sigma_level=-2",), "reward.sigma_level must be a whole number of at least"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_written(arguments, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    amp_testing.prepare(tmp_path)
    amp_testing.save_energy(tmp_path / "paired", drop_repeated=False)
    np.savez("one.npz", state=np.linspace([60, 60], [60, 430], 40), episode_ends=[40])
    if "--algorithm=SAC" in arguments:
        monkeypatch.setattr(amp_testing, "SETTINGS", ())
    done = amp_testing.run("--experiment=variance", *arguments)
    assert done.status == 1 and said in done.errors[-1], done.errors
    assert not (tmp_path / "runs/online").exists()
