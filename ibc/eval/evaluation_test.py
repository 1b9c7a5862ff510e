import functools
import io
import json
import types

import numpy as np
import PIL.Image
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.util import tensor_util

from ibc.environments import video
from ibc.eval import evaluation, measured_environment, rollouts
from ibc.utils import termination


def rest(time_steps, seeds, wave=0):
    """Stays where the agent is."""
    return np.asarray(time_steps.observation["pos_agent"][:, -1], np.float32)


def make(folder, step=5, act=rest, video=False, num_episodes=2, num_envs=1, **options):
    load = functools.partial(measured_environment.load, sequence_length=2)
    step = tf.Variable(step, dtype=tf.int64)
    return evaluation.Evaluation(
        ["PARTICLE"], load, act, step, folder, num_episodes, num_envs, video, False, **options
    )


def test_an_evaluation_is_done_once_all_its_files_are_there(tmp_path):
    evaluator = make(tmp_path)
    assert not evaluator.is_done()
    evaluator.run()
    assert evaluator.is_done() and make(tmp_path).is_done()
    assert not make(tmp_path, video=True).is_done() and not make(tmp_path, step=6).is_done()
    results = json.loads((tmp_path / "eval/Particle-v0/results.json").read_text())
    assert results["step"] == 5


def test_an_evaluation_that_was_broken_off_is_not_done(tmp_path):
    calls = []

    def act(time_steps, seeds, wave):
        calls.append(seeds)
        if len(calls) == 70:  # in the second episode
            raise termination.Terminated
        return rest(time_steps, seeds)

    evaluator = make(tmp_path, act=act)
    with pytest.raises(termination.Terminated):
        evaluator.run()
    assert not evaluator.is_done()
    assert not list(tmp_path.rglob("results.json"))


def test_dashboards_show_the_first_failure_and_the_energy(tmp_path, monkeypatch):
    recorded = []

    def record(environment, act, seed, width, path):
        recorded.append(seed)
        video.write(np.zeros((90, 32, 64, 3), np.uint8), path, fps=10)

    def draw_energy(folder):
        assert folder == tmp_path / "eval" / "Particle-v0" / "pictures" / "step_5"
        folder.mkdir(parents=True)
        (folder / "energy.png").write_bytes(tf.io.encode_png(np.zeros((8, 6, 3), np.uint8)).numpy())
        return folder / "energy.png"

    monkeypatch.setattr(rollouts, "record_episode", record)
    evaluator = make(tmp_path, video=True, draw_energy=draw_energy)
    evaluator.run()
    # Nobody who rests succeeds; the task's own choice would have been 42.
    assert recorded == [0]
    accumulator = event_accumulator.EventAccumulator(str(tmp_path / "eval"))
    accumulator.Reload()
    shown = {}
    for tag in ("energy", "episode"):
        assert accumulator.SummaryMetadata(tag).plugin_data.plugin_name == "images"
        proto = accumulator.Tensors(tag)[0].tensor_proto
        shown[tag] = tensor_util.make_ndarray(proto)
    assert list(shown["energy"][:2]) == [b"6", b"8"]
    assert shown["energy"][2].startswith(b"\x89PNG")
    with PIL.Image.open(io.BytesIO(shown["episode"][2])) as gif:
        assert gif.format == "GIF" and gif.size == (64, 32)


def test_plans_are_drawn_where_a_task_shows_them(tmp_path):
    pytest.importorskip("gym_pusht")
    drawn = []

    def evaluate(task, draw_plans):
        load = functools.partial(measured_environment.load, sequence_length=2)
        step = tf.Variable(5, dtype=tf.int64)
        arguments = rest, step, tmp_path / task, 1, 1, False, True, ()
        return evaluation.Evaluation([task], load, *arguments, draw_plans)

    evaluator = evaluate("PUSHT", lambda *arguments: drawn.append(arguments))
    (actor,) = evaluator._actors
    actor.draw_plans(tmp_path)
    ((environment, seed, folder),) = drawn
    assert (seed, folder) == (0, tmp_path) and actor.draw_episodes is None
    assert environment.time_step_spec().observation["agent_pos"].shape == (2, 2)
    with pytest.raises(ValueError, match="PUSHT has pictures of chunks of actions alone: set"):
        evaluate("PUSHT", None)
    (actor,) = evaluate("PARTICLE", print)._actors
    assert actor.draw_plans is None and actor.draw_episodes is not None


def test_results_are_the_same_for_any_number_of_environments(tmp_path):
    def results(num_envs):
        folder = tmp_path / str(num_envs)
        make(folder, num_episodes=7, num_envs=num_envs).run()
        return (folder / "eval/Particle-v0/results.json").read_text()

    alone = results(1)
    assert [episode["seed"] for episode in json.loads(alone)["episodes"]] == list(range(7))
    for num_envs in (2, 3, 5, 20):
        assert results(num_envs) == alone


def test_the_policy_sees_one_batch_size_in_waves_and_videos(tmp_path):
    widths = set()

    def act(time_steps, seeds, wave=0):
        widths.add((len(seeds), *time_steps.observation["pos_agent"].shape))
        return rest(time_steps, seeds)

    make(tmp_path, act=act, video=True, num_episodes=8, num_envs=7).run()
    assert len(widths) == 1


def test_the_first_failed_episode_is_the_one_that_does_not_tell_success():
    def outcome(seed, **metrics):
        return types.SimpleNamespace(seed=seed, metrics=metrics)

    told, quiet = outcome(0, AverageSuccessMetric=1.0), outcome(1, AverageReturn=3.0)
    assert evaluation._first_failed([told, quiet]) == 1
    assert evaluation._first_failed([told, outcome(2, AverageSuccessMetric=0.0), quiet]) == 2
    # Where no episode tells, success is not what the task is about.
    assert evaluation._first_failed([quiet]) is None
