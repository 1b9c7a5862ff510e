"""Discriminators against recorded updates of the published code, and by their definitions."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import sac_agent_test
from ibc.losses import adversarial_losses
from ibc.networks import discriminator as discriminator_lib
from ibc.networks import tanh_gaussian
from ibc.rewards import adversarial
from ibc.utils import keys
from tests import online_golden

_KEY = keys.Key(tf.constant([0, 0]))
_CASES = ("bce", "bce_full", "mixup", "pugail", "airl", "fairl_state_only")


def _recorded(golden, case):
    """Returns a recording, the reward with its first weights, and the recorded actor's log π."""
    recorded = np.load(golden(f"online_imitation/adversarial_{case}.npz"))
    option = {n.removeprefix("option/"): recorded[n][()] for n in recorded.files if "option/" in n}
    discriminator = discriminator_lib.Discriminator(
        5,
        2,
        state_only=bool(option["state_only"]),
        reward_shaping=bool(option["reward_shaping"]),
        discount=float(option["disc"]),
        hidden_size=6,
        depth=int(option["depth"]),
        activation=str(option["act"]),
        spectral_norm=bool(option["spectral_norm"]),
    )
    for name, network in discriminator.networks.items():
        online_golden.load(network, recorded, "before/disc", name)
    actor = tanh_gaussian.TanhGaussian(5, 2, hidden_size=6)
    online_golden.load(actor, recorded, "actor")
    learned = adversarial.AdversarialReward(
        discriminator,
        reward_function=str(option["reward_function"]),
        loss_function=str(option["loss_function"]),
        learning_rate=float(option["lr"]),
        weight_decay=float(option["wd"]),
        grad_penalty=float(option["grad_penalty"]),
        entropy_bonus=float(option["entropy_bonus"]),
        mixup_alpha=float(option["mixup_alpha"]),
        pos_class_prior=float(option["pos_class_prior"]),
        nonnegative_margin=float(option["nonnegative_margin"]),
        subtract_log_policy=bool(option["subtract_log_policy"]),
        published_pugail=True,
    )

    def log_policy(observation, action):
        return tanh_gaussian.log_prob(*actor.moments(observation), action)

    return recorded, learned, log_policy


@pytest.mark.parametrize("case", _CASES)
def test_recorded_updates(golden, case):
    recorded, learned, log_policy = _recorded(golden, case)
    agent = online_golden.batch(recorded, "batch")
    expert = online_golden.batch(recorded, "expert")
    near = online_golden.assert_near
    near(learned.logits(agent, log_policy), recorded["before/logits_batch"], atol=1e-5)
    near(learned.logits(expert, log_policy), recorded["before/logits_expert"], atol=1e-5)
    near(
        learned.reward(agent, expert, log_policy, _KEY), recorded["before/reward_batch"], atol=1e-5
    )
    train = tf.function(learned.train_with)
    for step in range(2):
        values = {n.split("/", 1)[1]: recorded[n] for n in recorded.files if f"update{step}/" in n}
        shares = (values.get(name) for name in ("mix_epsilon", "penalty_epsilon"))
        told = train(agent, expert, log_policy, *shares)
        near(told["discriminator_loss"], values["loss"])
        near(told["gradient_penalty"], values.get("grad_penalty", 0.0))
        near(told["entropy_bonus"], values.get("entropy_bonus", 0.0))
        for name, network in learned.discriminator.networks.items():
            expected = online_golden.weights(recorded, f"update{step}/disc", name)
            for variable, value in zip(network.weights, expected, strict=True):
                near(variable, value)
            expected = online_golden.singular_vectors(recorded, f"update{step}/disc", name)
            for pair, values_of_pair in zip(network.singular_vectors, expected, strict=True):
                near(pair[0], values_of_pair[0], atol=1e-5)
                near(pair[1], values_of_pair[1], atol=1e-5)
        near(learned.reward(agent, expert, log_policy, _KEY), values["reward_batch"], atol=1e-5)
        near(learned.reward(expert, expert, log_policy, _KEY), values["reward_expert"], atol=1e-5)


def test_the_right_sign_of_pugail(golden):
    recorded, _, log_policy = _recorded(golden, "pugail")
    _, learned, _ = _recorded(golden, "pugail")
    agent = online_golden.batch(recorded, "batch")
    expert = online_golden.batch(recorded, "expert")
    loss = adversarial_losses.positive_unlabelled(
        learned.logits(expert, log_policy),
        learned.logits(agent, log_policy),
        expert.weight,
        agent.weight,
        float(recorded["option/pos_class_prior"]),
        float(recorded["option/nonnegative_margin"]),
    )
    online_golden.assert_near(loss, recorded["ours/loss"])


