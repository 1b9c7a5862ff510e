import itertools
import time

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import shard_reader
from ibc.data.records import shards as record_files
from ibc.data.windows import dataset as dataset_lib
from ibc.data.windows import windows
from tests import shard_testing


def _shards(folder, *episode_lengths, spec=None):
    return record_files.read_shards(shard_testing.write_several(folder, episode_lengths, spec))


@pytest.fixture
def dataset(tmp_path):
    """37 windows of two frames from three shards."""
    return dataset_lib.WindowDataset(_shards(tmp_path, (5, 6), (3, 4), (7, 6)), 2)


def _numpy(batches, count):
    return list(itertools.islice(batches.as_numpy_iterator(), count))


def _identify(dataset, batch):
    """The numbers of the windows in a batch, by their (unique) action and first observation."""
    (observation, action), _ = dataset.take(np.arange(dataset.num_windows))
    keys = np.concatenate([observation["position"][:, 0], action], axis=-1)
    (observation, action), _ = batch
    found = np.concatenate([observation["position"][:, 0], action], axis=-1)
    return [int(np.flatnonzero((keys == key).all(axis=-1))[0]) for key in found]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_windows_are_the_published_ones_in_their_order(golden, length):
    expected = np.load(golden("num/dataset_windows.npz"))
    shard = shard_reader.read_shard(str(golden("num/data/windows/two_episodes.tfrecord")))
    dataset = dataset_lib.WindowDataset([shard], length)
    order = np.resize(windows.interleaved_order([dataset.num_windows]), 20)
    (observation, action), _ = dataset.take(order)
    for key in "ab":
        np.testing.assert_array_equal(observation[key], expected[f"seq{length}_obs_{key}"])
    np.testing.assert_array_equal(action, expected[f"seq{length}_action"][:, -1])
    frames = dataset.window_frames[order]
    for name in ("step_type", "next_step_type", "reward", "discount"):
        values = getattr(dataset.frames, name).numpy()[frames]
        np.testing.assert_array_equal(values, expected[f"seq{length}_{name}"])


def test_published_images_are_decoded_in_windows(golden):
    path = str(golden("data/push_rgb/oracle_push_rgb_0.tfrecord"))
    dataset = dataset_lib.WindowDataset([shard_reader.read_shard(path)], 2)
    (observation, action), _ = dataset.take([0, 5, 105])
    assert observation["rgb"].shape == (3, 2, 240, 320, 3) and observation["rgb"].dtype == np.uint8
    assert observation["block_translation"].shape == (3, 2, 2) and action.shape == (3, 2)
    raw = dataset.frames.observation["rgb"].numpy()
    assert raw.shape == (dataset.num_windows,) == (106,)
    for row, frames in enumerate(dataset.window_frames[[0, 5, 105]]):
        for slot, frame in enumerate(frames):
            image = tf.io.decode_jpeg(raw[frame]).numpy()
            np.testing.assert_array_equal(observation["rgb"][row, slot], image)


def test_published_d4rl_shard_gives_flat_observations(golden):
    path = str(golden("data/door-human-v0/door-human-v0_0.tfrecord"))
    dataset = dataset_lib.WindowDataset([shard_reader.read_shard(path)], 1)
    (observation, action), info = dataset.take(np.arange(8))
    assert observation.shape == (8, 1, 39) and action.shape == (8, 28) and info == ()
    assert dataset.frames.observation.shape == [1700, 39]
    assert dataset.frames.action.shape == [1700, 28]


def test_samples_are_the_stored_frames(dataset, tmp_path):
    shards = _shards(tmp_path, (5, 6), (3, 4), (7, 6))
    (observation, action), _ = dataset.take([14])
    # The second window of the second shard.
    stored = shards[1].frames
    for key, values in observation.items():
        assert values.dtype == np.float32
        expected = stored.observation[key][1:3].astype(np.float32)
        np.testing.assert_array_equal(values[0], expected)
    np.testing.assert_array_equal(action[0], stored.action[2])


