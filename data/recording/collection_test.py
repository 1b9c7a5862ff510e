import dataclasses
import os
import pathlib

import gin
import numpy as np
import pytest

from ibc.data.recording import collection, recorder
from ibc.data.recording import options as recording_options
from ibc.data.records import shard_reader
from ibc.environments import suite
from ibc.environments.block_pushing import state_recording
from ibc.environments.particle import particle, particle_oracles  # noqa: F401  (a name is bound below)
from tests import shard_testing

# With so small goals the oracle fails about half of the time.
_HARD = ("ParticleEnv.n_dim=2", "ParticleEnv.goal_distance=0.009")


@pytest.fixture
def options(tmp_path):
    """Options of a small collection."""
    return recording_options.CollectionOptions(
        task="PARTICLE",
        num_episodes=4,
        num_shards=3,
        seed=5,
        dataset_path=str(tmp_path / "a.tfrecord"),
        gin_bindings=_HARD,
    )


@pytest.fixture
def plan(options):
    """Options of a collection of shards of 2 episodes, without gin bindings."""
    return dataclasses.replace(options, num_episodes=2, seed=0, gin_bindings=())


def _collect(options, **changes):
    """Records what is missing; returns the results, and the shards that were there."""
    gin.clear_config()
    changed = dataclasses.replace(options, **changes)
    changed.check()
    missing, complete = collection.prepare(changed)
    return collection.run(changed, missing), complete


def _frames(options, shard):
    return shard_reader.read_shard(options.shard_path(shard)).frames


def _solved_by(seed, shard, count):
    """Which of a shard's episodes the oracle solves, run on its own."""
    env = suite.load("PARTICLE")
    inner, solved = suite.gym_env(env), []
    oracle = particle_oracles.ParticleOracle(env)
    for episode in range(count):
        env.seed(recorder.derived_seed(seed, shard, episode))
        step = env.reset()
        while not step.is_last():
            step = env.step(oracle.action(step).action)
        solved.append(inner.succeeded)
    return solved


def test_unfiltered_shards_are_those_of_policy_eval(options, tmp_path):
    results, _ = _collect(options)
    assert [result.num_episodes for result in results] == [4, 4, 4]
    names = ("task", "policy", "num_episodes", "seed", "gin_bindings")
    evaluation = recording_options.EvaluationOptions(
        **{name: getattr(options, name) for name in names},
        replicas=3,
        dataset_path=str(tmp_path / "b.tfrecord"),
    )
    for shard in range(3):
        gin.clear_config()
        recorder.run(evaluation, replica=shard)
        other = shard_reader.read_shard(str(tmp_path / f"b_{shard}.tfrecord"))
        shard_testing.assert_equal(_frames(options, shard), other.frames)


