import numpy as np
import tensorflow as tf

from ibc.losses import amp_losses
from ibc.networks import pair_discriminator
from tests import near_golden


def _recorded(golden):
    recorded = np.load(golden("near/amp.npz"))
    discriminator = pair_discriminator.PairDiscriminator(2, (12, 8), "concat")
    near_golden.load(discriminator.weights, near_golden.weights(recorded))
    return recorded, discriminator


def test_recorded_loss_and_gradients(golden):
    recorded, discriminator = _recorded(golden)
    agent, replay, demo = (tf.constant(recorded[name]) for name in ("agent", "replay", "demo"))
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(agent)
        loss, parts = amp_losses.discriminator_loss(
            discriminator.logits, agent, replay, demo, discriminator.kernels,
            float(recorded["grad_penalty_weight"]),
        )  # fmt: skip
        total = 5 * loss
    for name in ("disc_loss", "disc_grad_penalty", "disc_logit_loss", "disc_agent_acc",
                 "disc_demo_acc"):  # fmt: skip
        near_golden.assert_near(parts[name], recorded[name])
    for name in ("disc_agent_logit", "disc_demo_logit"):
        near_golden.assert_near(parts[name], recorded[name].mean())
    near_golden.assert_near(total, recorded["total"])
    gradients = tape.gradient(total, discriminator.weights)
    expected = near_golden.weights(recorded, "grad_total_var")
    for found, recording in zip(gradients, expected, strict=True):
        near_golden.assert_near(found, recording, atol=1e-5)
    slopes = tf.norm(tape.gradient(loss, agent), axis=-1)
    near_golden.assert_near(tf.reduce_mean(slopes), recorded["grad_disc_obs"])


def test_recorded_rewards(golden):
    recorded, discriminator = _recorded(golden)
    inputs = tf.constant(recorded["reward_pairs"].reshape(-1, 4))
    found = amp_losses.reward_of_logits(discriminator.logits(inputs))
    near_golden.assert_near(tf.reshape(found, [5, 3, 1]), recorded["reward"])
    extreme = amp_losses.reward_of_logits(tf.constant(12.0))
    near_golden.assert_near(extreme, recorded["reward_extreme_logit_12"])


def test_a_perfect_discriminator_loses_its_penalties_alone():
    def logits(inputs):
        return 100 * inputs[:, 0]

    rows, kernel = tf.ones([4, 1]), tf.constant([[2.0]])
    loss, parts = amp_losses.discriminator_loss(
        logits, -rows, -rows, rows, [kernel, kernel], 0.0, 0.5, 0.25
    )
    near_golden.assert_near(loss, 0.5 * 4 + 0.25 * 8)
    assert parts["disc_agent_acc"] == parts["disc_demo_acc"] == 1
    near_golden.assert_near(parts["disc_grad_penalty"], 100.0**2)
