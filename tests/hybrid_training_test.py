"""Hybrid networks by the command line, on records of two cameras and a joint vector."""

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.compat.proto import event_pb2
from tf_agents.specs import tensor_spec

from ibc.data import episodes
from ibc.train.run import policy_export
from tests import commands, shard_testing

_OBSERVATION = {
    "wrist_image": tf.TensorSpec([24, 28, 3], tf.uint8),
    "joint_pos": tf.TensorSpec([5], tf.float64),
    "front_image": tf.TensorSpec([20, 24, 3], tf.uint8),
}
_ACTION = tensor_spec.BoundedTensorSpec([3], tf.float32, -9.0, 9.0)
_SMALL = (
    "train_eval.batch_size = 8",
    "train_eval.num_iterations = 3",
    "HybridEncoder.trunk = 'SmallTrunk'",
    "HybridEncoder.crop_shape = (18, 22)",
    *[f"Hybrid{kind}.{size}" for kind in ("EBM", "MSE", "MDN") for size in ("width=16", "depth=2")],
    "ImplicitBCAgent.num_counter_examples = 8",
    "IbcPolicy.num_action_samples = 16",
    "IbcPolicy.use_dfo = True",
    "IbcPolicy.use_langevin = False",
)


@pytest.fixture(scope="module", name="data")
def _data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "robot.tfrecord"
    return shard_testing.write(path, (9, 8), shard_testing.frame_spec(_OBSERVATION, _ACTION))


def _train(folder, data, *bindings):
    bindings = (
        f"train_eval.dataset_path = '{data}'",
        f"train_eval.root_dir = '{folder}'",
        *bindings,
    )
    return commands.in_process(
        "train_eval", ["--skip_eval", *(f"--gin_bindings={each}" for each in (*_SMALL, *bindings))]
    )


@pytest.mark.parametrize(
    "loss_type", ["ebm", *(pytest.param(name, marks=pytest.mark.slow) for name in ("mse", "mdn"))]
)
def test_cameras_and_joints_are_trained_on_and_exported(loss_type, data, tmp_path):
    network = f"Hybrid{loss_type.upper()}"
    done = _train(
        tmp_path,
        data,
        f"train_eval.loss_type = '{loss_type}'",
        f"train_eval.network = '{network}'",
        "train_eval.policy_save_interval = 3",
    )
    assert (done.status, done.errors) == (0, [])
    policy = tf.saved_model.load(str(tmp_path / "policies" / "greedy_policy"))
    act = policy.signatures["action"]
    specs = act.structured_input_signature[1]
    assert specs["arg_0_observation_front_image"].shape.as_list() == [None, 2, 20, 24, 3]
    random = np.random.RandomState(0)
    inputs = {
        name: tf.constant(255 * random.rand(2, *spec.shape[1:]), spec.dtype)
        for name, spec in specs.items()
    }
    actions = act(**inputs)["action"].numpy()
    assert actions.shape == (2, 3) and np.isfinite(actions).all()


def _dots(path):
    """Records one-step episodes: a picture with a white square, and where its centre is."""

    def recorded():
        random = np.random.RandomState(0)
        for row, column in random.randint(2, 22, (400, 2)):
            picture = np.zeros([24, 24, 3], np.uint8)
            picture[row - 2 : row + 3, column - 2 : column + 3] = 255
            observation = {"image": picture[np.newaxis], "still": np.ones([1, 1])}
            yield episodes.Episode(observation, np.array([[row, column]]) / 24)

    return episodes.write_episodes(path, recorded())


def _scalars(folder, tag):
    """Values of a scalar in the order of the steps."""
    files = [tf.data.TFRecordDataset(str(file)) for file in folder.rglob("events*")]
    events = [event_pb2.Event.FromString(record.numpy()) for file in files for record in file]
    events.sort(key=lambda event: event.step)
    values = [value for event in events for value in event.summary.value if tag in value.tag]
    return [float(tf.make_ndarray(value.tensor)) for value in values]


