import json
import pathlib

import gin
import imageio_ffmpeg
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.compat.proto import event_pb2, summary_pb2
from tf_agents.trajectories import time_step as ts

from ibc.agents import ibc_agent
from ibc.data import policy_eval
from ibc.data.recording import options as recording_options
from ibc.train import config_files, experiment, run_config
from tests import training

SMALL = (
    "train_eval.batch_size = 64",
    "train_eval.eval_episodes = 2",
    "train_eval.num_envs = 2",
    "train_eval.checkpoint_interval = 10",
    "train_eval.policy_save_interval = 10",
    "MLPEBM.width = 16",
    "IbcPolicy.num_action_samples = 32",
)


def run(folder, data, *bindings, config="mlp_ebm_quick.gin", small=SMALL, **arguments):
    """Trains on the particle task."""
    return training.run(config, [*small, *bindings], folder, dataset_path=data, **arguments)


def summaries(folder: pathlib.Path) -> list[tuple[int, summary_pb2.Summary.Value]]:
    """Reads (step, value) of a folder's event files."""
    records = [tf.data.TFRecordDataset(str(file)) for file in folder.glob("events*")]
    events = [event_pb2.Event.FromString(r.numpy()) for file in records for r in file]
    return [(event.step, value) for event in events for value in event.summary.value]


def scalar_tags(folder: pathlib.Path) -> set[str]:
    """Lists the tags of a folder's event files."""
    return {value.tag for _, value in summaries(folder)}


@pytest.fixture(scope="module")
def finished(tmp_path_factory, particle_data):
    """A run of 20 steps with everything it writes."""
    folder = tmp_path_factory.mktemp("finished")
    results = run(
        folder,
        particle_data,
        "train_eval.num_iterations = 20",
        "train_eval.eval_interval = 7",
        "train_eval.fused_train_steps = 5",
        "train_eval.eval_loss_interval = 10",
        "train_eval.dataset_eval_fraction = 0.5",
        video=True,
        viz_img=True,
    )
    return folder, results


def test_outputs_have_the_published_names(finished):
    folder, results = finished
    for name in (
        "operative-gin-config.txt",
        "train/checkpoints/checkpoint",
        "policies/policy/saved_model.pb",
        "policies/greedy_policy/saved_model.pb",
        "policies/collect_policy/saved_model.pb",
        "policies/checkpoints/policy_checkpoint_0000000010",
        "policies/checkpoints/policy_checkpoint_0000000020",
        "eval/Particle-v0/results.json",
        "eval/Particle-v0/episodes_20.png",
        "eval/Particle-v0/pictures/step_20/seed_1.png",
        "videos/ttl=7d/vid_7.mp4",
        "videos/ttl=7d/vid_20.mp4",
    ):
        assert (folder / name).exists(), name
    assert not list(folder.rglob(".*"))
    assert "MLPEBM.width = 16" in (folder / "operative-gin-config.txt").read_text()
    assert set(results) == {"PARTICLE"}


def test_evaluations_happen_off_the_fused_steps_and_at_the_end(finished):
    folder, _ = finished
    videos = sorted(int(p.stem.removeprefix("vid_")) for p in folder.glob("videos/*/*.mp4"))
    assert videos == [7, 14, 20]


def test_scalars_have_the_published_tags(finished):
    folder, _ = finished
    assert {"Losses/ebm_total_loss", "reduced_loss", "RunTime/train_steps_per_sec"} <= scalar_tags(
        folder / "train"
    )
    assert "Eval_Losses/ebm_total_loss" in scalar_tags(folder / "train")
    metrics = {"AverageReturn", "AverageEpisodeLength", "AverageSuccessMetric"}
    assert {f"Metrics/{m}" for m in metrics} <= scalar_tags(folder / "eval" / "Particle-v0")
    assert {f"AggregatedMetrics/{m}" for m in metrics} <= scalar_tags(folder / "eval")


