"""Learning on data with two answers: densities keep both, regression averages them."""

import numpy as np
import tensorflow as tf
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts

from ibc.agents import ibc_agent, ibc_policy, mdn_agent, mse_agent
from ibc.networks import mlp_ebm, mlp_explicit
from ibc.samplers import action_space
from tests import agent_testing

OBS_SPEC = tensor_spec.TensorSpec([1, 1], tf.float32, "observation")
ACTION_SPEC = tensor_spec.BoundedTensorSpec([1], tf.float32, -1.0, 1.0, "action")
SPACE = action_space.ActionSpace.bounded(ACTION_SPEC, ACTION_SPEC)
SPECS = ts.time_step_spec(OBS_SPEC), SPACE


def _data(size=2048):
    """Observation x, action ±0.6 with equal probability, whatever x."""
    generator = np.random.RandomState(0)
    observation = generator.uniform(-1, 1, (size, 1, 1))
    action = 0.6 * generator.choice([-1, 1], (size, 1)) + 0.02 * generator.randn(size, 1)
    return observation.astype(np.float32), action.astype(np.float32)


def _trained(kind, network, steps, optimizer, **options):
    """Returns a trained agent and its last loss."""
    counter = agent_testing.step_counter()
    agent = kind(*SPECS, network, optimizer, train_step_counter=counter, **options)
    batches = tf.data.Dataset.from_tensor_slices(_data()).shuffle(2048, seed=0).repeat().batch(256)
    train = tf.function(agent.train)
    for experience in batches.take(steps):
        loss = train(experience).loss
    return agent, loss.numpy()


def _time_step():
    return ts.restart(tf.linspace(-1.0, 1.0, 300)[:, None, None], 300)


def _assert_on_both_modes(policy, within, share):
    actions = policy.action(_time_step(), seed=tf.constant([1, 2])).action.numpy()
    assert np.mean(np.abs(np.abs(actions) - 0.6) < within) > share
    assert 0.25 < np.mean(actions > 0) < 0.75


def test_implicit_policy_covers_both_modes():
    tf.keras.utils.set_random_seed(0)
    options = dict(width=64, rate=0.0, layers="ResNetPreActivation")
    network = mlp_ebm.MLPEBM(OBS_SPEC, tf.TensorSpec([1]), **options)
    _trained(
        ibc_agent.ImplicitBCAgent,
        network,
        400,
        tf.keras.optimizers.Adam(tf.keras.optimizers.schedules.CosineDecay(2e-3, 400)),
        num_counter_examples=32,
        fraction_langevin_samples=0.0,
        add_grad_penalty=False,
    )
    # Refining would resample by the same scores repeatedly and so favour one mode.
    policy = ibc_policy.IbcPolicy(*SPECS, network, num_action_samples=1024, use_langevin=False)
    _assert_on_both_modes(policy, within=0.15, share=0.9)


def test_regression_averages():
    network = mlp_explicit.MLPMSE(OBS_SPEC, ACTION_SPEC, width=64, rate=0.0)
    optimizer = tf.keras.optimizers.Adam(2e-3)
    agent, loss = _trained(mse_agent.MseBehavioralCloningAgent, network, 200, optimizer)
    # No single answer beats the mean, whose error is the data's variance.
    assert abs(loss - np.var(_data()[1])) < 0.03
    assert np.abs(agent.policy.action(_time_step()).action).max() < 0.3


def test_mixture_covers_both_modes_and_acts_on_one():
    tf.keras.utils.set_random_seed(0)
    options = dict(num_components=4, training_temperature=1.0, test_temperature=1.0)
    network = mlp_explicit.MLPMDN(OBS_SPEC, ACTION_SPEC, width=64, rate=0.0, **options)
    optimizer = tf.keras.optimizers.Adam(5e-3)
    agent, loss = _trained(mdn_agent.MdnBehavioralCloningAgent, network, 300, optimizer)
    # What the data's own density costs: log 2 for the choice, and the entropy of its noise.
    assert abs(loss - (np.log(2) + 0.5 * np.log(2 * np.pi * np.e * 0.02**2))) < 0.3
    _assert_on_both_modes(agent.policy, within=0.1, share=0.95)
    mode = agent.policy.distribution(_time_step()).action.mode()
    assert np.abs(np.abs(mode) - 0.6).max() < 0.05