def test_nested_actions_become_one_vector_in_nest_order(tmp_path):
    action_spec = {"b": tf.TensorSpec([2, 2], tf.float64), "a": tf.TensorSpec([], tf.float32)}
    spec = shard_testing.frame_spec(action_spec=action_spec)
    shards = _shards(tmp_path, (4,), spec=spec)
    (_, flat), _ = dataset_lib.WindowDataset(shards, 2).take([1])
    (_, nested), _ = dataset_lib.WindowDataset(shards, 2, flatten_action=False).take([1])
    stored = shards[0].frames.action
    expected = np.concatenate([[stored["a"][2]], stored["b"][2].ravel()]).astype(np.float32)
    assert flat.dtype == np.float32 and flat.shape == (1, 5)
    np.testing.assert_array_equal(flat[0], expected)
    np.testing.assert_array_equal(nested["b"][0], stored["b"][2].astype(np.float32))


def test_every_epoch_contains_every_window_once(dataset):
    batches = _numpy(dataset.as_tf_dataset(1, seed=3), 2 * dataset.num_windows)
    seen = [_identify(dataset, batch)[0] for batch in batches]
    first, second = np.split(np.array(seen), 2)
    for epoch in (first, second):
        np.testing.assert_array_equal(np.sort(epoch), np.arange(dataset.num_windows))
    assert (first != second).any()


def test_the_remainder_of_an_epoch_is_dropped(dataset):
    batches = _numpy(dataset.as_tf_dataset(10, seed=0), 3)
    seen = np.concatenate([_identify(dataset, batch) for batch in batches])
    assert len(np.unique(seen)) == 30


def test_a_batch_is_a_function_of_seed_and_step(dataset):
    batches = _numpy(dataset.as_tf_dataset(10, seed=5), 6)
    batch = tf.nest.map_structure(np.asarray, dataset.batch_at(tf.constant(4, tf.int64), 10, 5))
    shard_testing.assert_equal(batch, batches[4])
    np.testing.assert_array_equal(dataset.windows_at(4, 10, 5), _identify(dataset, batch))
    other = _numpy(dataset.as_tf_dataset(10, seed=6), 1)[0]
    assert (other[0][1] != batches[0][0][1]).any()


@pytest.mark.parametrize("shares", [range(0, 4), range(2, 4)])
def test_shares_of_a_batch_are_its_parts_in_their_order(dataset, shares):
    # 37 windows are 4 batches of 8, so the steps go into a second epoch.
    whole = _numpy(dataset.as_tf_dataset(8, seed=5, start_step=2), 4)
    parts = _numpy(
        dataset.as_tf_dataset(8, seed=5, start_step=2, shares=shares, num_shares=4),
        4 * len(shares),
    )
    for number, part in enumerate(parts):
        step, share = divmod(number, len(shares))
        rows = slice(2 * shares[share], 2 * shares[share] + 2)
        shard_testing.assert_equal(
            part, tf.nest.map_structure(lambda leaf, r=rows: leaf[r], whole[step])
        )


def test_shuffling_leaves_no_trace_of_order_epoch_or_seed(tmp_path):
    """Ranks of 2,000 windows in several epochs and seeds are uncorrelated within 5 sigma."""
    dataset = dataset_lib.WindowDataset(_shards(tmp_path, (1999,)), 1)
    count = dataset.num_windows
    columns = [np.arange(count)]
    for seed, epoch in itertools.product((0, 1), (0, 1, 2)):
        step = tf.constant(epoch, tf.int64)
        (_, action), _ = dataset.batch_at(step, count, seed)
        rank = {value: i for i, value in enumerate(dataset.frames.action.numpy()[:, 0].tolist())}
        columns.append(np.array([rank[value] for value in action.numpy()[:, 0].tolist()]))
    correlation = np.corrcoef(columns) - np.eye(len(columns))
    assert np.abs(correlation).max() < 5 / np.sqrt(count)


def test_without_shuffling_batches_follow_the_deterministic_order(dataset):
    order = np.resize(windows.interleaved_order([13, 9, 15]), 50)
    for i, batch in enumerate(_numpy(dataset.as_tf_dataset(10, shuffle=False), 5)):
        shard_testing.assert_equal(batch, dataset.take(order[10 * i : 10 * i + 10]))


def test_shapes_are_static(dataset):
    (observation, action), info = dataset.as_tf_dataset(10).element_spec
    assert observation["position"].shape == [10, 2, 2] and action.shape == [10, 2] and info == ()


