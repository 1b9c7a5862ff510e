import itertools

import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import shards as record_files
from ibc.data.windows import batches, chunk_dataset, chunks, decoded_images, episode_split
from ibc.data.windows import dataset as dataset_lib
from ibc.train.run import memory
from tests import shard_testing

_SPEC = shard_testing.frame_spec(
    {
        "front": tf.TensorSpec([12, 16, 3], tf.uint8),
        "wrist": tf.TensorSpec([8, 8, 1], tf.uint8),
        "position": tf.TensorSpec([2], tf.float32),
    }
)
_IMAGE_BYTES = 12 * 16 * 3 + 8 * 8


@pytest.fixture(name="shards")
def _shards(tmp_path):
    paths = shard_testing.write_several(tmp_path, [(5, 6), (3, 4)], _SPEC)
    return record_files.read_shards(paths)


@pytest.fixture(name="no_memory")
def _no_memory(monkeypatch):
    """A machine on which no image fits."""
    monkeypatch.setattr(decoded_images, "room_without_limit", lambda: 0)


def _batches(dataset, count=9, **options):
    return list(itertools.islice(dataset.as_tf_dataset(4, 3, **options).as_numpy_iterator(), count))


def _decoding(dataset):
    """Returns batches of a data set that holds no decoded images, and will."""
    with pytest.MonkeyPatch.context() as without:
        without.setattr(decoded_images, "room_without_limit", lambda: 0)
        return dataset.as_tf_dataset(1)


def _refuse(*_):
    raise AssertionError("an image was decoded")


def _brightened(observation):
    return tf.nest.map_structure(lambda values: 1.5 * tf.cast(values, tf.float32), observation)


@pytest.mark.parametrize("shuffle", [True, False])
def test_batches_are_the_same_bit_for_bit_and_decode_nothing(shards, monkeypatch, shuffle):
    made = [
        dataset_lib.WindowDataset(shards, 2).normalized(_brightened, lambda action: action)
        for _ in range(2)
    ]
    with monkeypatch.context() as without:
        without.setattr(decoded_images, "room_without_limit", lambda: 0)
        expected = _batches(made[0], shuffle=shuffle)
    assert made[0].images.held_bytes == 0
    elements = made[1].as_tf_dataset(4, 3, shuffle=shuffle)
    assert made[1].images.held_bytes == len(made[1].frames.step_type) * _IMAGE_BYTES
    found = list(itertools.islice(elements.as_numpy_iterator(), 9))
    shard_testing.assert_equal(found, expected)
    everything = np.arange(made[1].num_windows)
    all_samples = made[0].take(everything)
    monkeypatch.setattr(batches, "decode_image", _refuse)
    shard_testing.assert_equal(_batches(made[1], shuffle=shuffle), expected)
    shard_testing.assert_equal(made[1].take(everything), all_samples)


def test_action_sequences_see_the_same_images(shards, monkeypatch):
    shape = chunks.ChunkShape(2, 2, 0, None)
    made = [chunk_dataset.ChunkDataset(shards, shape, ["front", "position"]) for _ in range(2)]
    with monkeypatch.context() as without:
        without.setattr(decoded_images, "room_without_limit", lambda: 0)
        expected = _batches(made[0])
    made[1].as_tf_dataset(4)
    assert made[1].images.held_bytes == len(made[1].frames.step_type) * 12 * 16 * 3
    monkeypatch.setattr(batches, "decode_image", _refuse)
    shard_testing.assert_equal(_batches(made[1]), expected)


def test_what_is_derived_shares_the_images(shards, monkeypatch):
    whole = dataset_lib.WindowDataset(shards, 2)
    training, held_out = episode_split.EpisodeSplit(0.25).divided(whole.num_episodes)
    train, validation = whole.of_episodes(training), whole.of_episodes(held_out)
    before = dataset_lib.held_bytes(train, validation)
    train.as_tf_dataset(2)
    monkeypatch.setattr(batches, "decode_image", _refuse)
    validation.take([0, 1])
    validation.as_stored().take([0])
    images = len(whole.frames.step_type) * _IMAGE_BYTES
    assert dataset_lib.held_bytes(train, validation) == before + images
    assert whole.fingerprint() == dataset_lib.WindowDataset(shards, 2).fingerprint()


def test_they_are_decoded_where_the_limit_has_room(shards):
    whole = dataset_lib.WindowDataset(shards, 2)
    window = batches.window_bytes(whole.spec.observation, whole.spec.action, 2)
    images = len(whole.frames.step_type) * _IMAGE_BYTES
    least = whole.held_bytes + images + (1 + batches.MOST_IMAGE_BATCHES) * 4 * window
    for limit, held in ((least, images), (least - 1, 0)):
        dataset = dataset_lib.WindowDataset(shards, 2, memory_limit_mb=limit / 1e6)
        dataset.as_tf_dataset(4)
        assert dataset.images.held_bytes == held


def test_they_are_in_memory_once(tmp_path, monkeypatch):
    monkeypatch.setattr(decoded_images, "_IMAGES_AT_ONCE", 4)
    spec = shard_testing.frame_spec({"rgb": tf.TensorSpec([480, 640, 3], tf.uint8)})
    path = shard_testing.write(tmp_path / "large.tfrecord", [60], spec)
    dataset = dataset_lib.WindowDataset(record_files.read_shards([path]), 1)
    next(iter(_decoding(dataset)))  # What decoding takes besides.
    before = memory.resident_mb()
    elements = iter(dataset.as_tf_dataset(1))
    next(elements)
    images = dataset.images.held_bytes / 1e6
    assert images > 55
    assert memory.resident_mb() - before < 1.4 * images


def test_it_is_said_when_they_have_no_room(shards, no_memory, caplog):
    with caplog.at_level("INFO", logger="absl"):
        dataset_lib.WindowDataset(shards, 2).as_tf_dataset(4)
    assert "Every batch decodes its images" in caplog.text


def test_the_room_is_a_share_of_what_is_free(tmp_path, monkeypatch):
    for name, text in (
        ("_MEMORY", "MemTotal: 9000 kB\nMemAvailable:    4000 kB\n"),
        ("_MOST", "max\n"),
        ("_TAKEN", "1024\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
        monkeypatch.setattr(decoded_images, name, tmp_path / name)
    assert decoded_images.room_without_limit() == 2000 * 1024
    (tmp_path / "_MOST").write_text(f"{1024 + 2048}\n", encoding="utf-8")
    assert decoded_images.room_without_limit() == 1024
    (tmp_path / "_MEMORY").unlink()
    assert decoded_images.room_without_limit() == 0
