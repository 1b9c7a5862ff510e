"""Errors of inferred actions, in the environment's units, whatever the data is normalized to."""

import numpy as np
import tensorflow as tf
from tf_agents.trajectories import time_step as ts

from ibc.agents import mse_agent
from ibc.data.records import shard_reader
from ibc.data.windows import dataset as dataset_lib
from ibc.samplers import action_space
from ibc.train.loop import action_error
from tests import shard_testing


class LastFrame(tf.keras.layers.Layer):
    """Acts by twice the first numbers of the last frame."""

    def __call__(self, observation, step_type=None):
        return 2 * observation[:, -1, :2], ()


def test_the_error_is_that_of_the_first_windows_in_units(tmp_path):
    spec = shard_testing.frame_spec(tf.TensorSpec([3]), tf.TensorSpec([2], tf.float32))
    shard = shard_reader.read_shard(shard_testing.write(tmp_path / "a", (150, 60), spec))
    stored = dataset_lib.WindowDataset([shard], 2)
    normalized = stored.normalized(lambda values: values / 7, lambda action: action * 5)
    space = action_space.ActionSpace(tf.TensorSpec([2]), tf.fill([2], -9e9), tf.fill([2], 9e9))
    time_step_spec = ts.time_step_spec(tf.TensorSpec([2, 3], tf.float32))
    policy = mse_agent.MsePolicy(time_step_spec, space, LastFrame())
    numbers = np.random.RandomState(0).permutation(stored.num_windows)[:200]
    (observation, action), _ = stored.take(numbers[:128])
    step = tf.Variable(7, dtype=tf.int64)
    writer = tf.summary.create_file_writer(str(tmp_path / "summaries"))
    for windows in (stored, normalized.as_stored()):
        error = action_error.ActionError(policy, windows, numbers, 0, writer, step)()
        expected = np.mean((2 * observation[:, -1, :2] - action) ** 2)
        np.testing.assert_allclose(error, expected, rtol=1e-5)
    assert list((tmp_path / "summaries").glob("events*"))
