import pytest
import tensorflow as tf

from ibc.data.records import shard_reader
from ibc.data.windows import dataset as dataset_lib
from ibc.networks.layers import normalizers
from ibc.train.build import get_normalizers
from tests import shard_testing

_SINGLE = shard_testing.frame_spec(tf.TensorSpec([3]))
_NESTED = shard_testing.frame_spec(action_spec={"a": tf.TensorSpec([2]), "b": tf.TensorSpec([1])})


def _dataset(folder, spec=None, **options):
    shard = shard_reader.read_shard(shard_testing.write(folder / "a", (4,), spec))
    return dataset_lib.WindowDataset([shard], 2, **options)


def test_layers_follow_the_data(tmp_path):
    info = get_normalizers.get_normalizers(_dataset(tmp_path))
    assert isinstance(info.obs_norm_layer, normalizers.NestedLayer)
    assert isinstance(info.act_norm_layer, normalizers.StdNormalizationLayer)
    info = get_normalizers.get_normalizers(_dataset(tmp_path, _SINGLE), nested_obs=False)
    assert isinstance(info.obs_norm_layer, normalizers.StdNormalizationLayer)


def test_nested_actions(tmp_path):
    dataset = _dataset(tmp_path, _NESTED, flatten_action=False)
    info = get_normalizers.get_normalizers(dataset, nested_actions=True)
    assert info.min_actions.keys() == {"a", "b"}
    restored = info.act_denorm_layer(info.act_norm_layer(dataset.frames.action))
    for key, values in restored.items():
        tf.debugging.assert_near(values, dataset.frames.action[key])


@pytest.mark.parametrize(
    ("spec", "arguments", "message"),
    [
        (None, {"nested_obs": False}, "nested_obs is False, but the observations .* are a nest"),
        (_SINGLE, {"nested_obs": True}, "nested_obs is True, but .* one tensor: set it to False"),
        (
            _NESTED,
            {"nested_actions": True},
            "nested_actions is True, but the actions .* one tensor",
        ),
    ],
)
def test_contradictions_are_errors(tmp_path, spec, arguments, message):
    with pytest.raises(ValueError, match=message):
        get_normalizers.get_normalizers(_dataset(tmp_path, spec), **arguments)


def test_sample_counts_change_nothing(tmp_path):
    dataset = _dataset(tmp_path)
    few = get_normalizers.get_normalizers(dataset, num_batches=1, num_samples=1)
    all_of_them = get_normalizers.get_normalizers(dataset)
    actions = dataset.frames.action
    tf.debugging.assert_equal(few.act_norm_layer(actions), all_of_them.act_norm_layer(actions))
