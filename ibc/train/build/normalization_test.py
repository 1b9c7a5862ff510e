import re

import gin
import numpy as np
import pytest
import tensorflow as tf

from ibc.data.records import shard_reader
from ibc.data.windows import dataset as dataset_lib
from ibc.networks.layers import normalizers
from ibc.train.build import normalization
from tests import shard_testing

VARIANTS = [(False, False), (False, True), (True, False), (True, True)]


def recorded_windows(recorded) -> dataset_lib.WindowDataset:
    """A data set whose samples are the 40 recorded ones.

    Each sample is a shard of two frames that are in one window each way round, so every
    recorded frame counts equally often; the action of both is the recorded one.
    """
    spec = shard_testing.frame_spec({"alpha": tf.TensorSpec([3]), "beta_const": tf.TensorSpec([1])})
    shards = []
    for alpha, beta, action in zip(
        recorded["obs_alpha"], recorded["obs_beta_const"], recorded["actions"], strict=True
    ):
        frames = tf.nest.map_structure(
            lambda leaf: np.ones([2, *leaf.shape], leaf.dtype.as_numpy_dtype), spec
        )._replace(
            observation={"alpha": alpha, "beta_const": beta}, action=np.stack([action, action])
        )
        shards.append(shard_reader.Shard("recorded", spec, frames))
    return dataset_lib.WindowDataset(shards, 2)


_SINGLE = shard_testing.frame_spec(tf.TensorSpec([3]))
_NESTED = shard_testing.frame_spec(action_spec={"a": tf.TensorSpec([2]), "b": tf.TensorSpec([1])})


def _dataset(folder, spec=None, episodes=(4,), **options):
    shard = shard_reader.read_shard(shard_testing.write(folder / "a", episodes, spec))
    return dataset_lib.WindowDataset([shard], 2, **options)


@pytest.mark.parametrize(("min_max", "sqrt_std"), VARIANTS)
def test_layers_give_the_published_values(golden, min_max, sqrt_std):
    recorded = np.load(golden("num/normalisation.npz"))
    prefix = f"minmax{min_max}_sqrtstd{sqrt_std}_"
    info = normalization.compute_dataset_statistics(recorded_windows(recorded), min_max, sqrt_std)
    observation = {"alpha": recorded["obs_alpha"], "beta_const": recorded["obs_beta_const"]}
    found = info.obs_norm_layer(observation)
    for key, values in found.items():
        # The published mean is off by up to 4e-7, which a standard deviation of 0.01 magnifies.
        np.testing.assert_allclose(values, recorded[f"{prefix}norm_{key}"], rtol=2e-6, atol=6e-5)
    found = info.act_norm_layer(recorded["actions"])
    np.testing.assert_allclose(found, recorded[prefix + "norm_act"], rtol=2e-6, atol=1e-5)
    found = info.act_denorm_layer(np.full((1, 2), 0.3, np.float32))
    np.testing.assert_allclose(found, recorded[prefix + "denorm_of_0.3"], rtol=1e-6)
    np.testing.assert_array_equal(info.min_actions, recorded[prefix + "min_actions"])
    np.testing.assert_array_equal(info.max_actions, recorded[prefix + "max_actions"])


def test_statistics_are_those_of_the_training_batches(tmp_path):
    dataset = _dataset(tmp_path, episodes=(5, 3, 4))
    info = normalization.compute_dataset_statistics(dataset)
    normalized = dataset.normalized(info.obs_norm_layer, info.act_norm_layer)
    (observation, action), _ = normalized.take(np.arange(dataset.num_windows))
    for values in [*observation.values(), action]:
        values = values.reshape(-1, values.shape[-1])
        np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-5)
        np.testing.assert_allclose(values.std(axis=0), 1, rtol=1e-5)


def test_image_layers_convert_and_normalize(tmp_path):
    spec = shard_testing.frame_spec({"rgb": tf.TensorSpec([16, 24, 3], tf.uint8)})
    dataset = _dataset(tmp_path, spec, (5,))
    info = normalization.compute_dataset_statistics(dataset)
    (observation, _), _ = dataset.take(np.arange(dataset.num_windows))
    pixels = info.obs_norm_layer(observation)["rgb"].numpy()
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels.mean(axis=(0, 1, 2, 3)), 0, atol=1e-4)
    np.testing.assert_allclose(pixels.std(axis=(0, 1, 2, 3)), 1, rtol=1e-4)


def test_parameters_can_be_bound(tmp_path):
    dataset = _dataset(tmp_path)
    gin.parse_config("compute_dataset_statistics.min_max_actions = True")
    layer = normalization.compute_dataset_statistics(dataset).act_norm_layer
    actions = layer(dataset.frames.action).numpy()
    np.testing.assert_allclose([actions.min(), actions.max()], [-1, 1], rtol=1e-6)


def test_layers_follow_the_data(tmp_path):
    info = normalization.get_normalizers(_dataset(tmp_path))
    assert isinstance(info.obs_norm_layer, normalizers.NestedLayer)
    assert isinstance(info.act_norm_layer, normalizers.StdNormalizationLayer)
    info = normalization.get_normalizers(_dataset(tmp_path, _SINGLE), nested_obs=False)
    assert isinstance(info.obs_norm_layer, normalizers.StdNormalizationLayer)


def test_nested_actions(tmp_path):
    dataset = _dataset(tmp_path, _NESTED, flatten_action=False)
    info = normalization.get_normalizers(dataset, nested_actions=True)
    assert info.min_actions.keys() == {"a", "b"}
    restored = info.act_denorm_layer(info.act_norm_layer(dataset.frames.action))
    for key, values in restored.items():
        tf.debugging.assert_near(values, dataset.frames.action[key])


@pytest.mark.parametrize(
    ("spec", "arguments", "message"),
    [
        (None, {"nested_obs": False}, "observations of the data are a nest, .*nested_obs = False"),
        (_SINGLE, {"nested_obs": True}, "observations of the data are one tensor, .*_obs = True"),
        (
            _NESTED,
            {"nested_actions": True},
            "actions of the data are one tensor, .*_actions = True",
        ),
    ],
)
def test_the_data_decides_what_is_nested(tmp_path, spec, arguments, message, caplog):
    dataset = _dataset(tmp_path, spec)
    with caplog.at_level("INFO", "absl"):
        found = normalization.get_normalizers(dataset, **arguments)
    assert re.search(message, caplog.text)
    told = normalization.get_normalizers(dataset)
    assert type(found.obs_norm_layer) is type(told.obs_norm_layer)
    assert type(found.act_norm_layer) is type(told.act_norm_layer)


def test_sample_counts_change_nothing(tmp_path):
    dataset = _dataset(tmp_path)
    few = normalization.get_normalizers(dataset, num_batches=1, num_samples=1)
    all_of_them = normalization.get_normalizers(dataset)
    actions = dataset.frames.action
    tf.debugging.assert_equal(few.act_norm_layer(actions), all_of_them.act_norm_layer(actions))
