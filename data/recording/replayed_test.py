"""Recorded episodes played by `--policy=replay`, and episodes of consecutive seeds."""

import dataclasses

import gin
import numpy as np
import pytest
from tf_agents.trajectories import time_step as ts

from ibc.data import episodes
from ibc.data.recording import options as recording_options
from ibc.data.recording import recorder
from ibc.data.records import shard_reader
from ibc.environments.pusht import pusht

_OPTIONS = recording_options.EvaluationOptions(task="PARTICLE", policy="oracle", num_episodes=3)


def _run(replica=0, **changes):
    options = dataclasses.replace(_OPTIONS, **changes)
    options.check()
    gin.clear_config()
    return recorder.run(options, replica)


def _frames(path):
    return shard_reader.read_shard(str(path)).frames


def _replay(path, **changes):
    return _run(policy="replay", replay_path=str(path), **changes)


@pytest.fixture
def recorded(tmp_path):
    """A record file of three episodes of the particle task."""
    path = tmp_path / "recorded.tfrecord"
    return path, _run(dataset_path=str(path))


@pytest.fixture
def pushes(tmp_path):
    """Two short episodes of Push-T, with the keys of converted demonstrations; their rewards."""
    pytest.importorskip("gym_pusht")
    env, found, rewards = pusht.PushTEnv(), [], []
    for number, length in enumerate((7, 12)):
        env.reset(seed=number)
        targets = np.float32(env.block_pose[:2] + np.linspace(40, -40, length)[:, np.newaxis])
        seen, poses, brought = [], [], []
        for target in targets:
            seen.append(env.compute_state())
            poses.append(env.block_pose)
            brought.append(env.step(target)[1])
        observation = {key: np.array([values[key] for values in seen]) for key in seen[0]}
        observation["block_pose"] = np.array(poses)
        found.append(episodes.Episode(observation, targets, terminated=False))
        rewards.append(brought)
    path = tmp_path / "pusht.tfrecord"
    episodes.write_episodes(path, found)
    return path, rewards


@pytest.mark.parametrize("history_length", [None, 3])
def test_what_was_recorded_is_repeated(recorded, tmp_path, history_length):
    path, expected = recorded
    again = tmp_path / "again.tfrecord"
    found = _replay(path, dataset_path=str(again), history_length=history_length)
    assert found.metrics == expected.metrics
    old, new = _frames(path), _frames(again)
    if history_length:  # Stacked observations are looked at too.
        found = _replay(again, dataset_path=str(tmp_path / "third.tfrecord"))
        assert found.metrics == expected.metrics
        new = _frames(tmp_path / "third.tfrecord")
    inside = old.step_type != ts.StepType.LAST
    np.testing.assert_array_equal(old.action[inside], new.action[inside])
    for key, values in old.observation.items():
        np.testing.assert_array_equal(values, new.observation[key])
    for name in ("step_type", "reward", "discount"):
        np.testing.assert_array_equal(getattr(old, name), getattr(new, name))


def test_episodes_are_chosen_by_their_numbers(recorded, tmp_path):
    path, _ = recorded
    part = tmp_path / "part.tfrecord"
    _replay(path, first_seed=1, num_episodes=1, replicas=2, replica=1, dataset_path=str(part))
    old, new = _frames(path), _frames(tmp_path / "part_1.tfrecord")
    third = slice(2 * len(old.reward) // 3, None)
    for key, values in old.observation.items():
        np.testing.assert_array_equal(values[third], new.observation[key])


def test_episodes_that_are_not_there_are_refused(recorded):
    path, _ = recorded
    with pytest.raises(ValueError, match="holds 3 episodes, but 5 are asked for"):
        _replay(path, first_seed=2)


def test_record_files_that_are_not_there_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"--replay_path=.*: no record file matches"):
        _replay(tmp_path / "none.tfrecord")


def test_recordings_of_another_task_are_refused(recorded):
    pytest.importorskip("gymnasium_robotics")
    with pytest.raises(ValueError, match="was not recorded for task pen-human-v0: action is float"):
        _replay(recorded[0], task="pen-human-v0")