@pytest.mark.slow
def test_where_a_square_is_in_pictures_is_learned(tmp_path):
    done = _train(
        tmp_path / "run",
        _dots(tmp_path / "dots.tfrecord"),
        "train_eval.network = 'HybridEBM'",
        "train_eval.sequence_length = 1",
        "train_eval.batch_size = 64",
        "train_eval.num_iterations = 400",
        "train_eval.fused_train_steps = 50",
        "train_eval.train_action_mse_interval = 400",
        "HybridEncoder.crop_shape = (24, 24)",
        "HybridEBM.width = 64",
        "HybridEBM.rate = 0.0",
        "ImplicitBCAgent.num_counter_examples = 32",
        "ImplicitBCAgent.fraction_langevin_samples = 0.0",
        "ImplicitBCAgent.add_grad_penalty = False",
        "IbcPolicy.num_action_samples = 256",
    )
    assert (done.status, done.errors) == (0, [])
    losses = _scalars(tmp_path / "run", "reduced_loss")
    # Chance is log(33); places are uniform, so always answering the mean is off by 0.23².
    assert losses[-1] < min(losses[0], 0.5 * np.log(33))
    assert _scalars(tmp_path / "run", "train_action_mse_error")[-1] < 0.1 * 0.23**2


def _numbers(folder):
    """Every number of the newest checkpoint but how often one was saved."""
    newest = tf.train.latest_checkpoint(str(folder / "train" / "checkpoints"))
    names = [name for name, _ in tf.train.list_variables(newest) if "save_counter" not in name]
    values = {name: np.asarray(tf.train.load_variable(newest, name)) for name in names}
    return {name: value for name, value in values.items() if value.dtype.kind in "fiu"}


def test_a_resumed_run_repeats_crops_and_masks(data, tmp_path, monkeypatch):
    monkeypatch.setattr(policy_export.PolicyExporter, "save_models", lambda self: None)
    network = "train_eval.network = 'HybridEBM'"
    for folder, steps in (("whole", 4), ("halves", 2), ("halves", 4)):
        done = _train(tmp_path / folder, data, network, f"train_eval.num_iterations = {steps}")
        assert (done.status, done.errors) == (0, [])
    whole, halves = _numbers(tmp_path / "whole"), _numbers(tmp_path / "halves")
    assert whole.keys() == halves.keys() and len(whole) > 20
    for name, values in whole.items():
        np.testing.assert_array_equal(halves[name], values, err_msg=name)


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        (
            "HybridEncoder.crop_shape = (24, 24)",
            "crop_shape is 24×24 pixels, but the images of 'front_image' have 20×24",
        ),
        (
            "HybridEncoder.keys = ('front_image', 'side_image')",
            "HybridEncoder.keys looks at 'side_image', but the observation has ",
        ),
        ("HybridEncoder.keys = ('joint_pos',)", "A hybrid network needs an image"),
        ("HybridEncoder.trunk = 'Tiny'", "trunk must be one of ['ResNet18', 'SmallTrunk']"),
        ("HybridEBM.width = 0", "HybridEBM.width must be a whole number of at least 1, got 0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(binding, message, data, tmp_path):
    done = _train(tmp_path, data, "train_eval.network = 'HybridEBM'", binding)
    (line,) = done.errors
    assert done.status == 1 and message in line


def test_images_of_different_sizes_are_named(data, tmp_path):
    other = {**_OBSERVATION, "front_image": tf.TensorSpec([22, 24, 3], tf.uint8)}
    path = shard_testing.write(
        tmp_path / "other.tfrecord", (4,), shard_testing.frame_spec(other, _ACTION)
    )
    done = _train(tmp_path / "run", f"{data},{path}", "train_eval.network = 'HybridEBM'")
    (line,) = done.errors
    assert done.status == 1
    assert "observation/front_image is uint8[22, 24, 3], not uint8[20, 24, 3]" in line
