"""The loop with small rewards of each kind, resumed anywhere, and learning to swing up."""

import time

import numpy as np
import pytest
import tensorflow as tf

from ibc.agents import actor_cloning
from ibc.agents.sac_agent_test import batch_of, make
from ibc.online import (
    episode_rows,
    expert_data,
    interaction_env,
    learner,
    loop,
    pretraining,
    relabelling,
    replay,
    saved_run,
)
from ibc.online.interaction_env_test import walk
from ibc.rewards import learned_reward, shaped_reward, true_reward
from ibc.utils import keys, scores, tags, transitions

Moment = learned_reward.Moment
_EXPERT = transitions.Transitions(*map(np.asarray, batch_of(40, 4, 1, weight=np.full(40, 3.0))))


class Constant(learned_reward.LearnedReward):
    """At update, a level that evaluations halve and training steps count."""

    def __init__(self):
        super().__init__()
        self.level = tf.Variable(1.0, trainable=False)
        self.steps = tf.Variable(0.0, trainable=False)

    def train(self, agent, expert, log_policy, key):
        self.steps.assign_add(1.0)
        return {"steps": self.steps.read_value()}

    def reward(self, batch, expert, log_policy, key):
        return self.level * batch.weight

    def after_evaluation(self, normalized_return):
        self.level.assign(self.level * 0.5)


class Counting(learned_reward.LearnedReward):
    """At collection, the number of the step in its episode."""

    moment = Moment.COLLECTION
    steps = 0

    def begin_episode(self):
        self.steps = 0

    def reward_of_step(self, step):
        assert step.reward.shape == (1,)
        self.steps += 1
        return float(self.steps)


class Remaining(learned_reward.LearnedReward):
    """At the end of an episode, how many steps were left."""

    moment = Moment.EPISODE_END

    def rewards_of_episode(self, episode):
        return tf.reverse(tf.range(len(episode.time), dtype=tf.float32), [0])


class Watched(loop.Watcher):
    def __init__(self, stop_at=np.inf):
        self.told, self.returns, self.evaluations, self.stop_at = {}, [], [], stop_at

    def episode_ended(self, step, episode_return):
        self.returns.append((step, episode_return))

    def updated(self, step, scalars):
        self.told[step] = scalars

    def evaluated(self, step):
        self.evaluations.append(step)
        return 0.5

    def between_episodes(self, step):
        return step < self.stop_at


_SCHEDULE = loop.Schedule(120, 20, 1, 8, evaluation_interval=50, logging_interval=30)


def _make(
    learned,
    expert=None,
    schedule=_SCHEDULE,
    env=None,
    sizes=8,
    clones=False,
    trained=None,
    **options,
):
    env = env or walk()
    seen = env.observation_size + 1
    layout = replay.Layout(seen, env.action_size)
    if trained is None:
        agent = make(seen, env.action_size, hidden_size=sizes, learning_rate=1e-3)[0]
        if clones:
            options["cloning"] = actor_cloning.ActorCloning(agent.actor, learning_rate=1e-2)
        trained = learner.Learner(agent, learned, layout, **options)
    memory = replay.Replay(layout, schedule.steps)
    return loop.Loop(env, trained, memory, schedule, expert), trained, memory


def _run(learned, **options):
    made, trained, memory = _make(learned, **options)
    watched = Watched()
    made.run(watched)
    return watched, memory.layout.unpack(memory.latest(memory.total)), trained


@pytest.fixture(scope="module")
def plain():
    return _run(true_reward.TrueReward())


def test_remembers_what_happened(plain):
    watched, rows, _ = plain
    is_step = rows.absorbing == 0
    assert rows.step[-1] == 120 and set(rows.step) == set(range(1, 121)) - set(
        range(1, int(rows.step[0]))
    )
    np.testing.assert_array_equal(rows.discount, 1)
    # Each row is followed by the one that begins where it ended, but for ends of episodes.
    follows = np.all(rows.next_observation[:-1] == rows.observation[1:], axis=1)
    ends = (rows.timeout + rows.absorbing)[:-1] == 1
    np.testing.assert_array_equal(follows, ~ends)
    np.testing.assert_array_equal(rows.time[1:][ends], 0)
    assert rows.timeout.any() and rows.absorbing.any()
    np.testing.assert_array_equal(rows.reward[~is_step], 0)
    returns = dict(watched.returns)
    last = int(rows.step[:-1][ends][-1])
    since = int(rows.step[:-1][ends][-2])
    inside = (rows.step > since) & (rows.step <= last)
    assert returns[last] == pytest.approx(rows.reward[inside].sum(), rel=1e-5)


