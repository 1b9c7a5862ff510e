"""Which map a key gets, what statistics are taken of, and the layers and bounds that follow."""

import gin
import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from ibc.data.records import shard_reader
from ibc.data.windows import dataset as dataset_lib
from ibc.train.build import affine_maps, agent_specs, normalization
from tests import shard_testing

KEYS = {"agent_pos": tf.TensorSpec([2]), "arm_quat": tf.TensorSpec([4])}
IMAGE = {"agent_pos": tf.TensorSpec([2]), "rgb": tf.TensorSpec([16, 24, 3], tf.uint8)}


def _windows(folder, observation=None, action=3, lengths=(6, 5), seed=0):
    spec = shard_testing.frame_spec(
        KEYS if observation is None else observation,
        tensor_spec.BoundedTensorSpec([action], tf.float32, -9.0, 9.0),
    )
    path = shard_testing.write(folder / f"{seed}.tfrecord", lengths, spec, seed=seed)
    return dataset_lib.WindowDataset([shard_reader.read_shard(path)], 2)


def _frames(dataset, values):
    return np.asarray(values)[np.unique(dataset.window_frames)]


def test_without_modes_nothing_changes(tmp_path):
    dataset = _windows(tmp_path)
    info = normalization.get_normalizers(dataset, held_out=_windows(tmp_path, seed=1))
    plain = normalization.compute_dataset_statistics(dataset)
    observation, action = dataset.frames.observation, dataset.frames.action
    for name in ("min_actions", "max_actions"):
        np.testing.assert_array_equal(getattr(info, name), getattr(plain, name))
    tf.debugging.assert_equal(info.act_norm_layer(action), plain.act_norm_layer(action))
    for key, values in info.obs_norm_layer(observation).items():
        tf.debugging.assert_equal(values, plain.obs_norm_layer(observation)[key])
    assert info.action_range is None and not info.maps


