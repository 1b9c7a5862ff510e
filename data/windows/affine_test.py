"""Affine maps against recordings, and what constant dimensions become."""

import numpy as np
import pytest

from ibc.data.windows import affine, window_statistics


def _moments(values: np.ndarray) -> window_statistics.Moments:
    flat = values.reshape(len(values), -1) if values.ndim < 3 else values
    return window_statistics.weighted_moments(flat, np.ones(len(flat), np.int64))


@pytest.fixture
def recorded(golden):
    return np.load(golden("sequences/normalizers.npz"))


@pytest.mark.parametrize("centred", [True, False])
@pytest.mark.parametrize("mode", ["limits", "gaussian"])
def test_fits_are_the_recorded_ones(recorded, mode, centred):
    data, query = recorded["data"], recorded["query"]
    prefix = f"{mode}_{'offset' if centred else 'nooffset'}_"
    moments = _moments(data)
    made = (
        affine.limits(moments, centred=centred)
        if mode == "limits"
        else affine.gaussian(moments, len(data), centred)
    )
    for name in ("scale", "offset"):
        np.testing.assert_allclose(getattr(made, name), recorded[prefix + name], rtol=1e-4)
    np.testing.assert_allclose(
        made.normalize(query), recorded[prefix + "normalized"], rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        made.denormalize(made.normalize(query)), recorded[prefix + "back"], rtol=1e-4, atol=1e-5
    )
    for bound, name in zip(made.normalized_bounds, ("out_min", "out_max"), strict=True):
        np.testing.assert_allclose(bound, recorded[prefix + name], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(moments.mean, recorded[prefix + "in_mean"], rtol=1e-4)
    std = moments.std * np.sqrt(50 / 49)
    np.testing.assert_allclose(std, recorded[prefix + "in_std"], rtol=1e-4)


def test_the_last_two_dimensions_are_fitted_together(recorded):
    data = recorded["last2_data"]
    made = affine.limits(_moments(data.reshape(-1, 16)))
    np.testing.assert_allclose(made.scale, recorded["last2_scale"], rtol=1e-4)
    np.testing.assert_allclose(made.offset, recorded["last2_offset"], rtol=1e-4, atol=1e-6)


def test_robomimic_rules_are_the_recorded_ones(recorded):
    moments = _moments(recorded["data"])
    for key, name in (("robot0_eef_pos", "range"), ("gripper_qpos", "range"), ("quat", "identity")):
        made = affine.of_robomimic(key, moments)
        for part in ("scale", "offset"):
            expected = recorded[f"robomimic_{name}_{part}"]
            np.testing.assert_allclose(getattr(made, part), expected, rtol=1e-4)
        for bound, end in zip(made.normalized_bounds, ("min", "max"), strict=True):
            expected = recorded[f"robomimic_{name}_out_{end}"]
            np.testing.assert_allclose(bound, expected, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="end in pos, qpos or quat, but not 'object'"):
        affine.of_robomimic("object", moments)


def test_absolute_poses_scale_their_positions_alone(recorded):
    made = affine.absolute_pose(_moments(recorded["abs_action_data"]))
    for name in ("scale", "offset"):
        np.testing.assert_allclose(getattr(made, name), recorded[f"abs_action_{name}"], rtol=1e-4)
    for bound, end in zip(made.normalized_bounds, ("min", "max"), strict=True):
        np.testing.assert_allclose(bound, recorded[f"abs_action_out_{end}"], rtol=1e-4)
    both_arms = affine.absolute_pose(_moments(np.tile(recorded["abs_action_data"], 2)))
    np.testing.assert_array_equal(both_arms.scale, np.tile(made.scale, 2))
    with pytest.raises(ValueError, match=r"10 numbers for each arm .* but the data 7"):
        affine.absolute_pose(_moments(np.zeros([3, 7])))


def test_images_become_numbers_around_0(recorded):
    found = affine.image().normalize(recorded["image_query"])
    np.testing.assert_allclose(found, recorded["image_normalized"])


def test_a_common_scale_is_that_of_the_largest_number():
    first, second = np.array([[1.0, -8.0], [2.0, 3.0]]), np.array([[0.5], [4.0]])
    made = affine.common_scale([_moments(first), _moments(second)])
    np.testing.assert_allclose(made[0].normalize(first), first / 8)
    np.testing.assert_allclose(made[1].normalize(second), second / 8)


@pytest.mark.parametrize(("spread", "constant"), [(0.0, True), (9e-5, True), (2e-4, False)])
def test_a_constant_becomes_0_and_is_not_blown_up(spread, constant):
    moments = _moments(np.array([[5.0], [5.0 + spread]]))
    made = affine.limits(moments)
    low, high = made.normalized_bounds
    assert (made.scale[0] == 1) == constant
    np.testing.assert_allclose([low[0], high[0]], [0, spread] if constant else [-1, 1], atol=1e-9)
    # The standard deviation of two numbers is their distance / √2.
    of_gaussian = affine.gaussian(moments, 2)
    assert (of_gaussian.scale[0] == 1) == (spread / np.sqrt(2) < 1e-4)
    assert (affine.limits(moments, affine.LEAST_RANGE_OF_ROBOTS).scale[0] == 1) == (spread == 0)


def test_merged_moments_are_those_of_all():
    generator = np.random.RandomState(0)
    parts = [generator.randn(size, 3) * size for size in (5, 1, 40)]
    found, count = window_statistics.merged([(_moments(part), len(part)) for part in parts])
    expected = _moments(np.concatenate(parts))
    assert count == 46
    for name in ("mean", "std", "minimum", "maximum"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-10)


@pytest.mark.parametrize("config", [0, 1])
def test_a_recorded_batch_is_normalized_as_it_was(golden, config):
    recorded = np.load(golden(f"sequences/ibc_lowdim_{config}.npz"))
    frames, steps, *_ = recorded["args"]
    observed, acted = (affine.limits(_moments(recorded[f"fit_{k}"])) for k in ("obs", "action"))
    for name in ("crossentropy", "onehot"):
        found = observed.normalize(recorded["batch_obs"][:, :frames])
        np.testing.assert_allclose(found, recorded[f"{name}_obs"], rtol=1e-4, atol=1e-6)
        # The demonstrated chunk is the first candidate, with noise of 1e-4.
        chunk = acted.normalize(recorded["batch_action"][:, frames - 1 : frames - 1 + steps])
        noise = recorded[f"{name}_candidates"][:, 0] - chunk
        assert 3e-5 < noise.std() < 2e-4
    for bound, end in zip(acted.normalized_bounds, ("min", "max"), strict=True):
        np.testing.assert_allclose(bound, recorded[f"bounds_{end}"], rtol=1e-5)
