from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.drivers import py_driver
from tf_agents.policies import random_py_policy
from tf_agents.specs import array_spec

from ibc.data import episodes
from ibc.data.formats import convert
from ibc.data.inspection import replay
from ibc.data.records import shard_reader, shard_writer
from ibc.environments import suite
from tests import shard_testing

_DOOR = "data/door-human-v0/door-human-v0_0.tfrecord"


def _record(task, path, num_episodes=2, max_episode_steps=None, **options):
    env = suite.load(task, max_episode_steps=max_episode_steps, **options)
    policy = random_py_policy.RandomPyPolicy(env.time_step_spec(), env.action_spec(), seed=0)
    env.seed(1)
    with shard_writer.ShardWriter(str(path), policy.trajectory_spec) as writer:
        driver = py_driver.PyDriver(env, policy, [writer], max_episodes=num_episodes)
        driver.run(env.reset())
    return str(path)


@pytest.mark.parametrize("options", [{}, {"history_length": 3}])
def test_particle_repeats_exactly(tmp_path, options):
    path = _record("PARTICLE", tmp_path / "a.tfrecord", 2, **options)
    found = list(replay.replay(path, "PARTICLE"))
    assert [difference.steps for difference in found] == [50, 50]
    for difference in found:
        # The recorded action is float32, as is the state it acts on.
        assert max(difference.observation.values()) <= 1e-6
        assert set(difference.observation) >= {"pos_agent", "pos_second_goal"}
        assert difference.reward == 0 and max(difference.start.values()) == 0


def test_door_repeats_across_d4rls_cuts(golden):
    pytest.importorskip("gymnasium_robotics")
    found = list(replay.replay(str(golden(_DOOR)), "door-human-v0", 2, across_timeouts=True))
    assert [difference.steps for difference in found] == [299, 299]
    for difference in found:
        assert difference.observation["observation"] < 1e-5 and difference.reward < 1e-4


def test_push_repeats_until_contacts_part(golden):
    pytest.importorskip("pybullet")
    path = str(golden("data/push/oracle_push_0.tfrecord"))
    for difference in replay.replay(path, "PUSH", 2):
        assert max(difference.start.values()) < 1e-6
        assert difference.observation["effector_translation"] < 1e-4
        assert difference.observation["block_translation"] < 0.05


@pytest.mark.parametrize(
    ("task", "tolerance"),
    [("kitchen-complete-v0", 0.2), ("antmaze-medium-play-v0", 1e-3), ("hammer-human-v0", 1e-3)],
)
def test_d4rl_tasks_repeat(tmp_path, task, tolerance):
    pytest.importorskip("gymnasium_robotics")
    path = _record(task, tmp_path / "a.tfrecord", 1, max_episode_steps=10)
    (difference,) = replay.replay(path, task)
    assert difference.steps == 10
    assert difference.observation["observation"] < tolerance
    assert difference.reward < 1e-3


def test_noisy_sensors_say_the_same_in_every_replay(tmp_path):
    pytest.importorskip("gymnasium_robotics")
    path = _record("kitchen-complete-v0", tmp_path / "a.tfrecord", 2, max_episode_steps=3)
    first, second = (list(replay.replay(path, "kitchen-complete-v0")) for _ in range(2))
    assert first == second and len(first) == 2
    assert first[0].observation["observation"] > 0


@pytest.mark.parametrize(
    "recorded", [[0, 1, 0, 0, 1, 0], [0, 1, 1, 1, 2, 2]], ids=["increments", "counts"]
)
def test_kitchen_rewards_are_compared_in_their_convention(tmp_path, monkeypatch, recorded):
    rewards = iter([0, 1, 0, 0, 1])
    kitchen = mock.Mock(
        restore=lambda observation: observation,
        step=lambda action: (np.zeros(60, np.float32), next(rewards), False, False, {}),
        observation_spec=lambda: array_spec.ArraySpec([60], np.float32, "observation"),
        action_spec=lambda: array_spec.ArraySpec([9], np.float32),
    )
    monkeypatch.setattr(suite, "load", lambda *_, **__: kitchen)
    monkeypatch.setattr(suite, "gym_env", lambda env: env)
    steps = np.zeros((6, 60)), np.zeros((6, 9)), np.array(recorded), True
    frames = convert.episode_frames(*steps)
    spec = convert.frame_spec(frames.observation, 9)
    with shard_writer.ShardWriter(str(tmp_path / "a.tfrecord"), spec) as writer:
        for frame in episodes.unstacked(frames):
            writer(frame)
    (found,) = replay.replay(str(tmp_path / "a.tfrecord"), "kitchen-mixed-v0")
    assert (found.steps, found.reward) == (5, 0)


def test_a_change_of_the_recording_is_noticed(tmp_path):
    path = _record("PARTICLE", tmp_path / "a.tfrecord", 1)
    shard = shard_reader.read_shard(path)
    with shard_writer.ShardWriter(str(tmp_path / "b.tfrecord"), shard.spec) as writer:
        for i in range(len(shard)):
            frame = tf.nest.map_structure(lambda values, i=i: values[i], shard.frames)
            if i == 30:
                frame.observation["pos_agent"][:] += 0.25
            writer(frame)
    (difference,) = replay.replay(str(tmp_path / "b.tfrecord"), "PARTICLE")
    assert difference.observation["pos_agent"] == pytest.approx(0.25, abs=1e-5)
    assert difference.observation["vel_agent"] < 1e-5


def test_episodes_are_found_between_joining_frames(tmp_path):
    path = shard_testing.write(tmp_path / "a.tfrecord", (4, 3, 1))
    frames = shard_reader.read_shard(path).frames
    assert replay.episodes(frames) == [slice(0, 5), slice(5, 9), slice(9, 11)]


def test_demonstrations_go_on_where_d4rl_cut_them(golden):
    frames = shard_reader.read_shard(str(golden(_DOOR))).frames
    cut = replay.episodes(frames)
    assert cut[:3] == [slice(0, 200), slice(200, 300), slice(300, 500)] and len(cut) == 11
    whole = replay.episodes(frames, across_timeouts=True)
    assert whole == [*(slice(300 * i, 300 * i + 300) for i in range(5)), slice(1500, 1700)]


def test_data_of_another_task_is_refused(golden):
    with pytest.raises(ValueError, match="does not fit the environment of task PARTICLE"):
        list(replay.replay(str(golden(_DOOR)), "PARTICLE"))


def test_angles_differ_by_half_a_turn_at_most():
    found = replay._difference("block_orientation", np.array([[3.1]]), np.array([[-3.1]]))
    np.testing.assert_allclose(found, 2 * np.pi - 6.2)


@pytest.mark.parametrize(
    ("task", "absent"), [("PARTICLE", "vel_agent"), ("PUSH", "block_orientation")]
)
def test_observations_that_do_not_tell_the_state_are_refused(task, absent):
    pytest.importorskip("pybullet" if task == "PUSH" else "numpy")
    env = suite.load(task)
    inner = suite.gym_env(env)
    observation, _ = inner.reset(seed=0)
    del observation[absent]
    with pytest.raises(ValueError, match=f"{absent} is not among"):
        inner.restore(observation)
    env.close()
