import dataclasses
import itertools
import os

import gin
import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from absl import logging
from tf_agents.drivers import py_driver
from tf_agents.networks import sequential
from tf_agents.policies import actor_policy, policy_saver
from tf_agents.specs import tensor_spec
from tf_agents.trajectories import time_step as ts
from tf_agents.utils import example_encoding_dataset

from ibc.data.recording import journal, recorder
from ibc.data.recording import options as recording_options
from ibc.data.records import manifest, shard_reader
from ibc.environments import suite
from ibc.environments.particle import particle_oracles
from ibc.utils import termination
from tests import shard_testing, termination_testing

_OPTIONS = recording_options.EvaluationOptions(
    task="PARTICLE", policy="oracle", num_episodes=3, gin_bindings=("ParticleEnv.n_steps=6",)
)


def _run(replica=0, on_episode=lambda: None, note=logging.info, **changes):
    gin.clear_config()
    options = dataclasses.replace(_OPTIONS, **changes)
    return recorder.run(options, replica, on_episode, note)


def _read(path, **options):
    """Frames of a shard as TF-Agents itself reads them, stacked."""
    dataset = example_encoding_dataset.load_tfrecord_dataset(
        [str(path)], as_trajectories=True, add_batch_dim=False, **options
    )
    frames = [tf.nest.map_structure(lambda t: t.numpy(), frame) for frame in dataset]
    return tf.nest.map_structure(lambda *parts: np.stack(parts), *frames)


def _run_and_read(path, replica, **changes):
    _run(replica, dataset_path=str(path), **changes)
    return _read(path)


def test_seeds_are_those_of_seedsequence_and_all_different():
    for share in ((2, 7), (2,)):
        expected = np.random.SeedSequence(5, spawn_key=share).generate_state(1)[0]
        assert recorder.derived_seed(5, *share) == expected
    seeds = {recorder.derived_seed(s, i, j) for s in (0, 1) for i in range(9) for j in range(9)}
    assert len(seeds) == 2 * 9 * 9
    assert all(0 <= seed < 2**32 for seed in seeds)


def test_episodes_begin_as_their_seeds_say(tmp_path):
    _run(replica=4, seed=9, dataset_path=str(tmp_path / "a.tfrecord"))
    frames = _read(tmp_path / "a.tfrecord")
    starts = np.flatnonzero(frames.step_type == ts.StepType.FIRST)
    np.testing.assert_array_equal(starts, [0, 7, 14])
    for episode, start in enumerate(starts):
        rng = np.random.RandomState(recorder.derived_seed(9, 4, episode))
        draws = rng.uniform(size=(3, 2)).astype(np.float32)
        np.testing.assert_array_equal(frames.observation["pos_agent"][start], draws[0])
        np.testing.assert_array_equal(frames.observation["pos_second_goal"][start], draws[2])


def test_frames_are_those_the_driver_emits(tmp_path):
    result = _run(dataset_path=str(tmp_path / "a.tfrecord"))
    frames = _read(tmp_path / "a.tfrecord")
    np.testing.assert_array_equal(frames.step_type, [0, 1, 1, 1, 1, 1, 2] * 3)
    np.testing.assert_array_equal(frames.next_step_type, [1, 1, 1, 1, 1, 2, 0] * 3)
    np.testing.assert_array_equal(frames.discount, [1, 1, 1, 1, 1, 0, 1] * 3)
    boundary = frames.step_type == ts.StepType.LAST
    np.testing.assert_array_equal(frames.reward[boundary], 0)
    # The policy is asked at the last observation too: its answer is the first goal here.
    goals = frames.observation["pos_first_goal"]
    np.testing.assert_array_equal(frames.action[boundary], goals[boundary])
    assert result.num_frames == len(frames.reward) == 21
    assert result.written == (str(tmp_path / "a.tfrecord"),)