def test_named_keys_are_mapped_and_others_stay_as_they_were(tmp_path):
    dataset = _windows(tmp_path)
    gin.parse_config("get_normalizers.modes = {'agent_pos': 'limits', 'action': 'gaussian'}")
    info = normalization.get_normalizers(dataset)
    plain = normalization.compute_dataset_statistics(dataset)
    observation, action = dataset.frames.observation, dataset.frames.action
    found = info.obs_norm_layer(observation)
    tf.debugging.assert_equal(found["arm_quat"], plain.obs_norm_layer(observation)["arm_quat"])
    mapped = _frames(dataset, found["agent_pos"])
    np.testing.assert_allclose(mapped.min(axis=0), -1, rtol=1e-5)
    np.testing.assert_allclose(mapped.max(axis=0), 1, rtol=1e-5)
    mapped = info.act_norm_layer(action)
    used = np.asarray(mapped)[np.unique(dataset.window_frames[:, -1])]
    np.testing.assert_allclose(used.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(used.std(axis=0, ddof=1), 1, rtol=1e-5)
    tf.debugging.assert_near(info.act_denorm_layer(mapped), action)
    spread = info.act_denorm_layer(tf.ones([1, 3]), mean_offset=False)
    np.testing.assert_allclose(spread[0], 1 / info.maps["action"].scale, rtol=1e-6)


def test_images_are_mapped_without_looking_at_them(tmp_path, monkeypatch):
    dataset = _windows(tmp_path, IMAGE)
    monkeypatch.setattr(normalization.window_statistics, "image_moments", None)
    modes = {"agent_pos": "limits", "rgb": "image", "action": "limits"}
    info = normalization.get_normalizers(dataset, modes=modes)
    (observation, _), _ = dataset.take(np.arange(3))
    pixels = info.obs_norm_layer(observation)["rgb"]
    assert pixels.dtype == tf.float32
    np.testing.assert_allclose(pixels, observation["rgb"] / 255 * 2 - 1, atol=1e-6)
    by_rule = normalization.get_normalizers(dataset, modes="limits")
    assert by_rule.maps.keys() == modes.keys()
    tf.debugging.assert_equal(by_rule.obs_norm_layer(observation)["rgb"], pixels)


@pytest.mark.parametrize("all_episodes", [True, False])
def test_statistics_are_of_validation_data_too_unless_that_is_not_wanted(tmp_path, all_episodes):
    train, held_out = _windows(tmp_path), _windows(tmp_path, seed=1)
    info = normalization.get_normalizers(
        train, modes="limits", all_episodes=all_episodes, held_out=held_out
    )
    parts = [train, held_out] if all_episodes else [train]
    values = np.concatenate([_frames(part, part.frames.observation["agent_pos"]) for part in parts])
    np.testing.assert_array_equal(info.maps["agent_pos"].moments.minimum, values.min(axis=0))


def test_robomimics_rules_leave_relative_actions_alone(tmp_path):
    dataset = _windows(tmp_path, action=7)
    maps = normalization.get_normalizers(dataset, modes="robomimic").maps
    assert np.all(maps["arm_quat"].scale == 1) and np.all(maps["action"].scale == 1)
    assert not np.any(maps["agent_pos"].scale == 1)
    maps = normalization.get_normalizers(dataset, modes="robomimic_lowdim").maps
    largest = max(np.abs(_frames(dataset, dataset.frames.observation[key])).max() for key in KEYS)
    np.testing.assert_allclose(maps["agent_pos"].scale, 1 / largest)
    np.testing.assert_allclose(maps["arm_quat"].scale, 1 / largest)
    absolute = normalization.get_normalizers(_windows(tmp_path, action=10), modes="robomimic")
    assert (absolute.maps["action"].scale == 1).sum() == 7


def test_an_observation_that_is_one_tensor_has_a_name(tmp_path):
    dataset = _windows(tmp_path, tf.TensorSpec([3]))
    info = normalization.get_normalizers(dataset, modes={"observation": "limits"})
    mapped = _frames(dataset, info.obs_norm_layer(dataset.frames.observation))
    np.testing.assert_allclose(mapped.max(axis=0), 1, rtol=1e-5)


def test_sampling_bounds_are_those_of_the_data_and_a_constant_has_room(tmp_path):
    dataset = _windows(tmp_path)
    action = np.asarray(dataset.frames.action).copy()
    action[:, 1] = 5.0
    dataset.frames = dataset.frames._replace(action=tf.constant(action))
    info = normalization.get_normalizers(dataset, modes={"action": "limits"})
    spec = tensor_spec.BoundedTensorSpec([3], tf.float32, -99.0, 99.0)

    def bounds(buffer):
        return agent_specs.get_sampling_spec(
            spec, info.min_actions, info.max_actions, buffer, info.act_norm_layer, info.action_range
        )

    np.testing.assert_allclose(bounds(0.0).minimum, [-1, 0, -1], atol=1e-5)
    np.testing.assert_allclose(bounds(0.0).maximum, [1, 0, 1], atol=1e-5)
    np.testing.assert_allclose(bounds(0.05).minimum, [-1.1, -0.1, -1.1], atol=1e-5)
    np.testing.assert_allclose(bounds(0.05).maximum, [1.1, 0.1, 1.1], atol=1e-5)


def test_a_checkpoint_can_hold_them(tmp_path):
    maps = normalization.get_normalizers(_windows(tmp_path), modes="limits").maps
    path = tf.train.Checkpoint(normalizers=affine_maps.Record(maps)).save(str(tmp_path / "ckpt"))
    name = "normalizers/values/agent_pos/{}/.ATTRIBUTES/VARIABLE_VALUE"
    for part, expected in (
        ("scale", maps["agent_pos"].scale),
        ("maximum", maps["agent_pos"].moments.maximum),
    ):
        np.testing.assert_allclose(tf.train.load_variable(path, name.format(part)), expected)


@pytest.mark.parametrize(
    ("modes", "message"),
    [
        (
            {"agnt_pos": "limits"},
            "names 'agnt_pos', but the data's keys are action, agent_pos, rgb",
        ),
        ({"agent_pos": "limit"}, r"modes\['agent_pos'\] is 'limit'; choose one of limits, gauss"),
        ({"agent_pos": "image"}, "is 'image', but agent_pos is no image"),
        ({"rgb": "limits"}, "is 'limits', but rgb is an image"),
        ("limit", "modes is 'limit'; choose one of limits, .*robomimic_lowdim, or map keys to"),
        ({"action": "absolute_pose"}, "10 numbers for each arm .*, but the data 3"),
        (3, "must map keys to modes, or be a rule, but is 3"),
    ],
)
def test_bad_modes_are_named(tmp_path, modes, message):
    with pytest.raises(ValueError, match=message):
        normalization.get_normalizers(_windows(tmp_path, IMAGE), modes=modes)
