"""Tests of poses."""

import math

import numpy as np
import pytest
from scipy.spatial import transform

from ibc.environments.block_pushing.simulation import pose


def test_yaw_is_the_third_extrinsic_euler_angle():
    quaternions = np.random.RandomState(0).randn(500, 4)
    quaternions /= np.linalg.norm(quaternions, axis=1, keepdims=True)
    expected = transform.Rotation.from_quat(quaternions).as_euler("xyz")[:, 2]
    yaws = [pose.Pose((0.0, 0.0, 0.0), tuple(quaternion)).yaw for quaternion in quaternions]
    np.testing.assert_allclose(yaws, expected, rtol=0, atol=1e-13)


@pytest.mark.filterwarnings("ignore:Gimbal lock")
@pytest.mark.parametrize("gap", [0.0, 5e-8, 2e-7, 1e-4])
@pytest.mark.parametrize("sign", [-1, 1])
def test_yaw_of_a_body_on_its_side_is_as_scipy_defines_it(gap, sign):
    rotation = transform.Rotation.from_euler("xyz", [0.2, sign * (math.pi / 2 - gap), 0.5])
    yaw = pose.Pose((0.0, 0.0, 0.0), tuple(rotation.as_quat())).yaw
    assert yaw == pytest.approx(rotation.as_euler("xyz")[2], abs=1e-7)


@pytest.mark.parametrize("yaw", [-3.0, -0.5, 0.0, 1.0, 3.1])
def test_yaw_survives(yaw):
    made = pose.from_yaw((1.0, 2.0, 3.0), yaw)
    assert made.translation == (1.0, 2.0, 3.0)
    assert made.yaw == pytest.approx(yaw, abs=1e-15)
    assert all(type(x) is float for x in (*made.translation, *made.quaternion))


def test_rotation_vector_about_y_turns_z_down():
    turned = pose.from_rotation_vector((0.0, 0.0, 0.0), (0.0, math.pi, 0.0))
    np.testing.assert_allclose(turned.quaternion, (0.0, 1.0, 0.0, 0.0), atol=1e-16)