def test_records_replay_to_the_same_observations(tmp_path):
    _run(dataset_path=str(tmp_path / "a.tfrecord"), policy="random")
    frames = _read(tmp_path / "a.tfrecord")
    env = suite.load("PARTICLE")
    for start in (0, 7, 14):
        env.seed(recorder.derived_seed(0, 0, start // 7))
        step = env.reset()
        for row in range(start, start + 7):
            for key, value in step.observation.items():
                np.testing.assert_array_equal(frames.observation[key][row], value)
            step = env.step(frames.action[row])


def test_figures_are_those_of_separate_episodes():
    result = _run(gin_bindings=("ParticleEnv.n_dim=3",), num_episodes=4, seed=1)
    env = suite.load("PARTICLE")
    policy, inner = particle_oracles.ParticleOracle(env), suite.gym_env(env)
    distances, successes = [], []
    for episode in range(4):
        env.seed(recorder.derived_seed(1, 0, episode))
        py_driver.PyDriver(env, policy, [], max_steps=50).run(env.reset())
        distances.append(np.linalg.norm(inner.position - inner.second_goal))
        successes.append(inner.succeeded)
    figures = result.metrics
    assert figures["AverageFinalSecondGoalDistance"] == pytest.approx(np.mean(distances), rel=1e-5)
    assert figures["AverageSuccessMetric"] == np.mean(successes) > 0
    assert figures["AverageEpisodeLength"] == 50.0
    assert figures["AverageReturn"] == 1.0
    assert list(figures)[:2] == ["AverageReturn", "AverageEpisodeLength"]


@pytest.mark.parametrize("policy", ["random", "oracle", "particle_green_then_blue"])
def test_same_seed_same_records_other_replica_others(tmp_path, policy):
    first, again, other = (
        _run_and_read(tmp_path / "a", replica, policy=policy) for replica in (0, 0, 1)
    )
    shard_testing.assert_equal(first, again)
    assert np.any(first.action != other.action)
    assert np.any(first.observation["pos_agent"] != other.observation["pos_agent"])


def test_history_and_flat_observations_are_recorded_as_seen(tmp_path):
    _run(dataset_path=str(tmp_path / "a"), history_length=2)
    assert _read(tmp_path / "a").observation["pos_agent"].shape == (21, 2, 2)
    _run(dataset_path=str(tmp_path / "b"), flatten_env=True)
    assert _read(tmp_path / "b").observation.shape == (21, 8)


def test_video_and_pictures_are_written(tmp_path):
    result = _run(video=True, viz_img=True, output_path=str(tmp_path / "out"))
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["episode_0.png", "episode_1.png", "episode_2.png", "video.mp4"]
    assert len(result.written) == 2
    with PIL.Image.open(tmp_path / "out" / "episode_2.png") as image:
        assert image.format == "PNG"


@pytest.mark.parametrize("error", [KeyboardInterrupt, termination.Terminated, RuntimeError])
def test_failure_in_the_first_episode_leaves_no_file(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error("on purpose")

    monkeypatch.setattr(particle_oracles.ParticleOracle, "_action", fail)
    with pytest.raises(error, match="on purpose"):
        _run(dataset_path=str(tmp_path / "a"), video=True, output_path=str(tmp_path))
    assert not list(tmp_path.iterdir())


_UNFINISHED = [".a.unfinished", ".a.unfinished.journal", ".a.unfinished.spec"]


def _interrupted(path, after, error=KeyboardInterrupt, **changes):
    """Begins a recording that ends after some episodes."""
    episodes = iter(range(after - 1))

    def end():
        if next(episodes, None) is None:
            raise error("on purpose")

    with pytest.raises(error):
        _run(on_episode=end, dataset_path=str(path), **changes)
    assert sorted(os.listdir(path.parent)) == _UNFINISHED


_RECORDINGS = {
    "states": {"policy": "random", "num_episodes": 4},
    "drawn oracle": {
        "gin_bindings": ("ParticleEnv.n_steps=6", "ParticleOracle.multimodal=True"),
        "history_length": 2,
        "num_episodes": 4,
    },
    "images": {"task": "REACH", "use_image_obs": True, "gin_bindings": (), "num_episodes": 2},
    "noise": {
        "task": "PUSH",
        "gin_bindings": ("OrientedPushOracle.action_noise_std=0.01",),
        "num_episodes": 2,
    },
}


@pytest.mark.parametrize("kind", _RECORDINGS)
def test_an_interrupted_recording_goes_on_as_if_it_had_never_been(tmp_path, kind):
    (tmp_path / "parts").mkdir()
    path, expected = tmp_path / "parts" / "a", str(tmp_path / "whole")
    changes = _RECORDINGS[kind]
    whole = _run(dataset_path=expected, **changes)
    for after in range(1, changes["num_episodes"], 2):
        _interrupted(path, after, **changes)
    ran = []
    found = _run(on_episode=lambda: ran.append(1), dataset_path=str(path), **changes)
    assert dataclasses.replace(found, written=whole.written) == whole
    recorded = [_read(name, compress_image=True) for name in (path, expected)]
    shard_testing.assert_equal(*recorded)
    assert manifest.load(str(path)).episodes == changes["num_episodes"] == len(ran)
    assert len(os.listdir(path.parent)) == 3


def _cut_records(folder):
    os.truncate(folder / ".a.unfinished", os.path.getsize(folder / ".a.unfinished") - 100)


def _add_half_an_episode(folder):
    with open(folder / ".a.unfinished", "ab") as file:
        file.write((folder / ".a.unfinished").read_bytes()[:1000])


def _cut_line(folder):
    with open(folder / ".a.unfinished.journal", "ab") as file:
        file.write(b'{"frames": 7, "st')


@pytest.mark.parametrize(
    ("damage", "left"), [(_add_half_an_episode, 2), (_cut_line, 2), (_cut_records, 1)]
)
def test_a_killed_recording_goes_on_after_its_last_whole_episode(tmp_path, damage, left):
    expected = _run_and_read(tmp_path / "whole", 0, policy="random")
    folder = tmp_path / "parts"
    folder.mkdir()
    _interrupted(folder / "a", 2, policy="random")
    damage(folder)
    notes = []
    _run(note=notes.append, dataset_path=str(folder / "a"), policy="random")
    assert notes[-1] == f"{folder}/a: going on after episode {left} of 3."
    assert len(notes) == 3 - left
    shard_testing.assert_equal(_read(folder / "a"), expected)


@pytest.mark.parametrize("task", ["PUSH", "PUSH_NORMALIZED", "PUSH_DISCONTINUOUS"])
def test_images_have_the_size_that_is_asked_for(tmp_path, task):
    size = {"image_size": "48x64", "use_image_obs": True}
    path = str(tmp_path / "a")
    _run(task=task, num_episodes=1, gin_bindings=(), dataset_path=path, **size)
    assert shard_reader.read_shard(path).spec.observation["rgb"].shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"seed": 8}, "seed was 0, now 8"),
        ({"gin_bindings": ("ParticleEnv.n_steps=7",)}, "now ParticleEnv.n_steps = 7"),
        ({"policy": "random"}, "policy was oracle, now random"),
    ],
)
def test_other_settings_are_a_new_start_and_said(tmp_path, change, said):
    _interrupted(tmp_path / "a", 2)
    notes = []
    _run(note=notes.append, dataset_path=str(tmp_path / "a"), **change)
    (note,) = notes
    assert "recording of 2 episodes was begun with other settings" in note and said in note
    assert "\n" not in note
    (tmp_path / "b").mkdir()
    expected = _run_and_read(tmp_path / "b" / "a", 0, **change)
    shard_testing.assert_equal(_read(tmp_path / "a"), expected)


