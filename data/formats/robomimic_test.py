"""Tests of robomimic's HDF5 files as sources of record files."""

import numpy as np
import pytest

from ibc.data.formats import convert
from ibc.data.records import shard_reader

h5py = pytest.importorskip("h5py")
convert_testing = pytest.importorskip("tests.convert_testing")

_LENGTHS = (4, 3, 5)
_TERMINATED = (True, False, True)


def _episodes(action_size=7, image=False):
    random = np.random.RandomState(7)
    found = []
    for seed, length in enumerate(_LENGTHS):
        episode = convert_testing.episode(length, 6, action_size, seed)
        arm, thing = np.split(episode["observations"], 2, axis=1)
        episode["observations"] = {"robot0_eef_pos": arm, "object": thing}
        if image:
            images = random.randint(0, 256, (length + 1, 8, 12, 3), np.uint8)
            episode["observations"]["agentview_image"] = images
        found.append(episode)
    return found


def _write(tmp_path, episodes=None, **options):
    episodes = _episodes() if episodes is None else episodes
    terminated = _TERMINATED[: len(episodes)]
    return convert_testing.write_robomimic(tmp_path / "a.hdf5", episodes, terminated, **options)


def _converted(path, tmp_path, **options):
    done = convert.convert(convert.open_source(path, **options), tmp_path / "a.tfrecord")
    return shard_reader.read_shard(done.path)


def test_frames_are_the_steps_and_what_was_seen_at_the_end(tmp_path):
    episodes = _episodes()
    shard = _converted(_write(tmp_path, episodes), tmp_path)
    frames = shard.frames
    for key in ("robot0_eef_pos", "object"):
        expected = np.concatenate([e["observations"][key] for e in episodes])
        np.testing.assert_array_equal(frames.observation[key], expected)
    actions = [np.append(e["actions"], e["actions"][-1:], axis=0) for e in episodes]
    np.testing.assert_array_equal(frames.action, np.concatenate(actions))
    rewards = np.concatenate([np.append(e["rewards"], 0) for e in episodes])
    np.testing.assert_array_equal(frames.reward, rewards)
    step_types = [[0, *[1] * (length - 1), 2] for length in _LENGTHS]
    np.testing.assert_array_equal(frames.step_type, np.concatenate(step_types))
    ends = [
        [*[1] * (n - 1), float(not own), 1] for n, own in zip(_LENGTHS, _TERMINATED, strict=True)
    ]
    np.testing.assert_array_equal(frames.discount, np.concatenate(ends))
    assert {spec.dtype.name for spec in shard.spec.observation.values()} == {"float32"}


def test_demos_come_in_the_order_of_their_numbers_and_gaps_are_told(tmp_path):
    path = _write(tmp_path, numbers=(10, 2, 9))
    source = convert.open_source(path)
    np.testing.assert_array_equal(source.lengths, np.array([3, 5, 4]) + 1)
    assert source.notes == ["Demo numbers have gaps: 3 demos, the last is demo_10."]
    returns = [_episodes()[i]["rewards"].sum() for i in (1, 2, 0)]
    np.testing.assert_allclose(source.returns, returns, rtol=1e-6)


def test_a_mask_chooses_demos(tmp_path):
    masks = {"train": ["demo_2", "demo_0"], "valid": ["demo_1"], "wrong": ["demo_7"], "none": []}
    path = _write(tmp_path, masks=masks)
    np.testing.assert_array_equal(convert.open_source(path, mask="train").lengths, [5, 6])
    np.testing.assert_array_equal(convert.open_source(path, mask="valid").lengths, [4])
    for mask, message in (
        ("test", "a.hdf5 has no mask 'test'; it has: none, train, valid, wrong"),
        ("wrong", "mask 'wrong' names demo_7, expected some of demo_0 to demo_2"),
        ("none", "mask 'none' names no demonstration"),
    ):
        with pytest.raises(ValueError, match=message):
            convert.open_source(path, mask=mask)


