import numpy as np
import pytest

from ibc.data import episodes
from ibc.data.records import shard_reader
from ibc.data.windows import dataset


def episode(length, seed=0, extra=0, **changes):
    random = np.random.RandomState(seed)
    observation = {
        "joints": random.normal(size=[length + extra, 3]),
        "rgb": random.randint(256, size=[length + extra, 8, 8, 3]).astype(np.uint8),
    }
    values = dict(observation=observation, action=random.normal(size=[length, 2]))
    return episodes.Episode(**{**values, **changes})


def test_what_is_written_is_read_back(tmp_path):
    written = [episode(4), episode(3, 1, extra=1, reward=np.array([0, 0, 2.0]), terminated=False)]
    path = episodes.write_episodes(tmp_path / "new" / "robot.tfrecord", iter(written))
    frames = shard_reader.read_shard(path).frames
    assert frames.step_type.tolist() == [0, 1, 1, 1, 2, 0, 1, 1, 2]
    assert frames.next_step_type.tolist() == [1, 1, 1, 2, 0, 1, 1, 2, 0]
    assert frames.discount.tolist() == [1, 1, 1, 0, 1, 1, 1, 1, 1]
    assert frames.reward.tolist() == [0, 0, 0, 0, 0, 0, 0, 2, 0]
    first, second = (e.observation["joints"].astype(np.float32) for e in written)
    np.testing.assert_array_equal(
        frames.observation["joints"], np.concatenate([first, first[-1:], second])
    )
    actions = [e.action.astype(np.float32) for e in written]
    np.testing.assert_array_equal(frames.action[:4], actions[0])
    np.testing.assert_array_equal(frames.action[5:8], actions[1])
    assert (tmp_path / "new" / "robot.tfrecord.manifest.json").exists()


def test_windows_of_written_episodes_hold_images_and_numbers(tmp_path):
    path = episodes.write_episodes(tmp_path / "robot.tfrecord", [episode(4), episode(4)])
    windows = dataset.WindowDataset([shard_reader.read_shard(path)], 2)
    observation, action = windows.take([0, 1])[0]
    assert observation["rgb"].shape == (2, 2, 8, 8, 3) and observation["joints"].shape == (2, 2, 3)
    assert action.shape == (2, 2)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (episode(0), "episode 1 has no actions"),
        (episode(3, reward=np.zeros(2)), "episode 1 has 3 actions but 2 rewards"),
        (episode(3, extra=2), r"has 3 actions, but observations of length \[5\]"),
        (episode(3, action=np.zeros([3, 5])), "episode 1 has observation .*but the first one has"),
        (episode(3, observation=np.zeros([3, 2])), "episode 1 has observation"),
    ],
)
def test_an_episode_that_does_not_fit_is_named_and_nothing_is_left(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        episodes.write_episodes(tmp_path / "robot.tfrecord", [episode(3), bad])
    assert not list(tmp_path.iterdir())


def test_nothing_to_write_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no episodes"):
        episodes.write_episodes(tmp_path / "robot.tfrecord", [])