def test_tasks_without_a_way_back_are_refused(recorded):
    with pytest.raises(ValueError, match="task Pendulum-v1 has no way back to a recorded state"):
        _replay(recorded[0], task="Pendulum-v1")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"policy": "replay"}, "--policy=replay and --replay_path"),
        ({"replay_path": "a.tfrecord"}, "--policy=replay and --replay_path"),
        ({"first_seed": -1}, "--first_seed must be at least 0, got -1"),
        ({"task": "PUSHT"}, "needs a task with an oracle; task PUSHT has: random, stay"),
        ({"policy": "stay"}, "policy 'stay' is unknown"),
    ],
)
def test_flags_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(_OPTIONS, **changes).check()


def test_consecutive_seeds_begin_the_episodes(tmp_path):
    path = tmp_path / "a.tfrecord"
    for replica in (0, 1):
        _run(replica, first_seed=40, num_episodes=2, replicas=2, dataset_path=str(path))
        frames = _frames(tmp_path / f"a_{replica}.tfrecord")
        starts = np.flatnonzero(frames.step_type == ts.StepType.FIRST)
        for start, seed in zip(starts, (40 + 2 * replica, 41 + 2 * replica), strict=True):
            expected = np.random.RandomState(seed).uniform(size=2).astype(np.float32)
            np.testing.assert_array_equal(frames.observation["pos_agent"][start], expected)


def test_pushes_are_repeated_from_the_recorded_first_states(pushes, tmp_path):
    path, rewards = pushes
    again = tmp_path / "again.tfrecord"
    found = _replay(path, task="PUSHT", num_episodes=2, dataset_path=str(again))
    assert found.metrics["AverageMaxReward"] == pytest.approx(np.mean([max(r) for r in rewards]))
    assert found.metrics["AverageFinalReward"] == pytest.approx(np.mean([r[-1] for r in rewards]))
    assert found.metrics["AverageEpisodeLength"] == 9.5
    old, new = _frames(path), _frames(again)
    inside = old.step_type != ts.StepType.LAST
    np.testing.assert_array_equal(new.action[inside], old.action[inside])
    for key in ("keypoints", "agent_pos"):
        was, found = (frames.observation[key][inside] for frames in (old, new))
        np.testing.assert_allclose(found, was, rtol=0, atol=1e-3)


def test_recorded_pushes_become_pictures(pushes, tmp_path):
    path, _ = pushes
    pictures = tmp_path / "pictures.tfrecord"
    _replay(path, task="PUSHT", num_episodes=2, use_image_obs=True, dataset_path=str(pictures))
    shard = shard_reader.read_shard(str(pictures))
    assert shard.spec.observation["image"].shape == (96, 96, 3)
    assert len(shard) == len(_frames(path).reward)
    shard_reader.check_every_image(shard)


def test_doing_nothing_moves_nothing(tmp_path):
    pytest.importorskip("gym_pusht")
    path = tmp_path / "a.tfrecord"
    _run(task="PUSHT", policy="stay", first_seed=0, num_episodes=1, dataset_path=str(path))
    frames = _frames(path)
    assert len(frames.reward) == 301
    assert not np.diff(frames.observation["agent_pos"][:-1], axis=0).any()


@pytest.mark.slow
def test_doing_nothing_scores_little(report):
    pytest.importorskip("gym_pusht")
    figures = _run(task="PUSHT", policy="stay", first_seed=0, num_episodes=50).metrics
    # A little more than after three steps, as in one start the disc pushes itself off the block.
    assert figures["AverageMaxReward"] == pytest.approx(0.0760, abs=5e-5)
    assert figures["AverageSuccessMetric"] == 0 and figures["AverageEpisodeLength"] == 300
    report(f"doing nothing in Push-T: {figures}")


@pytest.mark.slow
def test_demonstrations_solve_push_t(golden, tmp_path, report):
    pytest.importorskip("gym_pusht")
    demos = np.load(golden("../data/pusht_demos.npz"))
    ends = demos["episode_ends"]
    path = tmp_path / "demonstrations.tfrecord"
    states, actions = (np.split(demos[key], ends[:-1]) for key in ("state", "action"))
    episodes.write_episodes(
        path,
        (
            episodes.Episode({"agent_pos": s[:, :2], "block_pose": s[:, 2:]}, a, terminated=False)
            for s, a in zip(states, actions, strict=True)
        ),
    )
    figures = _replay(path, task="PUSHT", num_episodes=len(ends)).metrics
    assert figures["AverageMaxReward"] >= 0.94
    report(f"demonstrations of Push-T, replayed: {figures}")
