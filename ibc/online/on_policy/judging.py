"""What a discriminator and an energy make of an agent's pairs, in the same numbers for both."""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from ibc.losses import amp_losses
from ibc.networks import pair_discriminator, pair_energy
from ibc.rewards import measurements, near

Numbers = dict[str, float]
"""`auc`, how probably a demonstration is rated above an agent's pair; `gradient`, the mean norm of
the prediction's slope by what the network sees of the agent's; mean and standard deviation over
the agent's of prediction and reward: `prediction_mean`, `prediction_std`, `reward_mean`,
`reward_std`. Of a discriminator also `agent_accuracy` and `demo_accuracy`."""


def of_discriminator(
    network: pair_discriminator.PairDiscriminator, agent: np.ndarray, demo: np.ndarray
) -> Numbers:
    """Returns the numbers of AMP's discriminator, whose prediction is σ(f).

    Args:
      network: f.
      agent: Raw pairs of the agent, float32 [T, N, 2·O].
      demo: Held-out pairs of demonstrations, float32 [M, 2·O].
    """

    def predict(inputs: tf.Tensor) -> tf.Tensor:
        return tf.sigmoid(network.logits(inputs))

    rows = tf.constant(agent.reshape(-1, agent.shape[-1]))
    ours, slopes = _with_slopes(predict, network.inputs(rows))
    theirs = predict(network.inputs(tf.constant(demo))).numpy()
    rewards = amp_losses.reward_of_logits(network(rows)).numpy()
    return {
        "agent_accuracy": float(np.mean(ours < 0.5)),
        "demo_accuracy": float(np.mean(theirs > 0.5)),
        **_numbers(ours, theirs, slopes, rewards),
    }


def of_energy(reward: near.NearReward, agent: np.ndarray, demo: np.ndarray) -> Numbers:
    """Returns the numbers of NEAR's energy at the level that its reward has come to.

    The reward takes the agent's pairs as a rollout.

    Args:
      reward: Of one energy.
      agent: See `of_discriminator`.
      demo: The same.
    """
    rewards = reward.rollout(agent, np.zeros(agent.shape[:2], np.float32)).learned
    energy: pair_energy.PairEnergy = reward.energy
    rows = tf.constant(agent.reshape(-1, agent.shape[-1]))
    predict = functools.partial(energy.of_inputs, level=reward.level)
    ours, slopes = _with_slopes(predict, energy.inputs(rows))
    theirs = energy(tf.constant(demo), reward.level).numpy()
    return _numbers(ours, theirs, slopes, rewards)


def _with_slopes(
    predict: Callable[[tf.Tensor], tf.Tensor], inputs: tf.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Returns predictions [B] of what a network sees [B, D], and the norms of their slopes."""
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        found = predict(inputs)
    return found.numpy(), tf.norm(tape.gradient(found, inputs), axis=-1).numpy()


def _numbers(
    ours: np.ndarray, theirs: np.ndarray, slopes: np.ndarray, rewards: np.ndarray
) -> Numbers:
    return {
        "auc": measurements.auc(theirs, ours),
        "gradient": float(slopes.mean()),
        "prediction_mean": float(ours.mean()),
        "prediction_std": float(ours.std()),
        "reward_mean": float(rewards.mean()),
        "reward_std": float(rewards.std()),
    }