def test_two_at_a_time_are_refused_and_the_first_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "LONGEST_WAIT_SECONDS", 0.0)

    def run_another():
        with pytest.raises(ValueError, match="is being recorded by another process"):
            _run(dataset_path=str(tmp_path / "a"))

    _run(on_episode=run_another, dataset_path=str(tmp_path / "a"))
    assert len(_read(tmp_path / "a").action) == 21


def test_what_cannot_be_recorded_is_not_kept(tmp_path, monkeypatch):
    original, calls = particle_oracles.ParticleOracle._action, itertools.count()

    def action(self, *arguments, **keywords):
        step = original(self, *arguments, **keywords)
        return step._replace(action=step.action * np.inf) if next(calls) > 9 else step

    monkeypatch.setattr(particle_oracles.ParticleOracle, "_action", action)
    with pytest.raises(ValueError, match="is not finite in frame 10"):
        _run(dataset_path=str(tmp_path / "a"))
    assert not list(tmp_path.iterdir())


@termination_testing.each_signal
def test_signal_in_compiled_code_is_noticed_after_the_step(tmp_path, monkeypatch, number, error):
    original = particle_oracles.ParticleOracle._action
    action = termination_testing.signalled(original, number)
    monkeypatch.setattr(particle_oracles.ParticleOracle, "_action", action)
    with termination_testing.restored(), pytest.raises(error), termination.watched():
        _run(dataset_path=str(tmp_path / "a"))
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def exported_policy(tmp_path_factory):
    """An exported policy that always asks for the centre, with a checkpoint that says (1, 0)."""
    gin.clear_config()
    env = suite.load("PARTICLE", history_length=2)
    time_step_spec = tensor_spec.from_spec(env.time_step_spec())
    layer = tf.keras.layers.Dense(2, kernel_initializer="zeros")
    network = sequential.Sequential(
        [tf.keras.layers.Lambda(lambda x: x["pos_agent"][:, -1]), layer],
        input_spec=time_step_spec.observation,
    )
    policy = actor_policy.ActorPolicy(
        time_step_spec, tensor_spec.from_spec(env.action_spec()), network, clip=False
    )
    saver = policy_saver.PolicySaver(policy, train_step=tf.Variable(0, dtype=tf.int64))
    folder = tmp_path_factory.mktemp("exported")
    layer.bias.assign([0.5, 0.5])
    saver.save(str(folder / "policy"))
    layer.bias.assign([1.0, 0.0])
    saver.save_checkpoint(str(folder / "checkpoint_10"))
    return folder


