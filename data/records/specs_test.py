import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import array_spec

from ibc.data.records import specs
from tests import shard_testing

_IMAGE = tf.TensorSpec([4, 4, 3], tf.uint8)


@pytest.mark.parametrize(
    ("found", "expected", "phrases"),
    [
        (shard_testing.frame_spec(), shard_testing.frame_spec(), []),
        (tf.TensorSpec([3]), tf.TensorSpec([3]), []),
        (tf.TensorSpec([3]), tf.TensorSpec([2]), ["it is float32[3], not float32[2]"]),
        # Numbers of any type are alike, but not images.
        (tf.TensorSpec([3], tf.float64), tf.TensorSpec([3], tf.float32), []),
        (_IMAGE, tf.TensorSpec([4, 4, 3]), ["it is uint8[4, 4, 3], not float32[4, 4, 3]"]),
        # Environments describe images by array specs.
        (_IMAGE, array_spec.BoundedArraySpec([4, 4, 3], np.uint8, 0, 255), []),
        (
            {"rgb": _IMAGE},
            {"rgb": array_spec.ArraySpec([2, 4, 3], np.uint8)},
            ["it/rgb is uint8[4, 4, 3], not uint8[2, 4, 3]"],
        ),
    ],
)
def test_differences(found, expected, phrases):
    assert specs.differences(found, expected, "it") == phrases


def test_the_environment_check_names_every_difference():
    spec = shard_testing.frame_spec({"a": tf.TensorSpec([2], tf.float32), "b": tf.TensorSpec([1])})
    expected = {"a": tf.TensorSpec([4], tf.float32), "c": tf.TensorSpec([1], tf.float32)}
    with pytest.raises(ValueError) as caught:
        specs.check_matches(spec, expected, tf.TensorSpec([4]), "PARTICLE", "/data/*.tfrecord")
    message = str(caught.value)
    assert "\n" not in message
    for part in (
        "/data/*.tfrecord",
        "PARTICLE",
        "observation/a is float32[2], not float32[4]",
        "observation/b float32[1] is not expected",
        "observation/c float32[1] is missing",
        "action is float32[2], not float32[4]",
        "n_dim",
    ):
        assert part in message


def test_a_nest_against_a_single_tensor_is_a_difference_not_a_crash():
    spec = shard_testing.frame_spec(tf.TensorSpec([39], tf.float32))
    with pytest.raises(ValueError, match="observation"):
        specs.check_matches(spec, {"a": tf.TensorSpec([39])}, shard_testing.ACTION_SPEC, "X", "y")


def test_the_right_environment_passes():
    spec = shard_testing.frame_spec()
    specs.check_matches(spec, shard_testing.OBSERVATION_SPEC, shard_testing.ACTION_SPEC, "X", "y")


def test_stored_dicts_come_back_in_the_order_of_their_keys(tmp_path):
    """Also in other processes, whose hashes differ: networks go by it."""
    spec = shard_testing.frame_spec({key: tf.TensorSpec([1]) for key in "gcafbed"})
    path = shard_testing.write(tmp_path / "keys.tfrecord", (2,), spec)
    assert list(specs.load_stored_spec(path).observation) == list("abcdefg")
