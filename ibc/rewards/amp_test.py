import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import ppo_agent
from ibc.networks import actor_critic, pair_discriminator
from ibc.rewards import amp, learned_reward
from ibc.utils import keys, transitions
from tests import near_golden

_KEY = keys.Key(tf.constant([0, 0]))


def _steps(draw, rows, way):
    """Returns pairs [rows, 2] of places on a line and where a step leads from there."""
    first = draw.normal(size=[rows, 1])
    return np.concatenate([first, first + way], 1).astype(np.float32)


def _reward(expert=None, hidden=(16,), form="difference", steps=4, **options):
    expert = _steps(np.random.default_rng(5), 300, 0.5) if expert is None else expert
    discriminator = pair_discriminator.PairDiscriminator(expert.shape[1] // 2, hidden, form)
    return amp.AmpReward(discriminator, expert, amp.AmpOptions(**options), steps)


def _batch(pairs, task=0.0):
    zeros = tf.zeros([len(pairs)])
    return transitions.Transitions(
        tf.constant(pairs[:, :1]), tf.zeros([len(pairs), 1]), zeros + task,
        tf.constant(pairs[:, 1:]), zeros + 1, zeros, zeros + 1, zeros, zeros, zeros, zeros,
    )  # fmt: skip


def test_recorded_rewards_of_a_rollout(golden):
    recorded = np.load(golden("near/amp.npz"))
    weights = {
        f"{name}_reward_w": float(recorded[f"{part}_w"])
        for name, part in (("task", "task"), ("disc", "disc"))
    }
    reward = _reward(recorded["demo"], (12, 8), "concat", **weights)
    near_golden.load(reward.discriminator.weights, near_golden.weights(recorded))
    # What is recorded is not normalised.
    reward.discriminator.normalizer = tf.identity
    rated = reward.rollout(recorded["reward_pairs"], recorded["task"][..., 0])
    near_golden.assert_near(rated.learned, recorded["reward"][..., 0])
    near_golden.assert_near(rated.combined, recorded["combined"][..., 0])


def test_it_learns_with_the_policy_which_way_the_demonstrations_go():
    reward = _reward(disc_grad_penalty=0.1)
    agent = ppo_agent.PpoAgent(
        actor_critic.ActorCritic(1, 1, [8]), 1,
        ppo_agent.PpoOptions(learning_rate=3e-3, minibatch_size=16),
        reward.discriminator.weights, reward.loss_of_step,
    )  # fmt: skip
    draw = np.random.default_rng(0)
    for number in range(12):
        pairs = _steps(draw, 64, -0.5)
        reward.begin_update(pairs)
        nothing = tf.zeros([64])
        noise = tf.constant(draw.normal(size=64), tf.float32)
        rollout = ppo_agent.Rollout(
            tf.constant(pairs[:, :1]), nothing[:, tf.newaxis], nothing, nothing[:, tf.newaxis],
            nothing, noise,
        )  # fmt: skip
        told = agent.update(rollout, tf.constant([0, number]))
    assert told["disc_agent_acc"] > 0.9 and told["disc_demo_acc"] > 0.9
    pairs = np.stack([_steps(draw, 50, way) for way in (0.5, -0.5)], 1)
    learned = reward.rollout(pairs, np.zeros([50, 2])).learned
    assert (learned[:, 0] > learned[:, 1]).mean() > 0.95


def test_with_a_replay_it_has_an_optimizer_of_its_own():
    reward = _reward(learning_rate=1e-2, disc_grad_penalty=0.1, task_reward_w=2.0)
    learned_reward.check(reward)
    draw = np.random.default_rng(0)
    train = tf.function(lambda agent, expert: reward.train(agent, expert, None, _KEY))
    for _ in range(60):
        told = train(_batch(_steps(draw, 32, -0.5)), _batch(_steps(draw, 32, 0.5)))
    assert told["disc_agent_acc"] > 0.9 and told["disc_demo_acc"] > 0.9
    good, bad = (
        reward.reward(_batch(_steps(draw, 50, way)), None, None, _KEY) for way in (0.5, -0.5)
    )
    assert tf.reduce_mean(good) > tf.reduce_mean(bad) > 0
    absorbed = _batch(_steps(draw, 3, 0.5), task=1.5)._replace(next_absorbing=tf.ones([3]))
    assert reward.reward(absorbed, None, None, _KEY).numpy().tolist() == [3.0] * 3


def test_few_new_pairs_are_kept_once_the_replay_is_full():
    reward = _reward(replay_buffer_size=100, replay_keep_prob=0.1)
    draw = np.random.default_rng(0)
    for _ in range(2):
        reward.begin_update(_steps(draw, 60, -0.5))
    assert reward.replay.total == 120
    reward.begin_update(_steps(draw, 1000, -0.5))
    assert 150 < reward.replay.total < 320
    # Filled at first, then refilled.
    assert reward.demos.total == 2000 + 2 * 64


def test_a_restored_reward_draws_the_same(tmp_path):
    pairs = _steps(np.random.default_rng(0), 40, -0.5)
    first, second = _reward(), _reward()
    first.begin_update(pairs)
    path = tf.train.Checkpoint(reward=first).write(str(tmp_path / "ckpt"))
    tf.train.Checkpoint(reward=second).read(path)
    for reward in (first, second):
        reward.begin_update(pairs)
    step = tf.constant(1)
    assert first.loss_of_step(step)[0] == second.loss_of_step(step)[0]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"replay_keep_prob": 1.5}, r"replay_keep_prob must be in \[0, 1\]"),
        ({"demo_refill": 0}, "amp.demo_refill"),
        ({"disc_grad_penalty": -1.0}, "amp.disc_grad_penalty"),
        ({"form": "sum"}, "pair_features must be one of"),
    ],
)
def test_wrong_options_are_said(options, said):
    with pytest.raises(ValueError, match=said):
        _reward(**options)
