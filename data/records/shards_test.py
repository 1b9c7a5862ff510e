import pytest
import tensorflow as tf

from ibc.data.records import shards
from tests import shard_testing


@pytest.fixture
def folder(tmp_path):
    """Three shards with their companions, and what a writer leaves while it works."""
    for name in ("b_0", "b_1", "a_0"):
        shard_testing.write(tmp_path / f"{name}.tfrecord", (2,))
    (tmp_path / ".b_2.tfrecord.tmp-17").touch()
    (tmp_path / "folder.tfrecord").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("pattern", "most", "names"),
    [
        ("{0}/*", -1, "a_0 b_0 b_1"),
        ("{0}/b*.tfrecord, {0}/*_0.tfrecord", -1, "b_0 b_1 a_0"),
        ("{0}/*.tfrecord", 2, "a_0 b_0"),
        ("{0}/*.tfrecord", 9, "a_0 b_0 b_1"),
    ],
)
def test_globs_find_record_files_alone_sorted_and_each_once(folder, pattern, most, names):
    found = shards.find_shards(pattern.format(folder), most)
    assert found == [f"{folder}/{name}.tfrecord" for name in names.split()]


def test_shards_come_in_the_order_of_their_names(folder):
    paths = shards.find_shards(f"{folder}/*")
    assert [shard.path for shard in shards.read_shards(paths)] == paths
    with pytest.raises(ValueError, match="max_data_shards is 0"):
        shards.find_shards(f"{folder}/*", 0)


@pytest.mark.parametrize(
    ("pattern", "mentions"),
    [
        ("c*.tfrecord", "holds a_0.tfrecord"),
        ("none/*.tfrecord", "there is no folder"),
        ("folder.tfrecord", "it is a folder"),
        ("folder.tfrecord/*", "holds nothing"),
    ],
)
def test_nothing_found_says_what_is_there_and_how_to_make_data(folder, pattern, mentions):
    path = f"{folder}/{pattern}"
    with pytest.raises(FileNotFoundError) as caught:
        shards.find_shards(f"{folder}/a_0.tfrecord,{path}")
    message = str(caught.value)
    assert path in message and mentions in message and "\n" not in message
    assert "python data/policy_eval.py" in message and "--dataset_path=" in message
    with pytest.raises(FileNotFoundError, match="run this"):
        shards.find_shards(path, make_command="run this")


@pytest.mark.parametrize(
    ("fraction", "num_validation"), [(0.0, 0), (0.1, 0), (0.34, 1), (0.5, 1), (0.99, 2)]
)
def test_validation_shards_come_from_the_end(fraction, num_validation):
    training, validation = shards.split_shards(["a", "b", "c"], fraction)
    assert training + validation == ["a", "b", "c"]
    assert len(validation) == num_validation


@pytest.mark.parametrize("fraction", [-0.1, 1.0])
def test_fractions_outside_the_interval_are_refused(fraction):
    with pytest.raises(ValueError, match="dataset_eval_fraction"):
        shards.split_shards(["a"], fraction)


def test_a_shard_unlike_the_first_is_named(folder):
    observation_spec = {"position": tf.TensorSpec([3]), "other": tf.TensorSpec([1])}
    odd = shard_testing.write(
        folder / "z.tfrecord", (2,), shard_testing.frame_spec(observation_spec)
    )
    first = str(folder / "a_0.tfrecord")
    with pytest.raises(ValueError) as caught:
        shards.read_shards([first, odd])
    message = str(caught.value)
    assert message.startswith(f"{odd} is unlike {first}") and "\n" not in message
    for key in ("observation/position", "observation/other", "observation/count"):
        assert key in message
