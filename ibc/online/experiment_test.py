"""Whole runs of learning by interaction, and what is wrong with their options."""

import json
import pathlib

import gin
import gymnasium
import imageio_ffmpeg
import numpy as np
import pytest
import tensorflow as tf
from gymnasium.envs.classic_control import pendulum

import ibc
from ibc.data.records import shard_reader
from ibc.online import (
    configuration,
    demonstrations,
    experiment,
    interaction_env_test,
    run_config,
)
from tests import training

_TASK = "Pendulum-v1"
_SMALL = (
    "reinforcement.actor.hidden_size = 8",
    "reinforcement.critic.hidden_size = 8",
    "imitation.discriminator.hidden_size = 8",
    "imitation.pretraining.iterations = 20",
    "training.batch_size = 16",
    "training.start = 150",
    "training.interval = 2",
    "evaluation.interval = 200",
    "evaluation.episodes = 2",
    "logging.interval = 50",
    "memory.size = 1000",
    "online_train_eval.checkpoint_interval = 200",
)


class Blind(pendulum.PendulumEnv):
    """A task without pictures."""

    render = gymnasium.Env.render


gymnasium.register("Undrawn-v0", Blind, max_episode_steps=200)
gymnasium.register("Walk-v0", interaction_env_test.Walk, max_episode_steps=12)
_WALK = "ibc.online.experiment_test:Walk-v0"


@pytest.fixture(scope="module")
def expert(tmp_path_factory) -> str:
    """Records two episodes of random actions; returns the record file."""
    path = str(tmp_path_factory.mktemp("expert") / "pendulum.tfrecord")
    training.record(_TASK, path, "random", num_episodes=2)
    return path


@pytest.fixture(autouse=True)
def _fresh_gin():
    yield
    gin.clear_config()


def _run(folder, algorithm, expert=None, steps=400, settings=(), bindings=(), task=_TASK):
    gin.clear_config()
    configuration.configure(algorithm, None, (), [*_SMALL, *bindings], settings, task)
    config = run_config.OnlineConfig(
        algorithm=algorithm,
        task=task,
        steps=steps,
        dataset_path=expert,
        root_dir=str(folder),
        tag=algorithm,
        num_envs=2,
    )
    return experiment.run(config)


def _weights(folder: pathlib.Path) -> dict[str, bytes]:
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    return {
        name: tf.train.load_variable(newest, name).tobytes()
        for name, _ in tf.train.list_variables(newest)
        if name != "save_counter/.ATTRIBUTES/VARIABLE_VALUE" and "OBJECT_GRAPH" not in name
    }


_SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "algorithm", ["GAIL", *(pytest.param(name, marks=_SLOW) for name in ("SAC", "PWIL", "DRIL"))]
)
def test_a_run_that_is_gone_on_with_ends_with_the_same_numbers(tmp_path, expert, algorithm):
    given = None if algorithm == "SAC" else expert
    whole = _run(tmp_path / "whole", algorithm, given)
    _run(tmp_path / "halves", algorithm, given, steps=200)
    halves = _run(tmp_path / "halves", algorithm, given)
    for values in (whole, halves):
        for name in ("training_time", "pre_training_time"):
            assert values.pop(name) >= 0
    assert halves == whole
    assert whole["test_steps"] == whole["train_steps"] == [200, 400]
    assert whole["update_steps"] == [150, 200, 250, 300, 350, 400]
    assert np.shape(whole["test_returns"]) == (2, 2) and np.shape(whole["Q_values"]) == (6, 2)
    assert (whole["test_returns_normalized"][0] is None) == (given is None)
    is_measured = algorithm in ("GAIL", "PWIL", "DRIL")
    folders = [tmp_path / name / algorithm for name in ("whole", "halves")]
    assert _weights(folders[0]) == _weights(folders[1])
    pictures = {path.stem for path in folders[0].glob("*.png")}
    names = "train_returns test_returns predicted_rewards sac_alpha sac_entropy Q_values"
    assert pictures == {*names.split(), *(("learned_reward", "auc") if is_measured else ())}
    assert [value is not None for value in whole["auc_agent"]] == [is_measured] * 2
    assert json.loads((folders[0] / "results.json").read_text())["train_steps"] == [200, 400]
    policy = ibc.load_policy(folders[0] / "policies" / "greedy_policy")
    policy.reset()
    assert np.abs(policy(np.zeros(3))).max() <= 2


def test_episodes_and_a_video_are_left_where_they_are_wanted(tmp_path, expert):
    wanted = ["save_trajectories=true", "render=true", "check_time_usage=true"]
    found = _run(tmp_path, "BC", expert, settings=["bc_pretraining.iterations=5", *wanted])
    assert found["test_steps"] == [] and found["pre_training_time"] > 0
    folder = tmp_path / "BC"
    frames = shard_reader.read_shard(str(folder / "trajectories" / "step_0.tfrecord")).frames
    returns = np.sum(np.reshape(frames.reward, [2, 201])[:, :200], axis=1)
    (film,) = folder.glob("videos/*/vid_0.mp4")
    assert imageio_ffmpeg.count_frames_and_secs(str(film))[0] == 201
    evaluated = _run(tmp_path / "again", "BC", expert, settings=["bc_pretraining.iterations=5"])
    np.testing.assert_allclose(evaluated["test_returns"], [returns], rtol=1e-4)


