"""The published Push-T demonstrations give the same training samples in every format."""

import json

import numpy as np
import pytest

from ibc.data.formats import convert
from ibc.data.records import shard_reader
from ibc.data.windows import dataset
from ibc.environments.pusht import keypoints
from tests import own_data_testing

pytest.importorskip("pyarrow", reason="LeRobot's folders need pyarrow")
pytest.importorskip("zarr", reason="replay buffers need the package zarr")


def _samples(source, path):
    shard = shard_reader.read_shard(convert.convert(source, path).path)
    windows = dataset.WindowDataset([shard], sequence_length=2)
    samples, _ = windows.take(np.arange(windows.num_windows))
    return samples


@pytest.mark.slow
def test_push_t_as_zarr_and_as_lerobot_give_the_same_samples(tmp_path, golden):
    path = golden("../data/pusht_demos.npz")
    stored = dict(np.load(path))
    ends = stored.pop("episode_ends")
    parts = np.split(stored["state"], ends[:-1]), np.split(stored["action"], ends[:-1])
    recorded = [{"state": state, "action": action} for state, action in zip(*parts, strict=True)]
    zarr_folder = own_data_testing.replay_buffer(tmp_path, recorded)
    lerobot = own_data_testing.lerobot_3(tmp_path, [_seen(episode) for episode in recorded])
    assert len(json.load(open(f"{lerobot}/meta/info.json"))["features"]) == 9
    expected = _samples(convert.open_source(path), tmp_path / "npz.tfrecord")
    for number, folder in enumerate((zarr_folder, lerobot)):
        source = convert.open_source(folder)
        assert len(source.lengths) == 206
        found = _samples(source, tmp_path / f"{number}.tfrecord")
        assert sorted(found[0]) == ["agent_pos", "block_pose", "keypoints"]
        for key, values in expected[0].items():
            np.testing.assert_array_equal(found[0][key], values)
        np.testing.assert_array_equal(found[1], expected[1])


def _seen(episode):
    """Returns an episode with the observations that the task shows."""
    state = episode["state"]
    points = keypoints.keypoints_of(state[:, 2:]).reshape(len(state), -1)
    return {
        "keypoints": np.float32(points),
        "agent_pos": state[:, :2],
        "block_pose": state[:, 2:],
        "action": episode["action"],
        "timestamp": np.arange(len(state)) / 10,
    }
