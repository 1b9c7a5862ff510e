"""Tests of recording shards."""

import dataclasses

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.data.recording import collect_options, collect_run, policy_eval_run
from ibc.data.records import shard_reader
from ibc.environments import suite
from ibc.environments.block_pushing import state_recording
from ibc.environments.particle import particle_oracles
from ibc.utils import termination
from tests import termination_testing

# With so small goals the oracle fails about half of the time.
_HARD = ("ParticleEnv.n_dim=2", "ParticleEnv.goal_distance=0.009")


@pytest.fixture
def options(tmp_path):
    """Options of a small collection."""
    return collect_options.Options(
        task="PARTICLE",
        num_episodes=4,
        num_shards=3,
        seed=5,
        dataset_path=str(tmp_path / "a.tfrecord"),
        gin_bindings=_HARD,
    )


def _collect(options, **changes):
    """Records what is missing; returns the results, and the shards that were there."""
    gin.clear_config()
    changed = dataclasses.replace(options, **changes)
    collect_options.check(changed)
    missing, complete = collect_run.prepare(changed)
    return collect_run.run(changed, missing), complete


def _frames(options, shard):
    return shard_reader.read_shard(options.shard_path(shard)).frames


def _assert_same_frames(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def _solved_by(seed, shard, count):
    """Which of a shard's episodes the oracle solves, run on its own."""
    env = suite.load("PARTICLE")
    inner, solved = suite.gym_env(env), []
    oracle = particle_oracles.ParticleOracle(env)
    for episode in range(count):
        env.seed(policy_eval_run.episode_seed(seed, shard, episode))
        step = env.reset()
        while not step.is_last():
            step = env.step(oracle.action(step).action)
        solved.append(inner.succeeded)
    return solved


def test_unfiltered_shards_are_those_of_policy_eval(options, tmp_path):
    results, _ = _collect(options)
    assert [result.kept for result in results] == [4, 4, 4]
    evaluation = dataclasses.replace(
        options.evaluation(),
        dataset_path=str(tmp_path / "b.tfrecord"),
        gin_bindings=options.gin_bindings,
    )
    for shard in range(3):
        gin.clear_config()
        policy_eval_run.run(evaluation, replica=shard)
        other = shard_reader.read_shard(str(tmp_path / f"b_{shard}.tfrecord"))
        _assert_same_frames(_frames(options, shard), other.frames)


def test_only_successes_are_kept_whole_and_in_order(options):
    results, _ = _collect(options, successes_only=True)
    solved = _solved_by(5, 1, results[1].tried)
    assert results[1].kept == sum(solved) == results[1].succeeded == 4 < results[1].tried
    frames = _frames(options, 1)
    np.testing.assert_array_equal(frames.step_type, ([0] + [1] * 49 + [2]) * 4)
    np.testing.assert_array_equal(frames.next_step_type, ([1] * 49 + [2] + [0]) * 4)
    starts = frames.observation["pos_agent"][frames.step_type == 0]
    expected = [
        np.random.RandomState(policy_eval_run.episode_seed(5, 1, episode)).uniform(size=2)
        for episode in np.flatnonzero(solved)
    ]
    np.testing.assert_array_equal(starts, np.float32(expected))
    # The episode's reward says the same as the environment did.
    np.testing.assert_array_equal(frames.reward.reshape(4, 51).sum(axis=1), np.ones(4))


def test_shards_do_not_depend_on_who_makes_them(options, tmp_path):
    alone = dataclasses.replace(options, successes_only=True)
    _collect(alone)
    shared = dataclasses.replace(alone, dataset_path=str(tmp_path / "b.tfrecord"), num_workers=2)
    assert len(_collect(shared, worker_id=1)[0]) == 1
    assert len(_collect(shared, worker_id=0)[0]) == 2
    for shard in range(3):
        _assert_same_frames(_frames(alone, shard), _frames(shared, shard))
    assert np.any(
        _frames(alone, 0).action != _frames(alone, 1).action[: len(_frames(alone, 0).action)]
    )


def test_what_is_there_is_not_made_again(options, tmp_path):
    _collect(options, num_shards=1)
    before = (tmp_path / "a_0.tfrecord").stat().st_mtime_ns
    results, complete = _collect(options)
    assert complete == [0]
    assert [result.path for result in results] == [options.shard_path(shard) for shard in (1, 2)]
    assert (tmp_path / "a_0.tfrecord").stat().st_mtime_ns == before
    assert _collect(options) == ([], [0, 1, 2])


def test_interruption_leaves_whole_shards_and_nothing_else(options, tmp_path):
    gin.clear_config()
    bindings = (*_HARD, "ParticleEnv.n_steps=2")
    wanted = dataclasses.replace(
        options, num_episodes=2, num_shards=2, video=True, gin_bindings=bindings
    )
    missing, _ = collect_run.prepare(wanted)
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collect_run.run(wanted, missing, interrupt)
    names = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")}
    record_names = {f"a_0.tfrecord{suffix}" for suffix in ("", ".spec", ".manifest.json")}
    videos = {f"a.collection/shard_0/episode_{episode}.mp4" for episode in range(2)}
    folders = {"a.collection", "a.collection/settings.json", "a.collection/shard_0"}
    assert names == record_names | videos | folders
    assert [result.path for result in _collect(wanted)[0]] == [options.shard_path(1)]


@termination_testing.each_signal
def test_signal_in_compiled_code_is_noticed_after_the_step(options, monkeypatch, number, error):
    original = particle_oracles.ParticleOracle._action
    action = termination_testing.signalled(original, number)
    monkeypatch.setattr(particle_oracles.ParticleOracle, "_action", action)
    with termination_testing.restored(), pytest.raises(error), termination.watched():
        _collect(options)


def test_oracle_that_never_succeeds_ends_with_an_error(options, tmp_path, monkeypatch):
    monkeypatch.setattr(collect_run, "MAX_FAILURES", 5)
    with pytest.raises(ValueError, match="PARTICLE has failed 5 times in a row") as error:
        _collect(options, successes_only=True, gin_bindings=("ParticleEnv.goal_distance=1e-9",))
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.collection"]


def test_task_without_states_is_refused(options):
    with pytest.raises(ValueError, match="PARTICLE has no simulator state to save"):
        _collect(options, save_states=True)


def test_successful_pushes_can_be_replayed_from_their_states(tmp_path):
    options = collect_options.Options(
        task="PUSH",
        num_episodes=2,
        dataset_path=str(tmp_path / "a.tfrecord"),
        successes_only=True,
        save_states=True,
    )
    _collect(options)
    frames = _frames(options, 0)
    starts = np.flatnonzero(frames.step_type == 0)
    env = suite.gym_env(suite.load("PUSH"))
    for episode, start in enumerate(starts):
        path = f"{options.shard_folder(0)}/episode_{episode}.json.zip"
        recording = state_recording.read_pybullet_state(path)
        assert recording["task"] == "PUSH"
        outcomes = state_recording.replay(env, recording)
        length = len(outcomes)
        assert outcomes[-1][2], "the last action solves the task"
        np.testing.assert_array_equal(
            np.float32(recording["actions"]), frames.action[start : start + length]
        )
        assert frames.step_type[start + length] == 2
        seen = [observation["block_translation"] for observation, _, _ in outcomes]
        recorded = frames.observation["block_translation"][start + 1 : start + length + 1]
        np.testing.assert_allclose(seen, recorded, atol=1e-6)


def test_without_step_limit_an_episode_lasts_until_it_is_solved(tmp_path):
    options = collect_options.Options(
        task="REACH",
        num_episodes=1,
        dataset_path=str(tmp_path / "a.tfrecord"),
        step_limit=False,
        # Slow enough for more than the 50 steps of the limit.
        gin_bindings=("BlockPush.control_frequency=80.0",),
    )
    (result,), _ = _collect(options)
    frames = _frames(options, 0)
    assert result.succeeded == 1
    assert len(frames.reward) - 1 > 50
    assert frames.discount[-2] == 0
