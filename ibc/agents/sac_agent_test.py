"""SAC against recordings of the published code, TF-Agents' agent and a chain of known value."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.agents.sac import sac_agent as tf_agents_sac
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import sac_agent
from ibc.losses import sac_losses
from ibc.networks import tanh_gaussian, twin_critic
from ibc.utils import keys, transitions
from tests import online_golden


def make(observations=5, actions=2, hidden_size=6, seed=0, **options):
    """Returns an agent with small networks, and its target critic."""
    sizes = {"hidden_size": hidden_size, "depth": 2}
    critic, target = (
        twin_critic.TwinCritic(observations, actions, seed=seed + i, **sizes) for i in range(2)
    )
    spec = ts.time_step_spec(tensor_spec.TensorSpec([observations], tf.float32))
    action_spec = tensor_spec.BoundedTensorSpec([actions], tf.float32, -1, 1)
    actor = tanh_gaussian.TanhGaussian(observations, actions, seed=seed, **sizes)
    agent = sac_agent.AbsorbingSacAgent(spec, action_spec, actor, critic, target, **options)
    return agent, critic, target


def batch_of(size=16, observations=5, actions=2, seed=0, **fields):
    """Returns random transitions of one unit of weight, none of which ends."""
    random = np.random.RandomState(seed)
    rows = {name: np.zeros(size) for name in transitions.Transitions._fields}
    rows |= {"discount": np.ones(size), "weight": np.ones(size), "reward": random.randn(size)}
    rows |= {name: random.randn(size, observations) for name in ("observation", "next_observation")}
    rows |= {"action": random.uniform(-0.9, 0.9, [size, actions])} | fields
    return transitions.Transitions(**{n: tf.constant(v, tf.float32) for n, v in rows.items()})


def load_critic(critic, recorded, module):
    for number, network in enumerate(critic.networks, start=1):
        online_golden.load(network, recorded, module, f"critic_{number}")


@pytest.mark.parametrize("case", ["absorbing", "plain", "decay"])
def test_recorded_updates(golden, case):
    recorded = np.load(golden(f"online_imitation/sac_{case}.npz"))
    agent, critic, target = make(
        learning_rate=float(recorded["learning_rate"]),
        weight_decay=float(recorded["weight_decay"]),
        discount=float(recorded["discount"]),
        target_temperature=float(recorded["entropy_target"]) / 2,
        polyak_factor=float(recorded["polyak_factor"]),
        initial_log_alpha=float(recorded["log_alpha0"][0]),
        absorbing_mask="published",
    )
    online_golden.load(agent.actor, recorded, "before/actor")
    load_critic(critic, recorded, "before/critic")
    load_critic(target, recorded, "before/target")
    batch = online_golden.batch(recorded, "batch")
    update = tf.function(agent.update)
    for step in range(3):
        found = lambda name, step=step: recorded[f"update{step}/{name}"]  # noqa: E731
        info = update(batch, sac_agent.SacNoise(found("noise_next"), found("noise")))
        online_golden.assert_near(info.critic_loss, found("value_loss"))
        online_golden.assert_near(info.actor_loss, found("policy_loss"))
        online_golden.assert_near(info.temperature_loss, found("temperature_loss"))
        online_golden.assert_near(info.log_prob, found("log_probs"), rtol=3e-4)
        online_golden.assert_near(info.value, found("q_values"))
        online_golden.assert_near(agent.log_alpha, found("log_alpha")[0])
        if step in (0, 2):
            assert_weights(agent.actor.weights, recorded, f"update{step}/actor")
            assert_weights(critic.weights, recorded, f"update{step}/critic")
            assert_weights(target.weights, recorded, f"update{step}/target")


def assert_weights(variables, recorded, module):
    expected = online_golden.weights(recorded, module)
    for variable, value in zip(variables, expected, strict=True):
        online_golden.assert_near(variable, value, atol=2e-6)


def test_without_absorbing_rows_losses_are_those_of_tf_agents(monkeypatch):
    agent, _, _ = make(initial_log_alpha=-0.3)
    batch, noise = batch_of(), agent.noise(16, keys.Key(tf.constant([1, 2])))
    step = ts.TimeStep(tf.ones([16], tf.int32), batch.reward, batch.discount, batch.observation)
    following = step._replace(observation=batch.next_observation)

    def sampled(noise):
        def actions_and_log_probs(time_steps, training=False):
            moments = agent.actor.moments(time_steps.observation)
            return tanh_gaussian.sample(*moments, noise)

        monkeypatch.setattr(agent, "_actions_and_log_probs", actions_and_log_probs)

    sampled(noise.next_action)
    squared = tf.math.squared_difference
    critic_loss = tf_agents_sac.SacAgent.critic_loss(
        agent, step, batch.action, following, squared, gamma=0.99
    )
    sampled(noise.action)
    # By default TF-Agents' loss is linear in log α; with its switch it is the published one.
    agent._use_log_alpha_in_alpha_loss = False
    temperature_loss = agent.alpha_loss(step)
    info = agent.update(batch, noise)
    np.testing.assert_allclose(info.critic_loss, critic_loss, rtol=1e-5)
    np.testing.assert_allclose(info.temperature_loss, temperature_loss, rtol=1e-5)
    # The actor's loss is taken with critics that have made their step.
    same, critic, _ = make(initial_log_alpha=-0.3)
    for variable, value in zip(critic.weights, agent._critic.weights, strict=True):
        variable.assign(value)
    moments = same.actor.moments(batch.observation)
    sampled_action = tanh_gaussian.sample(*moments, noise.action)
    monkeypatch.setattr(same, "_actions_and_log_probs", lambda *_, **__: sampled_action)
    np.testing.assert_allclose(info.actor_loss, same.actor_loss(step), rtol=1e-5)


def test_the_absorbing_state_has_neither_action_nor_entropy():
    into = np.arange(16) % 2
    state = {"next_absorbing": into, "absorbing": np.roll(into, 1)}
    noise = make()[0].noise(16, keys.Key(tf.constant([1, 2])))
    other = noise._replace(next_action=noise.next_action + into[:, None])
    batch = batch_of(**state)

    def losses(**options):
        return [make(**options)[0].update(batch, numbers).critic_loss for numbers in (noise, other)]

    assert len(set(map(float, losses()))) == 1
    assert len(set(map(float, losses(absorbing_mask="published")))) == 2


def test_weights_count_rows_in_the_critics_loss():
    values, target = (tf.constant([1.0, 2.0]), tf.constant([0.0, 1.0])), tf.constant([1.0, 4.0])
    loss = sac_losses.critic_loss(values, target, tf.constant([1.0, 0.5]))
    assert float(loss) == (0 + 0.5 * 4) / 2 + (1 + 0.5 * 9) / 2


@pytest.mark.parametrize("ends", ["termination", "timeout"])
def test_a_timeout_bootstraps_and_a_termination_does_not(ends):
    """One state that pays 1 at each step is worth 1 / (1 − γ), or 1 where it ends at once."""
    agent, critic, _ = make(
        1, 1, hidden_size=16, discount=0.5, learning_rate=1e-2, polyak_factor=0.9,
        initial_log_alpha=-30.0,
    )  # fmt: skip
    rows = {"observation": np.ones([8, 1]), "next_observation": np.ones([8, 1])}
    ended = {"discount": np.zeros(8)} if ends == "termination" else {"timeout": np.ones(8)}
    batch = batch_of(8, 1, 1, **rows | ended | {"reward": np.ones(8)})
    update = tf.function(lambda seed: agent.update(batch, agent.noise(8, keys.Key(seed))))
    for seed in range(300):
        update(tf.constant([seed, 0]))
    expected = 1.0 if ends == "termination" else 2.0
    np.testing.assert_allclose(critic.lower(batch.observation, batch.action), expected, atol=0.1)


def test_policies_sample_and_are_greedy():
    agent, _, _ = make()
    step = ts.restart(tf.constant(np.random.RandomState(0).randn(4, 5), tf.float32), 4)
    action = agent.collect_policy.action(step).action
    assert action.shape == (4, 2) and np.all(np.abs(action) <= 1)
    mode = agent.policy.distribution(step).action.mode()
    np.testing.assert_allclose(mode, tf.tanh(agent.actor.moments(step.observation)[0]), rtol=1e-5)


def test_unusable_options():
    with pytest.raises(ValueError, match="absorbing_mask must be one of"):
        make(absorbing_mask="last")