def test_exported_policy_and_its_checkpoint_are_run(tmp_path, exported_policy):
    options = {
        "policy": None,
        "saved_model_path": str(exported_policy / "policy"),
        "dataset_path": str(tmp_path / "a"),
    }
    _run(**options, history_length=2)
    np.testing.assert_array_equal(_read(tmp_path / "a").action, np.full((21, 2), 0.5))
    _run(**options, checkpoint_path=str(exported_policy / "checkpoint_10"))
    np.testing.assert_array_equal(_read(tmp_path / "a").action, [[1.0, 0.0]] * 21)


def test_exported_policy_of_another_environment_is_refused(exported_policy):
    with pytest.raises(ValueError, match=r"observation/pos_agent is float32\[3, 2\]") as error:
        _run(policy=None, saved_model_path=str(exported_policy / "policy"), history_length=3)
    assert "--history_length" in str(error.value)


def test_gin_names_of_oracle_and_metrics_are_known(tmp_path):
    bindings = (
        "ParticleEnv.n_steps=6",
        "ParticleOracle.wait_at_first_goal=0",
        "AverageSuccessMetric.name='Solved'",
    )
    result = _run(gin_bindings=bindings, dataset_path=str(tmp_path / "a"))
    frames = _read(tmp_path / "a")
    np.testing.assert_array_equal(frames.action, frames.observation["pos_second_goal"])
    assert "Solved" in result.metrics
