import numpy as np
import pytest
import tensorflow as tf
from tf_agents.specs import tensor_spec

from ibc.networks.layers import normalizers
from ibc.train.build import agent_specs, normalization, normalization_test

get_sampling_spec = agent_specs.get_sampling_spec


def _spec(minimum, maximum):
    return tensor_spec.BoundedTensorSpec([2], tf.float32, minimum, maximum)


@pytest.mark.parametrize(("min_max", "sqrt_std"), normalization_test.VARIANTS)
def test_first_dimension_has_the_published_bounds(golden, min_max, sqrt_std):
    recorded = np.load(golden("num/normalisation.npz"))
    prefix = f"minmax{min_max}_sqrtstd{sqrt_std}_sampling_spec_"
    info = normalization.compute_dataset_statistics(
        normalization_test.recorded_windows(recorded), min_max, sqrt_std
    )
    spec = get_sampling_spec(
        _spec(recorded["env_action_min"], recorded["env_action_max"]),
        info.min_actions,
        info.max_actions,
        uniform_boundary_buffer=0.05,
        act_norm_layer=info.act_norm_layer,
    )
    np.testing.assert_allclose(spec.minimum[0], recorded[prefix + "min"], rtol=1e-5)
    np.testing.assert_allclose(spec.maximum[0], recorded[prefix + "max"], rtol=1e-5)


def test_every_dimension_has_its_own_bounds():
    low, high = np.float32([-1, 4]), np.float32([3, 6])
    spec = get_sampling_spec(
        _spec([-9, -9], [9, 6.1]), low, high, 0.25, normalizers.MinMaxNormalizationLayer(low, high)
    )
    # Widened to [-2, 4] and [3.5, 6.5], of which 6.1 is left.
    np.testing.assert_allclose(spec.minimum, [-1.5, -1.5], rtol=1e-6)
    np.testing.assert_allclose(spec.maximum, [1.5, 1.1], rtol=1e-6)
    assert spec.shape == [2] and spec.dtype == tf.float32


def test_data_beyond_the_environment_is_refused():
    with pytest.raises(ValueError, match="outside the environment's bounds"):
        get_sampling_spec(
            _spec([-1, -1], [1, 1]), np.float32([0, 5]), np.float32([1, 7]), 0.05, tf.identity
        )


def test_actions_of_another_size_are_refused():
    with pytest.raises(ValueError, match=r"shape \[3\], but the environment's \[2\]"):
        get_sampling_spec(_spec([-1, -1], [1, 1]), np.zeros(3), np.ones(3), 0.05, tf.identity)
