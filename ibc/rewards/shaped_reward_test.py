"""Shaping around any reward, and how rewards are measured."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents.sac_agent_test import batch_of
from ibc.rewards import (
    adril,
    gmmil,
    learned_reward,
    measurements,
    pwil,
    shaped_reward,
    true_reward,
)
from ibc.utils import keys

_KEY = keys.Key(tf.constant([0, 0]))
_PROGRESS = learned_reward.Progress(tf.constant(1.0), tf.constant(1.0))


def _batch(rewards):
    return batch_of(len(rewards), reward=np.asarray(rewards))


class _Counter(learned_reward.LearnedReward):
    """Rewards each row by its first observation, and notes what it is told."""

    told = None
    pretraining_steps = 3

    def reward(self, batch, expert, log_policy, key):
        return batch.observation[:, 0]

    def after_evaluation(self, normalized_return):
        self.told = normalized_return


def _shaped(learned=None, **options):
    shaping = shaped_reward.Shaping(**options)
    return shaped_reward.ShapedReward(learned or true_reward.TrueReward(), shaping)


def _learned_from(shaped, batch):
    return shaped.learner_batch(batch, batch, None, _PROGRESS, _KEY).reward.numpy()


def test_scale_shift_and_clip():
    found = _learned_from(_shaped(scale=2.0, shift=-1.0, clip=4.0), _batch([-3.0, 0.0, 1.0, 9.0]))
    np.testing.assert_allclose(found, [-4, -1, 1, 4])


def test_the_true_reward_is_added():
    batch = batch_of(6)
    found = _learned_from(_shaped(_Counter(), true_weight=0.5, scale=3.0), batch)
    np.testing.assert_allclose(found, 3 * batch.observation[:, 0] + 0.5 * batch.reward, rtol=1e-6)


def test_normalised_rewards_have_the_running_deviation_of_all_so_far():
    shaped, random, seen = _shaped(normalise=True), np.random.RandomState(0), []
    for size, scale in ((5, 1.0), (30, 100.0), (7, 3.0)):
        rewards = scale * random.randn(size) + 4
        seen.extend(rewards)
        found = _learned_from(shaped, _batch(rewards))
        np.testing.assert_allclose(found, rewards / np.std(seen), rtol=1e-4)


class _OfEpisodes(learned_reward.LearnedReward):
    """Rewards the whole episode at its end."""

    moment = learned_reward.Moment.EPISODE_END

    def rewards_of_episode(self, episode):
        return tf.cast(tf.range(tf.size(episode.reward)), tf.float32)


def test_other_moments_are_shaped_once():
    expert, steps = batch_of(6), batch_of(1, reward=[7.0])
    plain, shaped = pwil.PwilReward(4), _shaped(pwil.PwilReward(4), scale=2.0, true_weight=0.5)
    for learned in (plain, shaped):
        learned.prepare(expert, _KEY)
    assert shaped.reward_of_step(steps) == pytest.approx(2 * plain.reward_of_step(steps) + 3.5)
    assert shaped.moment is learned_reward.Moment.COLLECTION
    np.testing.assert_array_equal(_learned_from(shaped, expert), expert.reward)
    episode = batch_of(3, reward=[1.0, 1.0, 1.0])
    found = _shaped(_OfEpisodes(), true_weight=10.0).rewards_of_episode(episode)
    np.testing.assert_allclose(found, [10, 11, 12])
    with pytest.raises(ValueError, match="composes batches of its own"):
        _shaped(adril.AdrilReward(1), true_weight=1.0)


def test_everything_else_is_passed_on():
    learned = _Counter()
    shaped = _shaped(learned, true_weight=1.0)
    shaped.after_evaluation(0.25)
    assert learned.told == 0.25
    assert shaped.pretraining_steps == 3
    assert shaped.reads == {"observation", "action", "reward"}
    assert not shaped_reward.Shaping().changes_anything
    with pytest.raises(ValueError, match=r"imitation.shaping.clip must be a positive number"):
        shaped_reward.Shaping(clip=0.0)


def test_auc_is_the_area_under_the_curve():
    random = np.random.RandomState(0)
    better, worse = random.randint(0, 9, 40) + 2, random.randint(0, 9, 25)
    pairs = better[:, np.newaxis], worse
    expected = np.mean(np.greater(*pairs) + np.equal(*pairs) / 2)
    assert measurements.auc(better, worse) == pytest.approx(expected)
    assert measurements.auc(np.arange(3) + 3, np.arange(3)) == 1
    assert measurements.auc(np.zeros(3), np.zeros(4)) == 0.5


def test_a_reward_is_measured_on_expert_agent_and_random_transitions():
    learned, expert = gmmil.GmmilReward(), batch_of(32, seed=1)
    far = batch_of(32, seed=2, observation=np.random.RandomState(0).randn(32, 5) + 4)
    learned.train(far, expert, None, _KEY)
    batches = {
        "expert": batch_of(32, seed=3),
        "agent": far,
        "random": measurements.random_actions(far, _KEY),
    }
    found = measurements.measure(learned, batches, expert, None, _KEY)
    assert found["auc_agent"] > 0.9 and found["auc_random"] > 0.9
    assert found["reward_expert"] > found["reward_agent"]
    assert np.abs(batches["random"].action).max() <= 1


def test_rows_that_are_compared_are_rated_in_one_batch():
    # By itself a batch of the expert's is worth nothing to GMMIL, and a scattered one as little.
    learned, expert = gmmil.GmmilReward(), batch_of(32, seed=1)
    scattered = batch_of(32, seed=2, observation=9 * np.random.RandomState(0).randn(32, 5))
    learned.train(scattered, expert, None, _KEY)
    batches = {"expert": batch_of(32, seed=3), "agent": scattered}
    found = measurements.measure(learned, batches, expert, None, _KEY)
    assert found["auc_agent"] > 0.9
    alone = [learned.reward(batch, expert, None, _KEY) for batch in batches.values()]
    assert measurements.auc(*map(np.asarray, alone)) < 0.9
