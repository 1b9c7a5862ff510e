"""Tests of the geometry of pushing, against complex numbers in float64."""

import cmath
import math

import numpy as np
import pytest
from tf_agents.environments import wrappers

from ibc.environments.block_pushing.oracles import pushing_info
from tests import oracle_testing


def _random_scenes(count):
    rng = np.random.RandomState(0)
    for _ in range(count):
        block, target, effector = rng.uniform(-0.5, 0.5, (3, 2)).astype(np.float32)
        yield block, rng.uniform(-2 * np.pi, 2 * np.pi, 1).astype(np.float32), target, effector


def test_points_and_directions_are_those_of_complex_numbers():
    for block, yaw, target, effector in _random_scenes(200):
        info = pushing_info.pushing_info(block, yaw, target, effector)
        b, t, e = (complex(*point.astype(float)) for point in (block, target, effector))
        d = (t - b) / abs(t - b)
        expected = {
            "block": b,
            "effector": e,
            "direction": d,
            "pre_block": b - 0.05 * d,
            "next_to_block": b - 0.03 * d,
            "touching_block": b - 0.01 * d,
            "block_to_effector": (e - b) / abs(e - b),
        }
        for name, value in expected.items():
            found = getattr(info, name)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, [value.real, value.imag], atol=2e-7, err_msg=name)


def test_angle_error_is_zero_for_every_face_and_signed_in_between():
    for block, yaw, target, _ in _random_scenes(500):
        error = pushing_info.angle_error(target - block, yaw)
        assert abs(error) <= np.float32(math.pi / 4)
        # A quarter turn changes nothing: compare fourth powers on the unit circle.
        angle = math.atan2(*reversed((target - block).astype(float))) - float(yaw[0])
        assert cmath.exp(4j * error) == pytest.approx(cmath.exp(4j * angle), abs=1e-5)


@pytest.mark.parametrize(
    ("degrees", "yaw_degrees", "expected"),
    [
        (10, 0, 10),
        (10, 90, 10),
        (0, 10, -10),
        (50, 0, -40),
        (-50, 0, 40),
        (180, 5, -5),
        (44, 0, 44),
    ],
)
def test_angle_error_by_hand(degrees, yaw_degrees, expected):
    direction = np.array([math.cos(math.radians(degrees)), math.sin(math.radians(degrees))])
    error = pushing_info.angle_error(direction, np.array([math.radians(yaw_degrees)]))
    assert math.degrees(error) == pytest.approx(expected)


def test_displacements_are_shortened_but_never_lengthened():
    np.testing.assert_allclose(pushing_info.shortened(np.array([3.0, 4.0]), 1.0), [0.6, 0.8])
    short = np.array([0.03, 0.04], np.float32)
    assert pushing_info.shortened(short, 0.06) is short
    assert pushing_info.shortened(np.zeros(2), 0.1).tolist() == [0, 0]


def test_rotation_is_counter_clockwise():
    np.testing.assert_allclose(
        pushing_info.rotated(np.array([1.0, 0.0]), math.pi / 6), [math.sqrt(0.75), 0.5]
    )


def test_block_at_its_target_has_no_direction_but_numbers():
    here = np.array([0.1, 0.2], np.float32)
    info = pushing_info.pushing_info(here, np.zeros(1, np.float32), here, here)
    np.testing.assert_array_equal(info.pre_block, here)
    assert info.angle_error == 0


_KEYS = ("target_translation", "block_orientation")


def _observation(number):
    """An observation whose every value tells its key's rank and the number."""
    return {
        key: np.float32(100 * number + 10 * rank + np.arange(size))
        for rank, (key, size) in enumerate(sorted(oracle_testing.PUSH_KEYS.items()))
    }


def _wrappings():
    history = [_observation(number) for number in range(3)]
    stacked = {key: np.stack([o[key] for o in history]) for key in history[0]}
    flat = [np.concatenate([o[key] for key in sorted(o)]) for o in history]
    return {"plain": history[2], "stacked": stacked, "flat": flat[2], "both": np.stack(flat)}


@pytest.mark.parametrize("wrapping", ["plain", "stacked", "flat", "both"])
def test_latest_values_are_found(wrapping):
    env = oracle_testing.table_env(oracle_testing.PUSH_KEYS)
    if wrapping in ("flat", "both"):
        env = wrappers.FlattenObservationsWrapper(env)
    read = pushing_info.LatestObservation(env, "Oracle", _KEYS)
    found = read(_wrappings()[wrapping])
    expected = _observation(2)
    assert set(found) == set(_KEYS)
    for key in _KEYS:
        np.testing.assert_array_equal(found[key], expected[key])


def test_values_are_read_as_float32():
    env = oracle_testing.table_env(oracle_testing.PUSH_KEYS)
    read = pushing_info.LatestObservation(env, "Oracle", _KEYS)
    found = read({key: value.astype(np.float64) + 1e-12 for key, value in _observation(1).items()})
    assert all(value.dtype == np.float32 for value in found.values())


def test_environment_of_another_task_is_refused():
    env = oracle_testing.table_env({"pos_agent": 2})
    with pytest.raises(ValueError, match=r"PushOracle needs .* block_orientation, but Env has: "):
        pushing_info.LatestObservation(env, "PushOracle", _KEYS)
