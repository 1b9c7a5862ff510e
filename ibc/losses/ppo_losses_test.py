import numpy as np
import tensorflow as tf

from ibc.losses import ppo_losses
from tests import near_golden


def test_recorded_advantages(golden):
    amp = np.load(golden("near/amp.npz"))
    field = {name: amp[f"gae_{name}"] for name in ("dones", "values", "rewards", "next_values")}
    flat = {name: values.reshape(7, 3) for name, values in field.items()}
    found = ppo_losses.advantages(
        flat["rewards"], flat["values"], flat["next_values"], flat["dones"], 0.99, 0.95
    )
    near_golden.assert_near(found, amp["gae_advantages"][..., 0])
    near = np.load(golden("near/rollout_energy_composition.npz"))
    found = ppo_losses.published_advantages(
        near["rewards"][..., 0],
        near["values"][..., 0],
        near["last_values"][..., 0],
        near["dones_after_step"],
        float(near["gamma"]),
        float(near["lam"]),
    )
    near_golden.assert_near(found, near["near_advantages"][..., 0])


def test_recorded_losses(golden):
    amp = np.load(golden("near/amp.npz"))
    actor = ppo_losses.clipped_ratio(
        -tf.constant(amp["new_neglogp"]), -tf.constant(amp["old_neglogp"]), amp["advantage"], 0.2
    )
    near_golden.assert_near(actor, amp["actor_loss"])
    values = (tf.constant(amp[name]) for name in ("new_values", "returns", "old_values"))
    new, returns, old = values
    near_golden.assert_near(ppo_losses.value_errors(new, returns, old), amp["critic_loss"])
    clipped = ppo_losses.value_errors(new, returns, old, 0.2)
    near_golden.assert_near(clipped, amp["critic_loss_clipped"])
    for bound, name in ((1.0, "amp"), (1.1, "near")):
        found = ppo_losses.bound_excess(tf.constant(amp["mu"]), bound)
        near_golden.assert_near(found, amp[f"bound_loss_{name}"])


def test_advantages_are_sums_within_episodes():
    rewards = np.float32([[1], [2], [4], [8]])
    ends = np.float32([[0], [1], [0], [0]])
    nothing = np.zeros_like(rewards)
    found = ppo_losses.advantages(rewards, nothing, nothing, ends, 0.5, 1.0)
    np.testing.assert_allclose(found[:, 0], [1 + 0.5 * 2, 2, 4 + 0.5 * 8, 8])


def test_a_time_limit_keeps_the_value_of_what_follows():
    one, nothing = np.ones([1, 1], np.float32), np.zeros([1, 1], np.float32)
    found = ppo_losses.advantages(nothing, nothing, 3 * one, one, 0.9, 0.95)
    np.testing.assert_allclose(found, 2.7, rtol=1e-6)


def test_densities_are_those_of_the_normal_distribution():
    means, log_std = tf.constant([[0.5, -1.0]]), tf.constant([0.1, -0.7])
    actions = tf.constant([[0.0, 0.3]])
    std = np.exp(log_std)
    density = np.exp(-0.5 * ((actions - means) / std) ** 2) / (std * np.sqrt(2 * np.pi))
    found = ppo_losses.log_prob(means, log_std, actions)
    np.testing.assert_allclose(found, np.log(density.prod(-1)), rtol=1e-5)
    np.testing.assert_allclose(
        ppo_losses.entropy(log_std), np.log(std * np.sqrt(2 * np.pi * np.e)).sum(), rtol=1e-5
    )


def test_the_divergence_of_a_shift():
    zero, log_std = tf.zeros([3, 2]), tf.zeros([2])
    np.testing.assert_allclose(ppo_losses.divergence(zero, log_std, zero, log_std), 0, atol=2e-5)
    found = ppo_losses.divergence(zero + 1, log_std, zero, log_std)
    np.testing.assert_allclose(found, 1.0, rtol=1e-4)