def test_tells_of_updates_and_evaluations(plain):
    watched, _, trained = plain
    assert list(watched.told) == [30, 60, 90, 120]
    assert {"critic_loss", "alpha", "Q_values_std", "predicted_rewards"} <= set(watched.told[30])
    assert set(watched.told[30]) <= set(tags.INTERACTION), "each number is explained"
    assert watched.evaluations == [50, 100]
    assert trained.agent.train_step_counter == 101


def test_rewards_at_collection():
    _, rows, _ = _run(Counting())
    np.testing.assert_array_equal(rows.reward, np.where(rows.absorbing == 1, 0, rows.time + 1))


def test_rewards_at_the_end_of_an_episode():
    watched, rows, _ = _run(Remaining())
    assert rows.step[-1] == watched.returns[-1][0], "an open episode has no rewards yet"
    lengths = np.diff([0] + [step for step, _ in watched.returns])
    expected = [np.arange(length)[::-1] for length in lengths]
    np.testing.assert_array_equal(
        rows.reward[rows.absorbing == 0], np.concatenate(expected)[-sum(rows.absorbing == 0) :]
    )


def test_rewards_at_update_are_annealed_and_mixed():
    watched, rows, trained = _run(Constant(), expert=_EXPERT, mixes_expert=True, clones=True)
    # Half of the rows have the expert's weight 3. Evaluations at 50 and 100 halve the level.
    means = [watched.told[step]["predicted_rewards"] for step in (30, 60, 90, 120)]
    np.testing.assert_allclose(means, [2, 1, 1, 0.5])
    assert watched.told[120]["steps"] == 101 == trained.learned.steps.numpy()
    assert (rows.reward <= 0).all(), "the replay keeps the task's rewards"
    assert watched.told[120]["cloning_loss"] < watched.told[30]["cloning_loss"]


def test_a_sum_with_the_true_reward():
    shaping = shaped_reward.Shaping(scale=0.5, true_weight=2.0)
    _, rows, _ = _run(shaped_reward.ShapedReward(Counting(), shaping))
    position = rows.next_observation[:, 2]
    is_seen = (rows.next_absorbing == 0) & (rows.absorbing == 0)
    expected = 0.5 * (rows.time + 1) - 2 * np.abs(position)
    np.testing.assert_allclose(rows.reward[is_seen], expected[is_seen], rtol=1e-5)


@pytest.mark.parametrize(("kind", "stops"), [(Constant, (10, 50)), (Counting, (70,))])
def test_resumed_runs_end_with_the_same_numbers(kind, stops, tmp_path, monkeypatch):
    whole, trained, memory = _make(kind(), expert=_EXPERT)
    saved_run.SavedRun(tmp_path, whole, memory).save()
    whole.run(Watched())
    expected = [variable.numpy() for variable in trained.variables]
    for stop_at in (*stops, np.inf):
        for variable in trained.variables:
            variable.assign(tf.zeros_like(variable))
        part, _, held = _make(kind(), expert=_EXPERT, trained=trained)
        saved = saved_run.SavedRun(tmp_path, part, held)
        assert saved.restore()
        part.run(Watched(stop_at))
        saved.save()
        if stop_at < np.inf:  # Go on, and be killed while the next checkpoint is written.
            part.run(Watched(stop_at + 15))
            with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
                patched.setattr(tf.train.CheckpointManager, "save", _interrupted)
                saved.save()
    np.testing.assert_array_equal(held.rows, memory.rows)
    assert held.num_trajectories == memory.num_trajectories
    for found, value in zip(trained.variables, expected, strict=True):
        np.testing.assert_array_equal(found, value, found.name)
    assert len(expected) > len(trained.agent.actor.weights) > 0
    done, _, held = _make(kind(), expert=_EXPERT, trained=trained)
    assert saved_run.SavedRun(tmp_path, done, held).restore() and done.step == 120
    done.run(again := Watched())
    assert not again.returns and not again.told
    with pytest.raises(ValueError, match="is of another agent or reward"):
        other, _, held = _make(true_reward.TrueReward(), sizes=9)
        saved_run.SavedRun(tmp_path, other, held).restore()
    with pytest.raises(ValueError, match="is of another agent or reward"):
        other, _, held = _make(true_reward.TrueReward(), clones=True)
        saved_run.SavedRun(tmp_path, other, held).restore()