@pytest.mark.parametrize("function", ["GAIL", "AIRL", "FAIRL"])
def test_recorded_rewards_of_logits(golden, function):
    recorded = np.load(golden("online_imitation/reward_functions.npz"))
    logits, expected = recorded["logits"], recorded[function]
    found = adversarial_losses.reward_of_logits(tf.constant(logits), function).numpy()
    far = np.abs(logits) > 10
    online_golden.assert_near(found[~far], expected[~far], rtol=5e-4, atol=1e-5)
    online_golden.assert_near(found[far], expected[far], rtol=2e-2)


def _learned(**options):
    names = ("state_only", "reward_shaping", "spectral_norm", "dropout", "input_dropout")
    of_network = {name: options.pop(name) for name in names if name in options}
    network = discriminator_lib.Discriminator(5, 2, hidden_size=8, depth=1, seed=0, **of_network)
    return adversarial.AdversarialReward(network, **options)


def _no_policy(observation, action):
    del action
    return tf.zeros_like(observation[:, 0])


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss_function": "Mixup"},
        {"loss_function": "PUGAIL", "nonnegative_margin": 0.0},
        {"reward_shaping": True, "spectral_norm": True},
        {"state_only": True},
        {"use_dropout": True, "dropout": 0.5, "input_dropout": 0.25},
    ],
)
def test_training_tells_the_expert_from_the_agent(options):
    learned = _learned(learning_rate=1e-2, weight_decay=0.0, grad_penalty=0.1, **options)
    agent = sac_agent_test.batch_of(64, seed=0)
    expert = sac_agent_test.batch_of(64, seed=1)
    expert = expert._replace(observation=expert.observation + 1)
    train = tf.function(
        lambda seed: learned.train(agent, expert, _no_policy, keys.Key(seed)), jit_compile=False
    )
    for step in range(100):
        told = train(tf.constant([0, step]))
    assert all(np.isfinite(value) for value in told.values())
    rewards = [learned.reward(batch, expert, _no_policy, _KEY) for batch in (agent, expert)]
    assert np.mean(rewards[0]) < np.mean(rewards[1])


def test_a_reward_of_states_ignores_actions():
    learned = _learned(state_only=True)
    batch = sac_agent_test.batch_of()
    other = batch._replace(action=-batch.action)
    rewards = [learned.reward(b, b, _no_policy, _KEY) for b in (batch, other)]
    np.testing.assert_array_equal(*rewards)
    assert learned.reads == {"observation"}
    told = learned.train(batch, other, _no_policy, keys.Key(tf.constant([0, 1])))
    assert told["gradient_penalty"] > 0


def test_rewards_do_not_depend_on_the_order_of_a_batch():
    learned = _learned(reward_shaping=True)
    batch = sac_agent_test.batch_of()
    reversed_batch = type(batch)(*(tf.reverse(field, [0]) for field in batch))
    found = learned.reward(reversed_batch, batch, _no_policy, _KEY)[::-1]
    np.testing.assert_allclose(found, learned.reward(batch, batch, _no_policy, _KEY), rtol=1e-5)


def test_clipped_rewards_stay_within_their_bound():
    logits = tf.constant([-40.0, -3.0, 0.0, 3.0, 40.0])
    free = adversarial_losses.reward_of_logits(logits, "FAIRL")
    assert np.min(free) < -1e6
    clipped = adversarial_losses.reward_of_logits(logits, "FAIRL", clip=10.0)
    np.testing.assert_array_equal(clipped, np.clip(free, -10, 10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"reward_function": "GIAL"}, "reward_function must be one of"),
        ({"loss_function": "bce"}, "loss_function must be one of"),
        ({"mixup_alpha": 0}, "mixup_alpha must be above 0"),
        ({"pos_class_prior": 1.5}, "pos_class_prior must be in"),
        ({"grad_penalty": -1}, "grad_penalty must not be below 0"),
        ({"entropy_bonus": float("nan")}, "entropy_bonus must not be below 0"),
    ],
)
def test_unusable_options(options, message):
    with pytest.raises(ValueError, match=message):
        _learned(**options)