def test_batches_that_are_too_large_or_cannot_be_shared_are_refused(dataset):
    dataset.as_tf_dataset(dataset.num_windows)
    with pytest.raises(ValueError, match=r"batch_size is 38, but .* gives 37 training windows"):
        dataset.as_tf_dataset(dataset.num_windows + 1)
    with pytest.raises(ValueError, match="batch_size is 10, which 4 devices cannot share equally"):
        dataset.as_tf_dataset(10, num_shares=4)


def test_normalized_samples_are_normalized_stored_samples(dataset):
    normalized = dataset.normalized(
        lambda nest: tf.nest.map_structure(lambda x: (x - 1) / 2, nest), lambda x: x * 3
    )
    (observation, action), _ = dataset.take([3, 9])
    (found_observation, found_action), _ = normalized.take([3, 9])
    for key, values in observation.items():
        np.testing.assert_allclose(found_observation[key], (values - 1) / 2, rtol=1e-6)
    np.testing.assert_allclose(found_action, action * 3, rtol=1e-6)


@pytest.fixture
def images(tmp_path):
    """12 windows of two frames with images of 16×24 pixels, and a number."""
    observation = {"rgb": tf.TensorSpec([16, 24, 3], tf.uint8), "count": tf.TensorSpec([1])}
    spec = shard_testing.frame_spec(observation)
    return dataset_lib.WindowDataset(_shards(tmp_path, (5, 5), spec=spec), 2)


def _brighter(nest):
    return {"rgb": tf.cast(nest["rgb"], tf.float32) / 255, "count": nest["count"] + 1}


def test_images_are_normalized_after_decoding(images):
    normalized = images.normalized(_brighter, lambda x: x)
    batch = _numpy(normalized.as_tf_dataset(2, shuffle=False), 1)[0]
    (expected, _), _ = images.take([0, 1])
    assert batch[0][0]["rgb"].shape == (2, 2, 16, 24, 3)
    np.testing.assert_allclose(batch[0][0]["rgb"], expected["rgb"] / np.float32(255))
    np.testing.assert_array_equal(batch[0][0]["count"], expected["count"] + 1)


def test_batches_of_images_are_made_just_ahead_of_their_use(images, monkeypatch):
    """Each takes hundreds of megabytes with pictures of a usual size."""
    started = []

    def batch_at(step, *unused):
        return tf.numpy_function(lambda i: started.append(int(i)) or i, [step], tf.int64)

    monkeypatch.setattr(images, "batch_at", batch_at)
    batches = iter(images.as_tf_dataset(5))
    for used in range(1, 6):
        next(batches)
        time.sleep(0.05)
        assert used <= len(started) <= used + 3


def test_recurrent_samples_keep_the_first_episode(tmp_path):
    shards = _shards(tmp_path, (2, 2))
    dataset = dataset_lib.WindowDataset(shards, 4, for_rnn=True)
    (observation, action), discount = dataset.take([0, 1])
    frames = shards[0].frames
    np.testing.assert_array_equal(observation["position"][0], frames.observation["position"][:4])
    np.testing.assert_array_equal(action[1], frames.action[1:5])
    # Frames 0…5 are F M L F M L; a transition into LAST has discount 0.
    np.testing.assert_array_equal(frames.discount, [1, 0, 1, 1, 0, 1])
    np.testing.assert_array_equal(discount, [[1, 0, 1, 0], [0, 1, 0, 0]])


def test_windows_do_not_cross_shards(dataset):
    owner = np.repeat([0, 1, 2], [13, 9, 15])
    assert (owner[dataset.window_frames] == owner[:, None]).all()


def test_the_same_data_elsewhere_has_the_same_fingerprint(tmp_path):
    one, copy = (_shards(tmp_path / name, (3, 4)) for name in "ab")
    found = {dataset_lib.WindowDataset(shards, 2).fingerprint() for shards in (one, copy)}
    assert len(found) == 1 and found.pop().startswith("9 windows with checksum ")


def test_other_data_or_another_order_has_another_fingerprint(tmp_path):
    images = shard_testing.frame_spec({"rgb": tf.TensorSpec([16, 16, 3], tf.uint8)})
    for spec in (shard_testing.frame_spec(), images):
        one, other = _shards(tmp_path, (3, 4), (3, 4), spec=spec)
        all_data = ([one], [other], [one, other], [other, one])
        found = {dataset_lib.WindowDataset(shards, 2).fingerprint() for shards in all_data}
        assert len(found) == 4