def _interrupted(manager, **options):
    raise KeyboardInterrupt


def test_what_is_not_finite_is_told():
    class Broken(Constant):
        def reward(self, batch, expert, log_policy, key):
            return batch.reward / 0.0

    with pytest.raises(FloatingPointError, match=r"critic_loss is .* at step 20 .*Broken"):
        _run(Broken())


def test_the_experts_rewards_are_those_an_agent_would_get():
    seen = np.zeros([5, 2])
    steps = episode_rows.Steps(seen, np.zeros([5, 1]), np.zeros(5), seen)
    both = [expert_data.Demonstration(steps, terminated) for terminated in (True, False)]
    data = expert_data.make(both)
    found = relabelling.of_expert(Counting(), data).reward
    np.testing.assert_array_equal(found, [1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5])
    found = relabelling.of_expert(Remaining(), data).reward
    np.testing.assert_array_equal(found, [4, 3, 2, 1, 0, 0, 4, 3, 2, 1, 0])


def test_what_an_episodes_steps_are_worth_at_any_moment():
    steps = transitions.Transitions(*(field[:5] for field in _EXPERT))
    key = keys.Key(tf.constant([0, 0]))
    constant = Constant()
    for learned, expected in (
        (constant, [3] * 5),
        (Counting(), range(1, 6)),
        (Remaining(), range(4, -1, -1)),
    ):
        found = relabelling.of_shown(learned, steps, _EXPERT, None, key)
        np.testing.assert_array_equal(found, list(expected))


def test_pretraining_goes_through_shuffled_epochs():
    seen = tf.Variable(tf.zeros([0], tf.float32), shape=[None])

    def step(batch, key):
        seen.assign(tf.concat([seen, batch.step], 0))
        return {"draw": tf.random.stateless_uniform([], key.seed)}

    expert = _EXPERT._replace(step=np.arange(40, dtype=np.float32))
    told = dict(pretraining.train(step, expert, 120, 13, seed=0))
    assert list(told) == [100, 120] and 0.4 < told[100]["draw"] < 0.6
    epochs = seen.numpy().reshape(40, 39)
    assert all(len(set(epoch)) == 39 for epoch in epochs)
    assert not np.array_equal(epochs[0], epochs[1])
    rest = dict(pretraining.train(step, expert, 120, 13, seed=0, first=100))
    np.testing.assert_array_equal(seen.numpy()[-260:], epochs.ravel()[-260:])
    assert rest == {120: told[120]}
    with pytest.raises(ValueError, match="batch_size = 41, but the expert data has 40"):
        next(pretraining.train(step, expert, 1, 41, seed=0))


@pytest.mark.slow
def test_learns_to_swing_up_a_pendulum():
    schedule = loop.Schedule(6000, 500, 1, 128, logging_interval=500)
    env = interaction_env.load("Pendulum-v1")
    made, trained, _ = _make(true_reward.TrueReward(), schedule=schedule, env=env, sizes=64)
    start = time.process_time()
    made.run(loop.Watcher())
    print(f"{time.process_time() - start:.1f} s of processor time")
    envs = [interaction_env.load("Pendulum-v1") for _ in range(10)]
    returns = interaction_env.greedy_returns(
        envs, lambda seen: trained.greedy(episode_rows.with_bit(seen)), 10
    )
    print(f"returns {returns.mean():.0f} ± {returns.std():.0f}")
    # Of random actions, and of the best that is known.
    assert scores.normalized(returns.mean(), -1200, -145) >= 0.9
