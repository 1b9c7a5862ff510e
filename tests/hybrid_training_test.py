"""Hybrid networks by the command line, on records of two cameras and a joint vector."""

import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

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
