"""Tests of pictures of record files."""

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.inspection import picture
from ibc.data.records import shard_reader
from tests import shard_testing


def test_every_number_of_an_action_has_a_title(tmp_path):
    action = {"arm": tf.TensorSpec([2], tf.float32), "hand": tf.TensorSpec([], tf.float32)}
    spec = shard_testing.frame_spec(action_spec=action)
    shard = shard_reader.read_shard(shard_testing.write(tmp_path / "a.tfrecord", spec=spec))
    columns = picture.action_columns(shard)
    assert list(columns) == ["action/arm[0]", "action/arm[1]", "action/hand[0]"]
    np.testing.assert_array_equal(columns["action/arm[1]"], shard.frames.action["arm"][:, 1])
    np.testing.assert_array_equal(columns["action/hand[0]"], shard.frames.action["hand"])


@pytest.mark.parametrize(
    "returns",
    [[0.0, 0.0], [0.3, 0.1 + 0.2], [1e30, 1e30], [np.nan, np.nan], [-np.inf, 1.0], []],
)
def test_figures_that_hardly_differ_or_are_not_finite_can_be_drawn(tmp_path, returns):
    path = tmp_path / "a.png"
    picture.save({"return": np.array(returns), "action[0]": np.zeros(6)}, None, path)
    assert path.read_bytes().startswith(b"\x89PNG")
