import numpy as np
import pytest
import tensorflow as tf

from ibc.data import episodes
from ibc.data.inspection import info
from ibc.data.records import manifest, shard_reader
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


def test_lists_nested_dicts_and_float_images_are_written_with_where_an_actions_parts_are(tmp_path):
    steps, random = 4, np.random.RandomState(0)
    # Channels first, in [0, 1]; smooth, as JPEG is.
    cameras = np.linspace(0, 1, 16)[:, None] * np.ones([steps, 3, 1, 24])
    cameras[:, 1] = 0.5
    arm = random.normal(size=[steps, 2])
    given = episodes.Episode(
        {"robot": {"joints": arm.tolist(), "gripper": [0.5] * steps}, "wrist": cameras},
        {"gripper": np.arange(steps), "arm": arm},
        reward=[0, 0, 0, 1],
    )
    frames = shard_reader.read_shard(
        path := episodes.write_episodes(tmp_path / "robot.tfrecord", [given])
    ).frames
    assert frames.observation.keys() == {"robot_joints", "robot_gripper", "wrist"}
    assert frames.observation["robot_gripper"].shape == (steps + 1, 1)
    arm_and_gripper = np.column_stack([arm, np.arange(steps)]).astype(np.float32)
    np.testing.assert_array_equal(frames.action[:steps], arm_and_gripper)
    assert manifest.load(path).about == {"action_parts": {"arm": [0, 2], "gripper": [2, 3]}}
    told = list(info.describe(path))
    assert told[told.index("    [0:2] arm") + 1] == "    [2:3] gripper"
    image = tf.io.decode_image(frames.observation["wrist"][0]).numpy()
    np.testing.assert_allclose(image, 255 * np.moveaxis(cameras[0], 0, -1), atol=12)


_ACTION_OF_PARTS = {"arm": np.zeros([3, 1]), "gripper": np.zeros(3)}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (episode(0), "episode 1: it has no actions: leave it out"),
        (episode(3, reward=np.zeros(2)), "episode 1: the numbers of steps differ: action 3, rewa"),
        (episode(3, extra=2), "there are 3 actions, but observation 'joints' 5, .*: all need 3 ro"),
        (
            episode(3, observation={"joints": np.zeros([3, 3]), "rgb": np.zeros([4, 3, 8, 8])}),
            "there are 3 actions, but observation 'joints' 3, observation 'rgb' 4: all need",
        ),
        (
            episode(3, action=np.zeros([3, 5])),
            r"episode 1 is unlike the first one: action is float32\[5\], not float32\[2\]; write",
        ),
        (episode(3, action=_ACTION_OF_PARTS), "has the parts arm of 1, gripper of 1, not no parts"),
        (
            episode(3, observation={"joints": np.zeros([3, 3])}),
            r"unlike the first one: observation/rgb uint8\[8, 8, 3\] is missing",
        ),
        (
            episode(3, observation={"joints": np.zeros([3, 3]), "rgb": np.zeros([3, 8, 9, 3])}),
            r"observation/rgb is uint8\[8, 9, 3\], not uint8\[8, 8, 3\]",
        ),
        (
            episode(3, observation={"joints": [[0, 1, np.nan]] * 3, "rgb": np.zeros([3, 3, 8, 8])}),
            "episode 1: observation 'joints' holds nan in step 0, expected finite float32",
        ),
        (
            {"action": np.zeros(3)},
            r"episode 1 is a dict, expected episodes.Episode\(observation, a",
        ),
    ],
)
def test_an_episode_that_does_not_fit_is_named_and_nothing_is_left(tmp_path, bad, message):
    with pytest.raises(ValueError, match=message):
        episodes.write_episodes(tmp_path / "robot.tfrecord", [episode(3), bad])
    assert not list(tmp_path.iterdir())


def test_a_single_episode_is_asked_for_in_a_list(tmp_path):
    with pytest.raises(ValueError, match="a single Episode was given: pass a list"):
        episodes.write_episodes(tmp_path / "robot.tfrecord", episode(3))


def test_nothing_to_write_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="no episodes"):
        episodes.write_episodes(tmp_path / "robot.tfrecord", [])