def test_tensorboard_shows_success_and_loss_first_each_number_once_and_described(finished):
    folder, _ = finished
    shown = {}
    for run_folder in ("train", "eval", "eval/Particle-v0"):
        for step, value in summaries(folder / run_folder):
            if value.metadata.plugin_data.plugin_name == "scalars":
                assert value.metadata.summary_description, value.tag
                shown.setdefault(value.tag, {})[step] = float(tf.make_ndarray(value.tensor))
    first = dict.fromkeys(tag.partition("/")[0] for tag in sorted(shown))
    assert list(first)[:3] == ["AggregatedMetrics", "Eval_Losses", "Losses"]
    assert {tag for tag in shown if tag.startswith("Agg")} == {
        "AggregatedMetrics/AverageSuccessMetric"
    }
    assert {"Metrics/AverageReturn", "Training/learning_rate", "Training/gradients_norm"} <= {
        *shown
    }
    assert "Training/energy_true_action" in shown and "Validation/energy_true_action" in shown
    assert "reduced_loss" not in shown
    curves = [tuple(curve.items()) for tag, curve in shown.items() if any(curve.values())]
    assert len(set(curves)) == len(curves)


def test_results_are_averages_of_the_seeds_episodes(finished):
    folder, results = finished
    written = json.loads((folder / "eval/Particle-v0/results.json").read_text())
    assert written["step"] == 20
    assert [episode["seed"] for episode in written["episodes"]] == [0, 1]
    for name, average in written["averages"].items():
        np.testing.assert_allclose(average, np.mean([e[name] for e in written["episodes"]]))
    assert written["averages"] == results["PARTICLE"]


def test_energies_are_drawn_along_an_episode(tmp_path, particle_data):
    bindings = ("train_eval.num_iterations = 2", "ParticleEnv.n_steps = 3")
    run(tmp_path, particle_data, *bindings, viz_energy=True)
    pictures = tmp_path / "eval" / "Particle-v0" / "pictures" / "step_2"
    names = {path.name for path in pictures.iterdir()}
    assert names == {"energy_seed_42.mp4", "energy_seed_42.png"}
    assert "energy" in scalar_tags(tmp_path / "eval")
    # And from what was exported, in the run's environment, whose episodes have three steps.
    gin.clear_config()
    options = recording_options.EvaluationOptions(
        task="PARTICLE", saved_model_path=str(tmp_path), first_seed=3, output_path=str(tmp_path)
    )
    assert [path.name for path in policy_eval.draw_energy(options)] == [
        "energy_seed_3.png",
        "energy_seed_3.mp4",
    ]
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "energy_seed_3.mp4"))[0] == 3


def test_exported_policies_have_the_last_weights(finished):
    folder, _ = finished
    trained = {value.tobytes() for value in training.numbers(folder).values()}
    exported = tf.saved_model.load(str(folder / "policies" / "greedy_policy"))
    variables = [v.numpy() for v in exported.model_variables if v.dtype == tf.float32]
    assert len(variables) == 8 and all(v.tobytes() in trained for v in variables)
    assert int(exported.get_train_step()) == 20


def refused(folder, data, message, *bindings, **arguments):
    """Asserts that an experiment is refused in one line."""
    given = {"task": ["PARTICLE"], "root_dir": str(folder), "dataset_path": data}
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        config_files.configure(["PARTICLE"], ["mlp_ebm_quick.gin"], [*SMALL, *bindings])
        experiment.run(run_config.RunConfig(**{**given, **arguments}))
    # gin appends where a configurable was called.
    assert "\n" not in str(error.value).split("\n  In call to configurable")[0]


_COUNT = "must be a whole number of at least"


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        (
            "train_eval.loss_type = 'ebn'",
            "type is 'ebn'; choose one of autoregressive, ebm, mdn, mse",
        ),
        ("train_eval.network = 'MLPEMB'", "Did you mean 'MLPEBM'"),
        ("train_eval.batch_size = 5000", "batch_size is 5000, but .* 1020 training windows"),
        ("train_eval.eval_episodes = 0", f"eval_episodes {_COUNT} 1, got 0"),
        ("ParticleEnv.n_dim = 3", "ParticleEnv.n_dim"),
        ("train_eval.learning_rate = -1.0", "train_eval.learning_rate must be a positive"),
        ("train_eval.learning_rate = 'fast'", "learning_rate must be a number, got 'fast'"),
        ("train_eval.dataset_path = 3", "dataset_path must be a string"),
        ("train_eval.seed = -1", f"train_eval.seed {_COUNT} 0"),
        ("MLPEBM.width = 0", f"MLPEBM.width {_COUNT} 1, got 0"),
        ("ImplicitBCAgent.num_counter_examples = 0", f"num_counter_examples {_COUNT}"),
        ("IbcPolicy.num_action_samples = 0", f"num_action_samples {_COUNT} 1"),
    ],
)
def test_a_bad_binding_is_one_clear_error(tmp_path, particle_data, binding, message):
    refused(tmp_path, particle_data, message, binding)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": []}, "No task given"),
        ({"task": ["PARTIKLE"]}, "did you mean PARTICLE"),
        ({"dataset_path": 3}, "dataset_path must be a string"),
        ({"dataset_path": "/nowhere/x*.tfrecord"}, r"/nowhere/x\*.*policy_eval.py --task=PART"),
    ],
)
def test_a_bad_argument_is_one_clear_error(tmp_path, particle_data, arguments, message):
    refused(tmp_path, particle_data, message, **arguments)


