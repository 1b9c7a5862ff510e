"""Which episodes are trained on, validated on, and counted in the statistics."""

import gin
import numpy as np
import pytest
from tf_agents.specs import array_spec

from ibc.data import episodes
from ibc.data.records import shards as shards_lib
from ibc.data.windows import chunks, episode_split
from ibc.train.build import sequences

_LENGTH = 6
_SHAPE = chunks.ChunkShape(2, 3)


@pytest.fixture(name="shards")
def _shards(tmp_path):
    """Ten episodes of six steps; all numbers of the i-th are i."""

    def recorded():
        for number in range(10):
            values = np.full([_LENGTH, 2], float(number))
            yield episodes.Episode({"hand": values}, values)

    return shards_lib.read_shards([episodes.write_episodes(tmp_path / "a.tfrecord", recorded())])


def _read(shards, **options):
    split = episode_split.EpisodeSplit(0.2, max_train_episodes=5, **options)
    chosen = sequences.Sequences(_SHAPE, 3, split=split)
    return sequences.read(shards, chosen, {}, "a.tfrecord")


@pytest.mark.parametrize(("on_others", "count"), [(False, 2), (True, 5)])
def test_validation_may_take_what_the_maximum_leaves_out(shards, on_others, count):
    train, validation, _ = _read(shards, validate_on_others=on_others)
    assert (train.num_windows, validation.num_windows) == (5 * _LENGTH, count * _LENGTH)
    seen = [
        np.unique(part.as_stored().take(np.arange(part.num_windows))[0][1])
        for part in (train, validation)
    ]
    assert len(seen[0]) == 5 and len(seen[1]) == count and not set(seen[0]) & set(seen[1])


def test_keys_that_only_the_data_have_are_refused(tmp_path):
    values = np.zeros([_LENGTH, 2])
    episode = episodes.Episode({"hand": values, "object": values}, values)
    shards = shards_lib.read_shards([episodes.write_episodes(tmp_path / "b.tfrecord", [episode])])
    of_task = (
        {"hand": array_spec.ArraySpec([2], np.float32)},
        array_spec.BoundedArraySpec([2], np.float32, -9.0, 9.0),
    )
    gin.bind_parameter("sequence_coding.keys", ["hand", "object"])
    message = "keys names object, but task REACH observes hand alone: leave it out"
    with pytest.raises(ValueError, match=message):
        sequences.read(shards, sequences.Sequences(_SHAPE, 3), {"REACH": of_task}, "b.tfrecord")


@pytest.mark.parametrize("own_only", [False, True])
def test_statistics_are_of_all_episodes_or_of_those_trained_on(shards, own_only):
    gin.bind_parameter("sequence_coding.train_statistics_only", own_only)
    train, _, fitted = _read(shards)
    (observation, chunk), _ = train.as_stored().take(np.arange(train.num_windows))
    coded = fitted.coding.encode(observation, chunk).numpy()
    reaches = [
        coded.min() == pytest.approx(-1, abs=1e-4),
        coded.max() == pytest.approx(1, abs=1e-4),
    ]
    assert all(reaches) == own_only
