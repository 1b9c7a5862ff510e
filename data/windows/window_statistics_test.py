import numpy as np
import pytest

from ibc.data.records import shard_reader
from ibc.data.records import shards as record_files
from ibc.data.windows import dataset as dataset_lib
from ibc.data.windows import window_statistics
from tests import shard_testing


@pytest.mark.parametrize("seed", range(5))
def test_moments_are_those_of_repeated_rows(seed):
    random = np.random.RandomState(seed)
    values = random.normal(size=(50, 2, 3)).astype(np.float32)
    weights = random.randint(0, 4, size=50)
    repeated = np.repeat(values.astype(np.float64), weights, axis=0)
    moments = window_statistics.weighted_moments(values, weights)
    np.testing.assert_allclose(moments.mean, repeated.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(moments.std, repeated.std(axis=0), rtol=1e-12)
    np.testing.assert_array_equal(moments.minimum, repeated.min(axis=0))
    np.testing.assert_array_equal(moments.maximum, repeated.max(axis=0))
    assert moments.minimum.dtype == np.float32


def test_large_offsets_do_not_cancel_and_equal_values_have_exactly_no_spread():
    values = (1e6 + np.array([[-0.25], [0.25]])).astype(np.float32)
    moments = window_statistics.weighted_moments(np.tile(values, (1000, 1)), np.ones(2000, int))
    assert moments.std[0] == pytest.approx(0.25, rel=1e-9)
    values = np.full((1001, 1), 0.1, np.float32)
    moments = window_statistics.weighted_moments(values, np.ones(1001, int))
    assert moments.mean[0] == np.float32(0.1) and moments.std[0] == 0


def test_rows_of_no_weight_take_no_part():
    values = np.array([[9.0], [1.0], [2.0]])
    moments = window_statistics.weighted_moments(values, np.array([0, 1, 5]))
    assert (moments.minimum[0], moments.maximum[0]) == (1, 2)
    with pytest.raises(ValueError, match="at least one value"):
        window_statistics.weighted_moments(values, np.zeros(3, int))


@pytest.fixture
def shards(tmp_path):
    lengths = [(5, 2, 1 + number) for number in range(3)]
    return record_files.read_shards(shard_testing.write_several(tmp_path, lengths))


@pytest.mark.parametrize("sequence_length", [1, 2, 4])
def test_statistics_are_those_of_all_samples(shards, sequence_length):
    dataset = dataset_lib.WindowDataset(shards, sequence_length)
    (observation, action), _ = dataset.take(np.arange(dataset.num_windows))
    for name, moments in window_statistics.observation_moments(dataset).items():
        values = observation[name].reshape(-1, observation[name].shape[-1]).astype(np.float64)
        np.testing.assert_allclose(moments.mean, values.mean(axis=0), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(moments.std, values.std(axis=0), rtol=1e-9)
    moments = window_statistics.action_moments(dataset)
    np.testing.assert_allclose(moments.mean, action.mean(axis=0, dtype=np.float64), rtol=1e-9)
    np.testing.assert_array_equal(moments.minimum, action.min(axis=0))
    np.testing.assert_array_equal(moments.maximum, action.max(axis=0))


def test_images_are_measured_per_channel_in_units_of_one(tmp_path):
    path = shard_testing.write(tmp_path / "a", (3, 2), shard_testing.IMAGES)
    dataset = dataset_lib.WindowDataset([shard_reader.read_shard(path)], 2)
    (observation, _), _ = dataset.take(np.arange(dataset.num_windows))
    pixels = observation["rgb"].reshape(-1, 3).astype(np.float64) / 255
    moments = window_statistics.observation_moments(dataset)["rgb"]
    np.testing.assert_allclose(moments.mean, pixels.mean(axis=0), rtol=1e-9)
    np.testing.assert_allclose(moments.std, pixels.std(axis=0), rtol=1e-9)
    np.testing.assert_array_equal(moments.maximum, pixels.max(axis=0))
