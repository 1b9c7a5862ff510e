import logging

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.windows import dataset, episode_split
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


@pytest.mark.parametrize("memory_limit_mb", [None, 0.002])
def test_single_actions_keep_episodes_for_validation(path, memory_limit_mb):
    split = episode_split.EpisodeSplit(0.25)
    data = training_data.get_data(path, 2, _SPECS, memory_limit_mb=memory_limit_mb, split=split)
    assert data.train.is_streamed == (memory_limit_mb is not None)
    whole = training_data.get_data(path, 2, _SPECS)
    episode = np.cumsum(np.asarray(whole.train.frames.step_type) == 0) - 1
    # Four files of 5 and 3 steps, each with one more frame after its end.
    assert episode[-1] == 7
    _, held_out = split.divided(8)
    seen = [set(episode[part.window_frames].ravel()) for part in (data.train, data.validation)]
    assert seen == [set(np.flatnonzero(~held_out)), set(np.flatnonzero(held_out))]
    assert data.train.num_windows + data.validation.num_windows <= whole.train.num_windows
    action = whole.train.frames.action.numpy()
    of_training = action[data.train.window_frames[:, -1]]
    np.testing.assert_array_equal(data.normalizers.min_actions, of_training.min(axis=0))
    if memory_limit_mb is None:
        # What both have is held once.
        windows = sum(part.window_frames.nbytes for part in (data.train, data.validation))
        expected = whole.train.held_bytes - whole.train.window_frames.nbytes + windows
        assert dataset.held_bytes(data.train, data.validation) == expected
    order = data.train.windows_at(0, data.train.num_windows, 0, shuffle=False).numpy()
    assert sorted(order) == list(range(data.train.num_windows))


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