def test_keys_choose_observations(tmp_path):
    shard = _converted(_write(tmp_path), tmp_path, keys=["object"])
    assert list(shard.spec.observation) == ["object"]
    with pytest.raises(ValueError, match="has no observation 'arm'; it has: object, robot0_eef"):
        convert.open_source(_write(tmp_path), keys=["arm"])
    other = convert_testing.write_d4rl(
        tmp_path / "b.hdf5", [convert_testing.episode(3, 2, 2, 0)], [True]
    )
    with pytest.raises(
        ValueError, match="has a single observation without a key: leave --keys out"
    ):
        convert.open_source(other, keys=["arm"])


def test_images_become_images(tmp_path):
    shard = _converted(_write(tmp_path, _episodes(image=True)), tmp_path)
    spec = shard.spec.observation["agentview_image"]
    assert (spec.dtype.name, tuple(spec.shape)) == ("uint8", (8, 12, 3))
    shard_reader.check_every_image(shard)


@pytest.mark.parametrize("arms", [1, 2])
@pytest.mark.parametrize("said_by", ["argument", "robosuite 1.4", "robosuite 1.5"])
def test_absolute_actions_have_6d_rotations(tmp_path, arms, said_by):
    controllers = {
        "argument": "{}",
        "robosuite 1.4": '{"control_delta": false}',
        "robosuite 1.5": '{"body_parts": {"right": {"input_type": "absolute"}}}',
    }
    env_args = '{"env_name": "Lift", "env_kwargs": {"controller_configs": %s}}'
    path = _write(tmp_path, _episodes(7 * arms), env_args=env_args % controllers[said_by])
    given = True if said_by == "argument" else None
    shard = _converted(path, tmp_path, absolute_actions=given)
    action = shard.frames.action.reshape(-1, arms, 10)
    stored = _episodes(7 * arms)[0]["actions"].reshape(-1, arms, 7)
    np.testing.assert_array_equal(action[: _LENGTHS[0], :, :3], stored[..., :3])
    np.testing.assert_array_equal(action[: _LENGTHS[0], :, 9], stored[..., 6])
    rows = action[..., 3:9].reshape(-1, 2, 3)
    np.testing.assert_allclose(rows @ rows.swapaxes(1, 2), [np.eye(2)] * len(rows), atol=1e-6)
    # A rotation leaves its axis where it is.
    turned = np.einsum(
        "tarx,tax->tar", action[: _LENGTHS[0], :, 3:9].reshape(-1, arms, 2, 3), stored[..., 3:6]
    )
    np.testing.assert_allclose(turned, stored[..., 3:5], atol=1e-5)


def test_relative_actions_stay_as_they_are(tmp_path):
    path = _write(tmp_path, env_args='{"env_kwargs": {"control_delta": true}}')
    assert not convert.open_source(path).absolute_actions
    path = _write(tmp_path, _episodes(4))
    with pytest.raises(ValueError, match="has actions of 4 numbers, expected 7 or 14"):
        convert.open_source(path, absolute_actions=True)


def test_attributes_that_contradict_the_arrays_are_told(tmp_path):
    path = _write(tmp_path)
    with h5py.File(path, "a") as file:
        file["data"].attrs["total"] = 13
    assert convert.open_source(path).notes == ["Attribute total says 13 steps, but there are 12."]
    with pytest.raises(ValueError, match="not data of task door-human-v0"):
        convert.open_source(_write(tmp_path), "door-human-v0")


def test_next_observations_and_rewards_may_be_left_out(tmp_path):
    path = _write(tmp_path)
    with h5py.File(path, "a") as file:
        for demo in file["data"].values():
            del demo["next_obs"], demo["rewards"], demo["dones"]
    frames = _converted(path, tmp_path).frames
    seen = frames.observation["object"]
    np.testing.assert_array_equal(seen[_LENGTHS[0]], seen[_LENGTHS[0] - 1])
    assert not frames.reward.any() and frames.discount.all()