def test_only_successes_are_kept_whole_and_in_order(options):
    results, _ = _collect(options, successes_only=True)
    solved = _solved_by(5, 1, results[1].tried)
    assert results[1].num_episodes == sum(solved) == results[1].succeeded == 4 < results[1].tried
    frames = _frames(options, 1)
    np.testing.assert_array_equal(frames.step_type, ([0] + [1] * 49 + [2]) * 4)
    np.testing.assert_array_equal(frames.next_step_type, ([1] * 49 + [2] + [0]) * 4)
    starts = frames.observation["pos_agent"][frames.step_type == 0]
    expected = [
        np.random.RandomState(recorder.derived_seed(5, 1, episode)).uniform(size=2)
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
        shard_testing.assert_equal(_frames(alone, shard), _frames(shared, shard))
    assert np.any(_frames(alone, 0).action != _frames(alone, 1).action)


def test_what_is_there_is_not_made_again(options, tmp_path):
    _collect(options, num_shards=1)
    before = (tmp_path / "a_0.tfrecord").stat().st_mtime_ns
    results, complete = _collect(options)
    assert complete == [0]
    assert [result.written[0] for result in results] == list(map(options.shard_path, (1, 2)))
    assert (tmp_path / "a_0.tfrecord").stat().st_mtime_ns == before
    assert _collect(options) == ([], [0, 1, 2])


def _names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_an_interrupted_collection_keeps_whole_episodes_and_goes_on(options, tmp_path):
    changes = {"num_episodes": 3, "num_shards": 2, "video": True, "successes_only": True}
    wanted = dataclasses.replace(options, **changes)
    whole = dataclasses.replace(wanted, dataset_path=str(tmp_path / "whole" / "a.tfrecord"))
    expected, _ = _collect(whole)
    gin.clear_config()
    options = dataclasses.replace(wanted, dataset_path=str(tmp_path / "parts" / "a.tfrecord"))
    missing, _ = collection.prepare(options)
    calls = []

    def interrupt():
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        collection.run(options, missing, interrupt)
    records = {f"a_0.tfrecord{suffix}" for suffix in ("", ".spec", ".manifest.json")}
    videos = {f"a.collection/shard_0/episode_{episode}.mp4" for episode in range(3)}
    unfinished = {f".a_1.tfrecord.unfinished{suffix}" for suffix in ("", ".spec", ".journal")}
    unfinished |= {f"a.collection/.shard_1.unfinished/episode_{e}.mp4" for e in range(2)}
    settings = {"a.collection/settings.json"}
    assert _names(tmp_path / "parts") == records | videos | unfinished | settings
    (found,), complete = _collect(options)
    assert complete == [0] and found.tried == expected[1].tried > found.num_episodes == 3
    assert _names(tmp_path / "parts") == _names(tmp_path / "whole")
    for shard in range(2):
        shard_testing.assert_equal(_frames(options, shard), _frames(whole, shard))


def test_an_oracle_that_keeps_failing_is_noted_and_ends(options, tmp_path, monkeypatch):
    monkeypatch.setattr(recorder, "_NOTE_SECONDS", 1e9)
    hopeless = dataclasses.replace(
        options, successes_only=True, gin_bindings=("ParticleEnv.goal_distance=1e-9",)
    )
    missing, _ = collection.prepare(hopeless)
    notes = []
    with pytest.raises(ValueError, match="PARTICLE has failed 100 times in a row") as error:
        collection.run(hopeless, missing, note=notes.append)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["a.collection"]
    assert notes == [
        "The oracle has failed 5 times in a row (it succeeded in 0 of 5 episodes); after 100 "
        "failures this ends."
    ]


def test_task_without_states_is_refused(options):
    with pytest.raises(ValueError, match="PARTICLE has no simulator state to save"):
        _collect(options, save_states=True)


def test_successful_pushes_can_be_replayed_from_their_states(plan):
    options = dataclasses.replace(
        plan, task="PUSH", num_shards=1, successes_only=True, save_states=True
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


def test_without_step_limit_an_episode_lasts_until_it_is_solved(plan):
    options = dataclasses.replace(plan, task="REACH", num_episodes=1, num_shards=1)
    # Slow enough for more than the 50 steps of the limit.
    slow = ("BlockPush.control_frequency=80.0",)
    (result,), _ = _collect(options, step_limit=False, gin_bindings=slow)
    frames = _frames(options, 0)
    assert result.succeeded == 1
    assert len(frames.reward) - 1 > 50
    assert frames.discount[-2] == 0


def _begin(plan, name="a_2.tfrecord"):
    """Begins a collection of which a shard exists."""
    collection.begin_or_continue(plan)
    pathlib.Path(plan.shard_path(0)).with_name(name).touch()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 3}, "seed was 0, now 3"),
        ({"successes_only": True}, "successes_only was False, now True"),
        ({"num_episodes": 5, "history_length": 2}, "num_episodes was 2, now 5; history_length"),
        ({"save_states": True}, "save_states was False"),
    ],
)
@pytest.mark.parametrize("name", ["a_2.tfrecord", ".a_0.tfrecord.tmp-123"])
def test_other_settings_are_refused(plan, changes, message, name):
    _begin(plan, name)
    with pytest.raises(ValueError, match=message) as error:
        collection.begin_or_continue(dataclasses.replace(plan, **changes))
    assert "\n" not in str(error.value)


def test_workers_and_shards_may_change(plan):
    _begin(plan)
    other = dataclasses.replace(plan, num_shards=9, num_workers=2, worker_id=1)
    collection.begin_or_continue(other)


def test_settings_of_an_attempt_without_a_shard_are_replaced(plan):
    _begin(plan, "a_other_1.tfrecord")
    other = dataclasses.replace(plan, seed=1)
    collection.begin_or_continue(other)
    _begin(other)
    with pytest.raises(ValueError, match="seed was 1, now 0"):
        collection.begin_or_continue(plan)


def test_other_gin_bindings_are_refused(plan):
    gin.parse_config("ParticleEnv.n_dim = 3")
    _begin(plan)
    collection.begin_or_continue(plan)
    gin.clear_config()
    with pytest.raises(ValueError, match=r"gin bindings was ParticleEnv.n_dim = 3, now none"):
        collection.begin_or_continue(plan)


def test_damaged_settings_are_named(plan):
    _begin(plan)
    path = pathlib.Path(plan.collection_folder()) / "settings.json"
    path.write_text(path.read_text()[:20])
    with pytest.raises(ValueError, match=r"settings\.json is damaged"):
        collection.begin_or_continue(plan)


@pytest.mark.parametrize(
    ("lengths", "with_manifest", "cut", "message"),
    [
        ((4, 3, 2), True, 0, "a_1.tfrecord exists with 3 episodes, but .* has 2"),
        ((4, 3), False, 0, "exists with no manifest"),
        ((4, 3), True, 50, "does not match its manifest"),
    ],
)
def test_another_shard_is_refused(plan, lengths, with_manifest, cut, message):
    path = shard_testing.write(plan.shard_path(1), lengths, with_manifest=with_manifest)
    os.truncate(path, os.path.getsize(path) - cut)
    with pytest.raises(ValueError, match=message):
        collection.is_complete(plan, 1)
