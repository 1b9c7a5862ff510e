import numpy as np
import pytest
import tensorflow as tf

from ibc.data import episodes
from ibc.data.formats import convert
from ibc.data.records import shard_writer
from ibc.data.records import shards as shards_lib
from ibc.data.windows import chunk_dataset, chunks, streamed

LENGTHS = (5, 1, 9, 4)
SHAPE = chunks.ChunkShape(2, 3)


def recorded(number: int, length: int) -> episodes.Episode:
    """An episode whose numbers say where they are from: 100 · episode + step."""
    steps = 100.0 * number + np.arange(length)
    observation = {"place": np.stack([steps, -steps], axis=1), "other": steps[:, np.newaxis]}
    return episodes.Episode(observation, np.stack([steps, steps + 0.5], axis=1))


@pytest.fixture
def path(tmp_path) -> str:
    """Two record files."""
    for number, part in enumerate((slice(0, 2), slice(2, 4))):
        numbers = range(len(LENGTHS))[part]
        episodes.write_episodes(
            tmp_path / f"{number}.tfrecord", [recorded(i, LENGTHS[i]) for i in numbers]
        )
    return str(tmp_path)


def make(path: str, shape=SHAPE, is_streamed: bool = False, **options):
    paths = shards_lib.find_shards(f"{path}/*.tfrecord")
    source = streamed.stream_shards(paths, path) if is_streamed else shards_lib.read_shards(paths)
    return chunk_dataset.ChunkDataset(source, shape, **options)


def all_of(dataset):
    return dataset.take(np.arange(dataset.num_windows))[0]


@pytest.mark.parametrize("is_streamed", [False, True])
def test_samples_stay_within_their_episode(path, is_streamed):
    observation, chunk = all_of(make(path, is_streamed=is_streamed))
    expected_seen, expected_done = [], []
    for number, length in enumerate(LENGTHS):
        for now in range(length):
            seen = np.clip([now - 1, now], 0, length - 1)
            done = np.clip([now, now + 1, now + 2], 0, length - 1)
            expected_seen.append(100.0 * number + seen)
            expected_done.append(100.0 * number + done)
    np.testing.assert_array_equal(observation["other"][..., 0], expected_seen)
    np.testing.assert_array_equal(chunk[..., 0], expected_done)
    np.testing.assert_array_equal(chunk[..., 1], np.array(expected_done) + 0.5)


@pytest.mark.parametrize("is_streamed", [False, True])
@pytest.mark.parametrize(("reward", "terminated"), [(1.0, False), (0.0, True), (0.0, False)])
def test_last_actions_count_where_nothing_joins_episodes(tmp_path, reward, terminated, is_streamed):
    """As in D4RL's recordings; that nothing joins them shows in the last reward or discount."""
    length, reward = 4, np.append(np.zeros(3), reward)
    path = str(tmp_path / "unjoined.tfrecord")
    with shard_writer.ShardWriter(path, episodes.frame_spec(recorded(0, 1))) as writer:
        for episode in (recorded(number, length) for number in range(2)):
            steps = episode.observation, episode.action, reward
            for frame in episodes.unstacked(convert.episode_frames(*steps, terminated)):
                writer(frame)
    _, chunk = all_of(make(str(tmp_path), is_streamed=is_streamed))
    last = length - 1 if reward[-1] or terminated else length - 2
    expected = [
        100 * number + np.clip([now, now + 1, now + 2], 0, last)
        for number in range(2)
        for now in range(last + 1)
    ]
    np.testing.assert_array_equal(chunk[..., 0], expected)


def test_streamed_batches_are_those_from_memory(path):
    batches = [
        [
            make(path, is_streamed=is_streamed)
            .encoded(lambda seen: seen["place"] * 2, lambda seen, chunk: chunk[:, 0])
            .batch_at(tf.constant(step, tf.int64), 4, seed=3)[0]
            for step in range(6)
        ]
        for is_streamed in (False, True)
    ]
    tf.nest.map_structure(np.testing.assert_array_equal, *batches)


def test_episodes_can_be_chosen(path):
    whole = make(path)
    assert whole.num_episodes == 4 and whole.num_windows == sum(LENGTHS)
    part = whole.of_episodes(np.array([False, True, False, True]))
    _, chunk = all_of(part)
    assert set(chunk[:, 0, 0] // 100) == {1, 3}
    assert part.num_windows == 5 and whole.num_windows == sum(LENGTHS)
    next(iter(part.as_tf_dataset(5, shuffle=False)))


def test_keys_are_kept_in_the_order_asked_for(path):
    observation, _ = all_of(make(path, keys=["place", "other"]))
    assert list(observation) == ["place", "other"]
    with pytest.raises(ValueError, match=r"keys names rgb, but .* are other, place"):
        make(path, keys=["rgb"])


@pytest.mark.parametrize(
    ("shape", "rows"), [(chunks.ChunkShape(2, 3, horizon=40), 40), (chunks.ChunkShape(2, 10), 11)]
)
def test_windows_longer_than_every_episode_are_refused(path, shape, rows):
    message = f"long enough for a window of {rows} rows: the longest has 9"
    with pytest.raises(ValueError, match=message):
        make(path, shape)