@_SLOW
@pytest.mark.parametrize(("task", "policy"), [("PARTICLE", "oracle"), (_WALK, "random")])
def test_policies_of_tasks_with_parts_and_ends_are_evaluated_by_policy_eval(tmp_path, task, policy):
    """Both observe dicts; walks end by themselves, in the absorbing state."""
    path = str(tmp_path / "expert.tfrecord")
    training.record(task, path, policy, num_episodes=3)
    settings = ["training.start=60", "evaluation.interval=100"]
    _run(tmp_path, "GAIL", path, steps=150, settings=settings, task=task)
    found = _run(tmp_path, "GAIL", path, steps=200, settings=settings, task=task)
    assert found["test_steps"] == [100, 150, 200] and len(found["update_steps"]) == 3
    exported = str(tmp_path / "GAIL" / "policies" / "greedy_policy")
    gin.clear_config()
    measured = training.record(
        task, None, None, num_episodes=2, saved_model_path=exported, first_seed=0
    )
    expected = np.mean(found["test_returns"][-1])
    assert measured.metrics["AverageReturn"] == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert task == "PARTICLE" or expected < 0


def test_a_task_that_draws_nothing_is_refused_before_anything_is_written(tmp_path, expert):
    with pytest.raises(ValueError, match="--video: Blind draws no pictures"):
        _run(
            tmp_path,
            "BC",
            expert,
            settings=["render=true"],
            task="ibc.online.experiment_test:Undrawn-v0",
        )
    assert not list(tmp_path.iterdir())


def test_cloning_ends_with_an_evaluation(tmp_path, expert):
    found = _run(tmp_path, "BC", expert, settings=["bc_pretraining.iterations=5"])
    assert found["test_steps"] == [0] and found["train_steps"] == []
    assert not tf.train.latest_checkpoint(str(tmp_path)) and found["pre_training_time"] > 0


def test_a_folder_of_another_run_is_refused(tmp_path, expert):
    _run(tmp_path, "BC", expert, settings=["bc_pretraining.iterations=2"])
    with pytest.raises(ValueError, match=r"holds a run with other parameters.*batch_size"):
        _run(tmp_path, "BC", expert, bindings=["training.batch_size = 32"])


def test_without_expert_data_the_commands_that_make_some_are_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        FileNotFoundError, match="no expert data at 'datasets/pendulum-v1/"
    ) as error:
        _run(tmp_path, "GAIL")
    for command in (
        "--algorithm=SAC --task=Pendulum-v1",
        "--saved_model_path=",
        "ibc-data convert",
    ):
        assert command in str(error.value)
    assert not list(tmp_path.iterdir())
    assert "--policy=oracle" in demonstrations._advice("PARTICLE")


@pytest.mark.parametrize(
    ("setting", "binding"),
    [
        ("imitation.trajectories=5", "imitation.trajectories = 5"),
        ("training.learning_rate=3e-4", "training.learning_rate = 0.0003"),
        ("imitation.mix_expert_data=none", "imitation.mix_expert_data = 'none'"),
        ("imitation.mix_expert_data=true", "imitation.mix_expert_data = True"),
        ("imitation.nonnegative_margin=inf", "imitation.nonnegative_margin = 'inf'"),
        ("imitation.reward_bandwidth_scale=null", "imitation.reward_bandwidth_scale = None"),
        ("steps=100", "online_train_eval.steps = 100"),
        ("dataset_path=a/b*.tfrecord", "online_train_eval.dataset_path = 'a/b*.tfrecord'"),
        ("imitation.shaping.scale=2.5", "imitation.shaping.scale = 2.5"),
    ],
)
def test_settings_under_published_names(setting, binding):
    assert configuration.as_binding(setting) == binding


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("imitation.trajectory=5", "no option imitation.trajectory. Did you mean imitation.traj"),
        ("imitation.trajectories", "has no value"),
    ],
)
def test_settings_that_are_none(setting, message):
    with pytest.raises(ValueError, match=message):
        configuration.as_binding(setting)


@pytest.mark.parametrize(
    ("algorithm", "optimised", "message"),
    [
        ("GAIL", "PWIL_5_trajectories", "is tuned for PWIL, but the algorithm is GAIL"),
        ("GIAL", None, "There is no algorithm 'GIAL'.*Did you mean GAIL"),
    ],
)
def test_algorithms_and_tuned_sets_fit(algorithm, optimised, message):
    with pytest.raises(ValueError, match=message):
        configuration.configure(algorithm, optimised)
