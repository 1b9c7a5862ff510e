"""Rewards without a discriminator against recordings, and by their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents.sac_agent_test import batch_of
from ibc.networks import tanh_gaussian
from ibc.networks.layers import perceptron
from ibc.rewards import adril, dril, gmmil, learned_reward, pwil, red
from ibc.utils import keys, transitions
from tests import online_golden

_KEY = keys.Key(tf.constant([0, 0]))
near = online_golden.assert_near


def _batch(recorded, prefix, weights=True):
    """Returns recorded observations and actions, and weights where there are some."""
    states = recorded[f"{prefix}states"]
    fields = {"weight": recorded[f"{prefix}weights"]} if weights else {}
    size = {"size": len(states), "observations": states.shape[1]}
    fields |= {"observation": states, "action": recorded[f"{prefix}actions"]}
    return batch_of(**size, **fields)


@pytest.mark.parametrize("state_only", [0, 1])
def test_recorded_rewards_of_gmmil(golden, state_only):
    recorded = np.load(golden("online_imitation/gmmil.npz"))
    prefix = f"state_only{state_only}/"
    ours = gmmil.GmmilReward(bool(state_only))
    published = gmmil.GmmilReward(bool(state_only), self_weighted=True)
    for number in range(2):
        agent = _batch(recorded, f"{prefix}batch{number}/")
        expert = _batch(recorded, f"{prefix}expert{number}/")
        distance = gmmil.squared_distances(ours._inputs(agent), ours._inputs(expert))
        near(distance, recorded[f"{prefix}distance{number}"])
        for learned, name in ((ours, "ours_reward"), (published, "reward")):
            tf.function(learned.train)(agent, expert, None, _KEY)
            found = learned.reward(agent, expert, None, _KEY)
            near(found, recorded[f"{prefix}{name}{number}"], atol=1e-5)
        near(ours.gammas, [recorded[f"{prefix}gamma_1"], recorded[f"{prefix}gamma_2"]])
    median = gmmil.weighted_median(recorded["median_x"], recorded["median_w"])
    near(median, recorded["median"])


def test_gmmil_likes_what_is_near_the_expert():
    expert = batch_of(32, seed=1)
    agent = batch_of(32, seed=2, observation=np.random.RandomState(0).randn(32, 5) + 3)
    learned = gmmil.GmmilReward()
    learned.train(agent, expert, None, _KEY)
    mixed = transitions.Transitions(
        *(tf.concat([a[:16], e[:16]], 0) for a, e in zip(agent, expert, strict=True))
    )
    found = learned.reward(mixed, expert, None, _KEY)
    assert np.max(found[:16]) < np.min(found[16:])


def _red(recorded, **options):
    networks = [perceptron.Perceptron(7, 7, hidden_size=6, depth=1) for _ in range(2)]
    for network, module in zip(networks, ("before/predictor", "target"), strict=True):
        online_golden.load(network, recorded, module)
    rate, decay = float(recorded["learning_rate"]), float(recorded["weight_decay"])
    return red.RedReward(*networks, learning_rate=rate, weight_decay=decay, **options)


def test_recorded_rewards_of_red(golden):
    recorded = np.load(golden("online_imitation/red.npz"))
    expert, agent = (online_golden.batch(recorded, name) for name in ("expert", "batch"))
    learned = _red(recorded, sigma="published")
    near(learned.pretrain(expert, _KEY)["embedding_loss"], recorded["loss"])
    expected = online_golden.weights(recorded, "after/predictor")
    for variable, value in zip(learned.predictor.weights, expected, strict=True):
        near(variable, value)
    inputs = tf.concat(expert[:2], -1)
    near(learned.predictor(inputs), recorded["prediction"], atol=1e-5)
    near(learned.target(inputs), recorded["target_output"], atol=1e-5)
    learned.prepare(expert, _KEY)
    near(learned.sigma, recorded["sigma_1"])
    near(learned.reward(expert, expert, None, _KEY), recorded["reward_expert"])
    near(learned.reward(agent, expert, None, _KEY), recorded["reward_batch"])
    ours = _red(recorded)
    ours.pretrain(expert, _KEY)
    ours.prepare(expert, _KEY)
    near(ours.sigma, recorded["ours_sigma_1"])


@pytest.mark.parametrize("uncertainty", ["density", "mean"])
def test_recorded_rewards_of_dril(golden, uncertainty):
    recorded = np.load(golden("online_imitation/dril.npz"))
    rates = {n: float(recorded[f"option/{n}"]) for n in ("input_dropout", "dropout")}
    actor = tanh_gaussian.TanhGaussian(5, 2, hidden_size=6, depth=1, activation="tanh", **rates)
    online_golden.load(actor, recorded, "actor")
    learned = dril.DrilReward(
        actor,
        learning_rate=3e-5,
        weight_decay=5.0,
        quantile_cutoff=float(recorded["option/quantile_cutoff"]),
        uncertainty=uncertainty,
    )
    expert, agent = (online_golden.batch(recorded, name) for name in ("expert", "batch"))

    def masks(name):
        return [recorded[f"{name}_mask{i}"] / (1 - r) for i, r in enumerate(rates.values())]

    found = learned.uncertainty(expert, masks("expert"))
    learned.set_threshold(expert, masks("expert"))
    if uncertainty == "density":
        near(found, recorded["expert_uncertainty"], rtol=5e-4)
        near(learned.threshold, recorded["threshold"], rtol=5e-4)
        near(learned.reward_with(agent, masks("batch")), recorded["reward"])
    else:
        # The same, written with NumPy.
        rows = np.repeat(expert.observation, 5, axis=0)
        mean = actor.moments(rows, masks("expert"))[0].numpy().reshape(8, 5, 2)
        near(found, np.var(mean, axis=1, ddof=1).mean(-1))
        near(learned.threshold, np.quantile(found, float(recorded["option/quantile_cutoff"])))
    loss = learned.pretrain_with(expert, masks("pretraining"))["cloning_loss"]
    near(loss, recorded["pretraining_loss"])
    expected = online_golden.weights(recorded, "after/actor")
    for variable, value in zip(actor.weights, expected, strict=True):
        near(variable, value)


@pytest.mark.parametrize("case", [0, 1, 2])
def test_recorded_rewards_of_pwil(golden, case):
    recorded = np.load(golden("online_imitation/pwil.npz"))
    option = {n: recorded[f"case{case}/{n}"] for n in ("time_horizon", "state_only")}
    learned = pwil.PwilReward(
        int(option["time_horizon"]),
        bool(option["state_only"]),
        float(recorded[f"case{case}/reward_scale"]),
        float(recorded[f"case{case}/reward_bandwidth_scale"]),
    )
    expert = _batch(recorded, f"case{case}/expert_", weights=False)
    episode = _batch(recorded, f"case{case}/", weights=False)
    learned.prepare(expert, _KEY)
    near(learned.scale, recorded[f"case{case}/scale"][0])
    near(learned.offset, recorded[f"case{case}/offset"][0], atol=1e-6)
    near(learned.bandwidth, recorded[f"case{case}/bandwidth"])
    for name in ("rewards", "rewards_second_episode"):
        learned.begin_episode()
        rewards = [learned.reward_of_step(step) for step in _rows(episode)]
        near(rewards, recorded[f"case{case}/{name}"])
    expected = recorded[f"case{case}/rewards_of_expert"]
    near(learned.rewards_of(expert, np.zeros(len(expected), bool)), expected)


def _rows(batch):
    for row in range(batch.reward.shape[0]):
        yield transitions.Transitions(*(field[row : row + 1] for field in batch))


@pytest.mark.parametrize(("atoms", "horizon"), [(10, 10), (3, 10), (25, 4)])
def test_pwil_transports_the_whole_mass(atoms, horizon):
    learned = pwil.PwilReward(horizon)
    learned.prepare(batch_of(atoms), _KEY)
    for number, step in enumerate(_rows(batch_of(horizon, seed=1)), start=1):
        learned.reward_of_step(step)
        moved = 1 - learned._weights.sum()
        assert abs(moved - number / horizon) <= 1e-6 * number + 1e-9


def test_pwil_refuses_episodes_beyond_their_limit():
    learned = pwil.PwilReward(4)
    learned.prepare(batch_of(6), _KEY)
    with pytest.raises(ValueError, match="longer than its limit of 4 steps"):
        for step in _rows(batch_of(6, seed=1)):
            learned.reward_of_step(step)


@pytest.mark.parametrize("first", [0, 3, 6, 9])
def test_recorded_batches_of_adril(golden, first):
    recorded = np.load(golden("online_imitation/adril.npz"))
    option = {n: recorded[f"case{first}/{n}"][()] for n in ("update_freq", "balanced")}
    learned = adril.AdrilReward(
        int(recorded[f"case{first}/num_expert_trajectories"]),
        bool(option["balanced"]),
        int(option["update_freq"]),
    )
    compose = tf.function(learned.learner_batch)
    for number in range(first, first + 3):
        found = {n.split("/")[1]: recorded[n] for n in recorded.files if f"case{number}/" in n}
        agent = batch_of(8, observation=found["batch_states"], step=found["batch_step"])
        expert = batch_of(8, observation=found["expert_states"], step=np.arange(1, 9))
        progress = learned_reward.Progress(
            *(tf.constant(found[name], tf.float32) for name in ("step", "num_trajectories"))
        )
        batch = compose(agent, expert, None, progress, _KEY)
        near(batch.observation, found["states"])
        near(batch.reward, found["rewards"])


def test_adrils_penalties_per_round_do_not_fade():
    learned = adril.AdrilReward(2, balanced=False, update_freq=10, normalise_by="round")
    agent = batch_of(8, step=np.full(8, 5))
    for step, trajectories in ((40, 8), (400, 80)):
        progress = learned_reward.Progress(
            tf.constant(float(step)), tf.constant(float(trajectories))
        )
        batch = learned.learner_batch(agent, batch_of(8), None, progress, _KEY)
        near(batch.reward, [0.5] * 4 + [-0.5] * 4)


_ACTOR = {"observation_size": 5, "action_size": 2, "hidden_size": 4, "dropout": 0.1}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adril.AdrilReward(0), "at least one expert trajectory"),
        (lambda: adril.AdrilReward(1, update_freq=-1), "update_freq must not be below 0"),
        (lambda: adril.AdrilReward(1, normalise_by="x"), "normalise_by must be one of"),
        (lambda: pwil.PwilReward(0), "time_horizon must be at least 1"),
        (lambda: _dril(quantile_cutoff=1.5), "quantile_cutoff must be in"),
        (lambda: _dril(uncertainty="std"), "uncertainty must be one of"),
        (lambda: _dril(ensemble_size=1), "ensemble_size must be at least 2"),
    ],
)
def test_unusable_options(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def _dril(**options):
    return dril.DrilReward(tanh_gaussian.TanhGaussian(**_ACTOR), **options)