def test_a_damaged_checkpoint_is_named(tmp_path, particle_data):
    no_eval = dict(skip_eval=True)
    settings = (
        "train_eval.policy_save_interval = 0",
        "train_eval.learning_rate_schedule = 'warmup'",
    )
    for steps in (1, 2):
        run(tmp_path, particle_data, *settings, f"train_eval.num_iterations = {steps}", **no_eval)
    (shard,) = tmp_path.glob("train/checkpoints/ckpt-2.data*")
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(ValueError, match=r"ckpt-2 cannot be read; .* after model_checkpoint_path"):
        run(tmp_path, particle_data, *settings, "train_eval.num_iterations = 4", **no_eval)
    # The advice, followed.
    state = tmp_path / "train" / "checkpoints" / "checkpoint"
    first, *others = state.read_text().splitlines()
    assert first == 'model_checkpoint_path: "ckpt-2"'
    state.write_text("\n".join(['model_checkpoint_path: "ckpt-1"', *others]))
    run(tmp_path, particle_data, *settings, "train_eval.num_iterations = 4", **no_eval)
    assert tf.train.latest_checkpoint(str(state.parent)).endswith("ckpt-4")


@pytest.mark.parametrize(
    "changed, message",
    [
        ("MLPEBM.depth = 4", r"\(none\) are only in the checkpoint, 2 × .* only in the network"),
        ("MLPEBM.width = 48", r"2 × \[16, 16\].* are only in the checkpoint, .*\[48, 48\]"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(tmp_path, particle_data, changed, message):
    settings = ("train_eval.learning_rate_schedule = 'warmup'", "train_eval.num_iterations = 2")
    run(tmp_path, particle_data, *settings, skip_eval=True)
    # Copied by hand, or written by another program.
    (tmp_path / "train" / "gin-bindings.txt").unlink()
    with pytest.raises(ValueError, match=message):
        run(tmp_path, particle_data, *settings, changed, skip_eval=True)
    # The start that was refused has left nothing in the way.
    run(tmp_path, particle_data, *settings, "train_eval.num_iterations = 3", skip_eval=True)


def test_a_cosine_run_cannot_be_made_longer(tmp_path, particle_data):
    run(tmp_path, particle_data, "train_eval.num_iterations = 2", skip_eval=True)
    with pytest.raises(ValueError, match="cosine_steps was 2, now 4"):
        run(tmp_path, particle_data, "train_eval.num_iterations = 4", skip_eval=True)


def test_data_without_an_environment_trains_by_its_own_specs(tmp_path, particle_data, monkeypatch):
    losses, traces = ibc_agent.ImplicitBCAgent._losses, []
    counted = lambda *args: traces.append(args) or losses(*args)  # noqa: E731
    monkeypatch.setattr(ibc_agent.ImplicitBCAgent, "_losses", counted)
    bindings = [*SMALL, "train_eval.num_iterations = 10", "train_eval.sequence_length = 2"]
    config_files.configure([], ["particle/mlp_ebm_quick.gin"], bindings)
    results = experiment.run(
        run_config.RunConfig(root_dir=str(tmp_path), dataset_path=particle_data, skip_eval=True)
    )
    assert results == {}
    # Tracing a large network takes longer than many of its steps.
    assert len(traces) == 1
    policy = tf.saved_model.load(str(tmp_path / "policies" / "greedy_policy"))
    names = ("pos_agent", "vel_agent", "pos_first_goal", "pos_second_goal")
    observation = {name: tf.zeros([1, 2, 2]) for name in names}
    time_step = ts.TimeStep(tf.constant([1]), tf.zeros([1]), tf.ones([1]), observation)
    action = policy.action(time_step).action
    assert action.shape == (1, 2) and np.isfinite(action).all()
