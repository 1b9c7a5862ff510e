import logging

import numpy as np
import pytest
import tensorflow as tf

from ibc.train.build import training_data
from tests import shard_testing

_SPECS = {"TASK": (shard_testing.OBSERVATION_SPEC, shard_testing.ACTION_SPEC)}


@pytest.fixture
def path(tmp_path):
    for i in range(4):
        shard_testing.write(tmp_path / f"{i}.tfrecord", (5, 3), seed=i)
    return f"{tmp_path}/*.tfrecord"


def test_batches_are_normalized_float32(path):
    data = training_data.get_data(path, 2, _SPECS)
    (observation, action), info = next(iter(data.train.as_tf_dataset(8, seed=0)))
    assert info == ()
    assert {key: tuple(values.shape) for key, values in observation.items()} == {
        "position": (8, 2, 2), "angle": (8, 2, 1), "count": (8, 2, 1)
    }  # fmt: skip
    assert all(values.dtype == tf.float32 for values in [*observation.values(), action])
    assert data.validation is None and data.train.num_windows == 40


def test_validation_is_normalized_by_training_statistics(path):
    data = training_data.get_data(path, 2, _SPECS, dataset_eval_fraction=0.5)
    assert (data.train.num_windows, data.validation.num_windows) == (20, 20)
    (_, found), _ = data.validation.take(np.arange(20))
    stored = data.validation.frames.action.numpy()[data.validation.window_frames[:, -1]]
    np.testing.assert_allclose(found, data.normalizers.act_norm_layer(stored), rtol=1e-6)
    training = data.train.frames.action.numpy()
    np.testing.assert_array_equal(data.normalizers.min_actions, training.min(axis=0))


def test_a_fraction_of_less_than_a_file_is_said(path, caplog):
    with caplog.at_level(logging.WARNING, logger="absl"):
        data = training_data.get_data(path, 2, _SPECS, dataset_eval_fraction=0.1)
    assert data.validation is None
    assert "no validation data" in caplog.text


def test_the_wrong_environment_is_refused(path):
    other = {"OTHER": (shard_testing.OBSERVATION_SPEC, tf.TensorSpec([3]))}
    with pytest.raises(ValueError, match=r"task OTHER: .*action is float32\[2\], not float32\[3\]"):
        training_data.get_data(path, 2, _SPECS | other)


def test_missing_data_names_the_command(tmp_path):
    with pytest.raises(FileNotFoundError, match="To record one: make it"):
        training_data.get_data(f"{tmp_path}/*.tfrecord", 2, _SPECS, make_command="make it")
