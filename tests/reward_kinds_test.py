"""One interface for learned rewards: a small one of each kind, learned from by SAC and by PPO."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents.sac_agent_test import batch_of, make
from ibc.online import learner, loop, replay
from ibc.online.interaction_env_test import walk
from ibc.rewards import frames, learned_reward, shaped_reward
from tests import ppo_testing

Moment = learned_reward.Moment
_POSITION = 2  # Place in what is seen, see `Walk`.
_WINDOW = 3


class OfPairs(learned_reward.LearnedReward):
    """At update: how far a step has moved, of (s, s') alone."""

    reads = frozenset({"observation", "next_observation"})

    def reward(self, batch, expert, log_policy, key):
        moved = batch.next_observation - batch.observation
        return tf.abs(moved[:, _POSITION])

    def by_hand(self, rows):
        return np.abs(rows.next_observation - rows.observation)[:, _POSITION]


class OfWindows(learned_reward.LearnedReward):
    """At collection: the mean position over a window of frames."""

    moment = Moment.COLLECTION
    reads = frozenset({"observation"})

    def __init__(self):
        super().__init__()
        self._recent = frames.RecentFrames(_WINDOW)

    def begin_episode(self):
        self._recent.clear()

    def reward_of_step(self, step):
        return float(self._recent.add(step.observation[0]).mean(axis=0)[_POSITION])

    def by_hand(self, rows):
        found = []
        for row, time in enumerate(rows.time.astype(int)):
            seen = [rows.observation[row - min(back, time), _POSITION] for back in range(_WINDOW)]
            found.append(np.mean(seen))
        return np.array(found)


class OfWindowsAtTheEnd(OfWindows):
    """At the end of an episode: the same."""

    moment = Moment.EPISODE_END

    def rewards_of_episode(self, episode):
        windows = frames.windows(episode.observation, _WINDOW)
        return tf.constant(windows.mean(axis=1)[:, _POSITION], tf.float32)


class Annealed(learned_reward.LearnedReward):
    """At update: a level that each evaluation takes half of."""

    def __init__(self):
        super().__init__()
        self.level = tf.Variable(4.0, trainable=False)

    def reward(self, batch, expert, log_policy, key):
        return self.level * tf.ones_like(batch.reward)

    def after_evaluation(self, normalized_return):
        self.level.assign(self.level * normalized_return)

    def by_hand(self, rows):
        return np.full(len(rows.step), self.level.numpy())


class Trained(learned_reward.LearnedReward):
    """At update: how much nearer to the expert's mean than the agent's, log π told besides."""

    def __init__(self):
        super().__init__()
        self.means = tf.Variable(tf.zeros([2]), trainable=False)

    def train(self, agent, expert, log_policy, key):
        both = [tf.reduce_mean(batch.observation[:, _POSITION]) for batch in (expert, agent)]
        self.means.assign(tf.stack(both))
        told = tf.reduce_mean(log_policy(agent.observation, agent.action))
        return {"log_policy": told}

    def reward(self, batch, expert, log_policy, key):
        position = batch.observation[:, _POSITION]
        return tf.abs(position - self.means[1]) - tf.abs(position - self.means[0])

    def by_hand(self, rows):
        expert, agent = self.means.numpy()
        position = rows.observation[:, _POSITION]
        return np.abs(position - agent) - np.abs(position - expert)


_KINDS = (OfPairs, OfWindows, OfWindowsAtTheEnd, Annealed, Trained)


def _expert(size):
    return batch_of(8, size, 1, observation=np.full([8, size], 0.25))


@pytest.fixture(scope="module", name="ppo")
def _ppo():
    """A PPO agent whose compiled step all tests share."""
    return ppo_testing.Ppo(3, 1)


def _by_sac(learned):
    """Learns by SAC; returns the rows of the last batch, and the mean of their rewards."""
    env, schedule = walk(), loop.Schedule(60, 20, 1, 8, evaluation_interval=25, logging_interval=60)
    layout = replay.Layout(3, env.action_size)
    agent = make(3, env.action_size, hidden_size=8)[0]
    trained, memory = learner.Learner(agent, learned, layout), replay.Replay(layout, 200)
    told = {}

    class Watched(loop.Watcher):
        def updated(self, step, scalars):
            told.update(scalars)

        def evaluated(self, step):
            return 0.5

    loop.Loop(env, trained, memory, schedule, _expert(3), absorbing=False).run(Watched())
    rows = layout.unpack(memory.sample(schedule.batch_size, [0, schedule.steps, 0]))
    everything = layout.unpack(memory.latest(memory.total))
    return told, rows, everything


@pytest.mark.parametrize("kind", [OfPairs, OfWindows, Trained])  # For others, see loop_test.
def test_sac_learns_from_every_kind(kind):
    learned = kind()
    told, rows, everything = _by_sac(learned)
    if learned.moment is not Moment.UPDATE:
        np.testing.assert_allclose(
            everything.reward, learned.by_hand(everything), rtol=1e-4, atol=1e-6
        )
        assert np.isfinite(told["predicted_rewards"])
        return
    assert (everything.reward <= 0).all(), "the replay keeps the task's rewards"
    assert told["predicted_rewards"] == pytest.approx(
        learned.by_hand(rows).mean(), rel=1e-4, abs=1e-6
    )


@pytest.mark.parametrize("kind", _KINDS)
def test_ppo_learns_from_every_kind(kind, ppo):
    learned = kind()
    trained = ppo_testing.Learner(walk(), learned, _expert(3), ppo)
    rows = trained.iterate(episodes=2)
    np.testing.assert_allclose(rows.reward, learned.by_hand(rows), rtol=1e-4, atol=1e-6)
    learned.after_evaluation(0.5)
    again = trained.iterate(episodes=2)
    np.testing.assert_allclose(again.reward, learned.by_hand(again), rtol=1e-4, atol=1e-6)
    if kind is Annealed:
        assert (rows.reward == 4).all() and (again.reward == 2).all()
    if kind is Trained:
        assert np.isfinite(trained.told["log_policy"])


@pytest.mark.parametrize("kind", _KINDS)
def test_every_kind_is_summed_with_the_true_reward(kind, ppo):
    learned = kind()
    shaping = shaped_reward.Shaping(scale=0.5, true_weight=2.0)
    shaped = shaped_reward.ShapedReward(learned, shaping)
    rows = ppo_testing.Learner(walk(), shaped, _expert(3), ppo).iterate(episodes=2)
    true = -np.abs(rows.next_observation[:, _POSITION])
    expected = 0.5 * learned.by_hand(rows) + 2 * true
    np.testing.assert_allclose(rows.reward, expected, rtol=1e-4, atol=1e-5)


class Nearness(learned_reward.LearnedReward):
    """At update: 1 where the expert is, less further away."""

    def reward(self, batch, expert, log_policy, key):
        place = tf.reduce_mean(expert.observation[:, _POSITION])
        return tf.exp(-2 * tf.abs(batch.next_observation[:, _POSITION] - place))


@pytest.mark.slow
def test_ppo_goes_where_a_learned_reward_leads(ppo):
    trained = ppo_testing.Learner(walk(), Nearness(), _expert(3), ppo)
    returns = [trained.iterate(episodes=8).reward.sum() / 8 for _ in range(20)]
    assert np.mean(returns[-3:]) > 1.3 * np.mean(returns[:3]), returns


def test_what_transitions_do_not_carry_is_told_before_training(ppo):
    class OfForces(OfPairs):
        reads = frozenset({"observation", "force"})

    for make_learner in (
        lambda learned: ppo_testing.Learner(walk(), learned, _expert(3), ppo),
        lambda learned: learner.Learner(None, learned, replay.Layout(3, 1)),
    ):
        with pytest.raises(ValueError, match=r"OfForces reads force, which transitions do not"):
            make_learner(OfForces())


def test_windows_repeat_the_first_frame():
    seen = np.arange(5.0)
    expected = [[0, 0, 0], [0, 0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4]]
    np.testing.assert_array_equal(frames.windows(seen, 3), expected)
    recent = frames.RecentFrames(3)
    for _ in range(2):
        np.testing.assert_array_equal([recent.add(frame) for frame in seen], expected)
        recent.clear()
    with pytest.raises(ValueError, match="at least one frame"):
        frames.RecentFrames(0)
