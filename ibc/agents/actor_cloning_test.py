"""Cloning of the actor against a recorded step, and on actions that it can learn."""

import numpy as np
import tensorflow as tf

from ibc.agents import actor_cloning
from ibc.agents.sac_agent_test import batch_of
from ibc.networks import tanh_gaussian
from tests import online_golden


def test_a_recorded_step(golden):
    recorded = np.load(golden("online_imitation/bc.npz"))
    actor = tanh_gaussian.TanhGaussian(5, 2, hidden_size=6)
    online_golden.load(actor, recorded, "before/actor")
    batch = online_golden.batch(recorded, "batch" if "batch/states" in recorded.files else "expert")
    with tf.GradientTape() as tape:
        log_prob = tanh_gaussian.log_prob(*actor.moments(batch.observation), batch.action)
        loss = -tf.reduce_mean(batch.weight * log_prob)
    found = tape.gradient(loss, actor.weights)
    for gradient, value in zip(found, online_golden.gradients(recorded, "grad"), strict=True):
        online_golden.assert_near(gradient, value, rtol=5e-4, atol=1e-5)
    cloning = actor_cloning.ActorCloning(actor)
    online_golden.assert_near(cloning.train(batch), recorded["loss"])
    expected = online_golden.weights(recorded, "after/actor")
    for variable, value in zip(actor.weights, expected, strict=True):
        online_golden.assert_near(variable, value)


def test_the_actor_learns_what_the_expert_does():
    batch = batch_of(64)
    batch = batch._replace(action=0.5 * tf.tanh(batch.observation[:, :2]))
    actor = tanh_gaussian.TanhGaussian(5, 2, hidden_size=32, seed=0)
    cloning = actor_cloning.ActorCloning(actor, learning_rate=1e-2)
    train = tf.function(lambda: cloning.train(batch))
    for _ in range(400):
        train()
    error = tf.tanh(actor.moments(batch.observation)[0]) - batch.action
    assert np.abs(error).mean() < 0.1 < np.abs(batch.action).mean()
